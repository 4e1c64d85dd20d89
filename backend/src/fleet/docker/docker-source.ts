import type { IncomingMessage } from 'node:http'
import { EngineStats } from './container-stats.ts'
import type { EngineClient } from './engine-client.ts'
import { EngineError } from './engine-error.ts'
import {
  EngineClock,
  type EngineContainer,
  EngineContainerDetail,
  EngineContainers,
  EngineEvent,
  type EngineImage,
  EngineImages,
  EngineInfo,
  type EngineNetwork,
  EngineNetworks,
  EngineTop,
  EngineVersion,
} from './engine-types.ts'

export interface EngineFacts {
  /** The engine's own id; empty where it has none. */
  readonly id: string
  readonly name: string
  readonly engineVersion: string
  readonly apiVersion: string
  readonly os: string
  readonly kernel: string
  readonly arch: string
  readonly cpus: number
  readonly memoryBytes: number
}

interface LogRequest {
  readonly stdout: boolean
  readonly stderr: boolean
  readonly follow?: boolean
  /** The last n lines; all when left out. */
  readonly tail?: number | undefined
  /** Engine form: Unix seconds, nanoseconds after the point. */
  readonly since?: string | undefined
  readonly until?: string | undefined
}

export interface DockerSource {
  /**
   * Agrees on an API version and reads what the engine is. Everything else needs this first.
   *
   * @throws EngineError `api-too-old`, `not-docker`, or why it cannot be reached
   */
  connect(signal?: AbortSignal): Promise<EngineFacts>
  /** By how much the engine's clock is ahead of this one's, give or take half of `roundTripMs`; null where it does not say. */
  clock(signal?: AbortSignal): Promise<{ readonly aheadMs: number; readonly roundTripMs: number } | null>
  /** All containers, stopped ones included, or those of `ids` that exist. */
  containers(ids?: readonly string[], signal?: AbortSignal): Promise<EngineContainer[]>
  inspect(id: string, signal?: AbortSignal): Promise<EngineContainerDetail>
  images(signal?: AbortSignal): Promise<EngineImage[]>
  networks(signal?: AbortSignal): Promise<EngineNetwork[]>
  top(id: string): Promise<EngineTop>
  /** One reading, at once where the engine can do that (API 1.41), else after a second or two. */
  stats(id: string, signal?: AbortSignal): Promise<EngineStats>
  /** About one reading a second until `signal` or the container ends it. */
  statsStream(id: string, signal: AbortSignal): AsyncIterable<EngineStats>
  /** @param since Unix seconds with a fraction: also what happened from then on */
  events(since: string | undefined, signal: AbortSignal): AsyncIterable<EngineEvent>
  logs(id: string, request: LogRequest, signal: AbortSignal): Promise<IncomingMessage>
  /** @returns false when the container was in that state already */
  act(id: string, action: 'start' | 'stop' | 'restart'): Promise<boolean>
  close(): void
}

const NEWEST_API = [1, 47] as const
const OLDEST_API = [1, 24] as const
const STATS_TIMEOUT_MS = 8_000
const STOP_SECONDS = 10
const MAX_EVENT_BYTES = 1024 * 1024
// Names and ids are data: nothing else may enter a path.
const reference = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/
const psArguments = '-eo user,pid,ppid,pcpu,rss,etime,args'

