import { setMaxListeners } from 'node:events'
import type { SecretBox } from '../core/crypto/secret-box.ts'
import type { DockerSource, EngineFacts } from './docker/docker-source.ts'
import { EngineError } from './docker/engine-error.ts'
import {
  type LocalEngineConfig,
  localEngineUrl,
  openEndpoint,
  openEngine,
  portainerAccess,
} from './endpoint-access.ts'
import type { EndpointRow } from './fleet.store.ts'
import { listEnvironments } from './portainer/portainer-source.ts'

/** What came of trying an endpoint once, on a connection of its own. */
export interface EndpointProbe {
  readonly name: string
  readonly kind: EndpointRow['kind']
  readonly enabled: boolean
  /** Without credentials; null where this machine has no engine. */
  readonly url: string | null
  readonly engine: Pick<EngineFacts, 'engineVersion' | 'apiVersion' | 'os'> | undefined
  /** Version of a Portainer server. */
  readonly portainer: string | undefined
  readonly clock: { readonly aheadMs: number; readonly roundTripMs: number } | undefined
  /** Why it cannot be reached at all. */
  readonly problem: EngineProblem | undefined
  /** What of it cannot be read, e.g. behind a proxy of the socket. */
  readonly refused: readonly ({ readonly what: string } & EngineProblem)[]
}

interface EngineProblem {
  readonly message: string
  readonly hint: string | undefined
}

const AT_A_TIME = 4
/** No container has it: the list is asked for, and is empty. */
const NO_CONTAINER = '0'.repeat(64)

/** Tries every endpoint that is enabled: connects, and reads what the collector reads. Changes nothing, never rejects. */
export async function probeEndpoints(
  rows: readonly EndpointRow[],
  deps: { readonly box: SecretBox; readonly localEngine: LocalEngineConfig },
  signal: AbortSignal,
): Promise<EndpointProbe[]> {
  // One listener per request under way, by design.
  setMaxListeners(0, signal)
  const probes: EndpointProbe[] = []
  const waiting = [...rows.entries()]
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) probes[next[0]] = await probe(next[1])
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, worker))
  return probes

  async function probe(row: EndpointRow): Promise<EndpointProbe> {
    const parent = rows.find((each) => each.id === row.parentId)
    const isLocal = row.kind === 'local'
    const url = isLocal ? localEngineUrl(deps.localEngine) : (row.url ?? parent?.url ?? null)
    const found = { ...nothing, name: row.name, kind: row.kind, enabled: row.enabled, url }
    if (!row.enabled || parent?.enabled === false) return { ...found, enabled: false }
    if (url === null) return found
    try {
      if (row.kind === 'portainer' && !parent) {
        const { version } = await listEnvironments(portainerAccess(row, deps.box), signal)
        return { ...found, portainer: version ?? 'unknown' }
      }
      const source = isLocal ? openEngine(url) : openEndpoint(row, { box: deps.box, parent })
      return { ...found, ...(await tryEngine(source, signal)) }
    } catch (error) {
      return { ...found, problem: problemOf(error) }
    }
  }
}

const nothing = {
  engine: undefined,
  portainer: undefined,
  clock: undefined,
  problem: undefined,
  refused: [],
} as const

async function tryEngine(
  source: DockerSource,
  signal: AbortSignal,
): Promise<Pick<EndpointProbe, 'engine' | 'clock' | 'refused'>> {
  try {
    const { engineVersion, apiVersion, os } = await source.connect(signal)
    const reads: readonly (readonly [what: string, read: () => Promise<unknown>])[] = [
      ['containers', () => source.containers([NO_CONTAINER], signal)],
      ['networks', () => source.networks(signal)],
      ['images', () => source.images(signal)],
    ]
    const refused = await Promise.all(
      reads.map(async ([what, read]) => {
        try {
          await read()
          return undefined
        } catch (error) {
          return { what, ...problemOf(error) }
        }
      }),
    )
    return {
      engine: { engineVersion, apiVersion, os },
      clock: (await source.clock(signal)) ?? undefined,
      refused: refused.filter((each) => each !== undefined),
    }
  } finally {
    source.close()
  }
}

function problemOf(error: unknown): EngineProblem {
  if (error instanceof EngineError) return { message: error.message, hint: error.hint }
  return { message: error instanceof Error ? error.message : String(error), hint: undefined }
}