export function createDockerSource(client: EngineClient): DockerSource {
  let prefix = ''
  let canOneShot = true

  const containerPath = (id: string, what: string) => {
    if (!reference.test(id)) throw new EngineError('not-found', 'No such container')
    return `${prefix}/containers/${id}/${what}`
  }
  const url = client.target.url

  return {
    async connect(signal) {
      const version = await client.json(EngineVersion, '/version', { signal })
      const engineApi = parseApi(version.ApiVersion)
      if (!engineApi) {
        throw new EngineError('not-docker', `${url} gave an answer that is not of a Docker engine`)
      }
      if (compareApi(engineApi, OLDEST_API) < 0) {
        throw new EngineError(
          'api-too-old',
          `The engine ${version.Version} speaks API ${version.ApiVersion}; at least 1.24 is needed`,
          { hint: 'Update the Docker engine to 1.12 or later.' },
        )
      }
      const agreed = compareApi(engineApi, NEWEST_API) < 0 ? engineApi : NEWEST_API
      const oldest = parseApi(version.MinAPIVersion)
      if (oldest && compareApi(agreed, oldest) < 0) {
        throw new EngineError('api-too-old', `The engine needs API ${version.MinAPIVersion} or later`, {
          hint: 'Update this product.',
        })
      }
      prefix = `/v${agreed.join('.')}`
      canOneShot = compareApi(agreed, [1, 41]) >= 0
      const info = await client.json(EngineInfo, `${prefix}/info`, { signal, timeoutMs: 20_000 })
      if (info.OSType !== '' && info.OSType !== 'linux') {
        throw new EngineError('not-docker', `The engine runs ${info.OSType} containers`, {
          hint: 'Only engines with Linux containers are supported: switch the engine to Linux containers.',
        })
      }
      return {
        id: info.ID,
        name: info.Name,
        engineVersion: version.Version,
        apiVersion: agreed.join('.'),
        os: info.OperatingSystem || version.Os,
        kernel: info.KernelVersion || version.KernelVersion,
        arch: info.Architecture || version.Arch,
        cpus: info.NCPU,
        memoryBytes: info.MemTotal,
      }
    },
    async clock(signal) {
      const before = Date.now()
      const { SystemTime } = await client.json(EngineClock, `${prefix}/info`, { signal })
      const after = Date.now()
      const engineMs = Date.parse(SystemTime ?? '')
      if (Number.isNaN(engineMs)) return null
      return { aheadMs: Math.round(engineMs - (before + after) / 2), roundTripMs: after - before }
    },
    containers(ids, signal) {
      return client.json(EngineContainers, `${prefix}/containers/json`, {
        query: { all: true, filters: ids ? JSON.stringify({ id: ids }) : undefined },
        timeoutMs: 20_000,
        signal,
      })
    },
    async inspect(id, signal) {
      return client.json(EngineContainerDetail, containerPath(id, 'json'), { signal })
    },
    images(signal) {
      return client.json(EngineImages, `${prefix}/images/json`, { timeoutMs: 30_000, signal })
    },
    networks(signal) {
      return client.json(EngineNetworks, `${prefix}/networks`, { timeoutMs: 20_000, signal })
    },
    async top(id) {
      try {
        return await client.json(EngineTop, containerPath(id, 'top'), { query: { ps_args: psArguments } })
      } catch (error) {
        // A host with another ps (busybox) refuses the columns; its own are better than none.
        if (!(error instanceof EngineError) || error.kind !== 'engine') throw error
        return client.json(EngineTop, containerPath(id, 'top'))
      }
    },
    async stats(id, signal) {
      return client.json(EngineStats, containerPath(id, 'stats'), {
        query: { stream: false, 'one-shot': canOneShot ? true : undefined },
        timeoutMs: STATS_TIMEOUT_MS,
        maxBytes: 1024 * 1024,
        signal,
      })
    },
    async *statsStream(id, signal) {
      const response = await client.stream(containerPath(id, 'stats'), { query: { stream: true }, signal })
      for await (const line of jsonLines(response)) {
        const parsed = EngineStats.safeParse(line)
        if (parsed.success) yield parsed.data
      }
    },
    async *events(since, signal) {
      const response = await client.stream(`${prefix}/events`, {
        query: { since, filters: JSON.stringify({ type: ['container', 'image', 'network'] }) },
        // Some engines send headers only with the first event.
        timeoutMs: 24 * 60 * 60 * 1000,
        signal,
      })
      for await (const line of jsonLines(response)) {
        const parsed = EngineEvent.safeParse(line)
        if (parsed.success) yield parsed.data
      }
    },
    async logs(id, request, signal) {
      return client.stream(containerPath(id, 'logs'), {
        query: {
          stdout: request.stdout,
          stderr: request.stderr,
          follow: request.follow ?? false,
          timestamps: true,
          tail: request.tail ?? 'all',
          since: request.since,
          until: request.until,
        },
        // With follow and no line yet, headers come with the first line.
        timeoutMs: request.follow ? 24 * 60 * 60 * 1000 : 20_000,
        signal,
      })
    },
    async act(id, action) {
      const status = await client.send(containerPath(id, action), {
        query: action === 'start' ? {} : { t: STOP_SECONDS },
        timeoutMs: (STOP_SECONDS + 20) * 1000,
      })
      return status !== 304
    },
    close() {
      client.close()
    },
  }
}

/** Values of a stream of JSON texts, one a line. Ends with the stream; leaving early closes it. */
async function* jsonLines(response: IncomingMessage): AsyncGenerator<unknown> {
  let pending = ''
  response.setEncoding('utf8')
  try {
    for await (const chunk of response) {
      pending += String(chunk)
      if (pending.length > MAX_EVENT_BYTES) throw new EngineError('too-large', 'An event is over 1 MB')
      let start = 0
      for (;;) {
        const end = pending.indexOf('\n', start)
        if (end < 0) break
        const value = parseJson(pending.slice(start, end))
        start = end + 1
        if (value !== undefined) yield value
      }
      if (start > 0) pending = pending.slice(start)
    }
  } finally {
    response.destroy()
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // An empty line, or the rest of a line cut by a proxy: the reconciling list makes good for it.
    return undefined
  }
}

function parseApi(text: string): readonly [number, number] | undefined {
  const match = /^(\d+)\.(\d+)/.exec(text)
  return match ? [Number(match[1]), Number(match[2])] : undefined
}

function compareApi(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] - b[0] || a[1] - b[1]
}
