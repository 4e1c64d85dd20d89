import { setMaxListeners } from 'node:events'
import type { DockerSource } from './docker/docker-source.ts'
import { connectionError, EngineError } from './docker/engine-error.ts'
import { createEndpointSession, type EndpointSession, type MonitorDeps } from './endpoint-session.ts'
import { backoffMs, pause } from './pause.ts'

export interface EndpointMonitor {
  /** The connected engine; undefined while there is none. */
  source(): DockerSource | undefined
  /** Reads these containers anew now, e.g. after an action on them. */
  refresh(ids: readonly string[]): Promise<void>
  start(): void
  stop(): Promise<void>
}

const NO_ENGINE_MS = 30_000
const START = 'Start it again, or set DOCKER_SOCKET to where its socket is now.'

/**
 * Keeps one endpoint: connects, follows its events, reconciles the list now and then, samples its containers.
 * Whatever fails ends the session, and a new one begins after a pause; other endpoints never notice.
 */
export function createEndpointMonitor(deps: MonitorDeps): EndpointMonitor {
  const { endpointId, state, log } = deps
  const stopping = new AbortController()
  let running: Promise<void> = Promise.resolve()
  let connected: { source: DockerSource; work: EndpointSession } | undefined
  const replay: { since: string | undefined } = { since: undefined }
  let wasDown = false
  let wasConnected = false

  function tell(action: 'up' | 'down', attributes: Record<string, string>): void {
    deps.onEvent({
      at: new Date().toISOString(),
      endpointId,
      kind: 'endpoint',
      action,
      subjectId: String(endpointId),
      subjectName: state.endpoints.get(endpointId)?.row.name ?? '',
      stack: null,
      attributes,
    })
  }

  async function run(): Promise<void> {
    let failures = 0
    while (!stopping.signal.aborted) {
      try {
        const source = deps.open()
        if (source === null) {
          // One that was there is missed.
          if (wasConnected)
            throw new EngineError('no-socket', 'The Docker engine of this machine is gone', { hint: START })
          state.setStatus(endpointId, 'up', { hint: 'No Docker engine was found on this machine.' })
          await pause(NO_ENGINE_MS, stopping.signal)
          continue
        }
        await session(source, () => {
          failures = 0
        })
      } catch (error) {
        if (stopping.signal.aborted) return
        goDown(error)
      }
      failures++
      await pause(backoffMs(failures, deps.random), stopping.signal)
    }
  }

  function goDown(error: unknown): void {
    const problem = error instanceof EngineError ? error : connectionError(error, 'the endpoint')
    state.setStatus(endpointId, 'down', { error: problem.message, hint: problem.hint })
    if (wasDown) return
    wasDown = true
    log.warn({ endpointId, err: problem }, 'endpoint is down')
    tell('down', { error: problem.message.slice(0, 500) })
  }

  /** From connecting to the first failure, which it throws. */
  async function session(source: DockerSource, onConnected: () => void): Promise<void> {
    const abort = new AbortController()
    const { signal } = abort
    // One listener per request under way, by design.
    setMaxListeners(0, signal)
    const stop = () => abort.abort()
    stopping.signal.addEventListener('abort', stop)
    const work = createEndpointSession(deps, { source, signal, replay })
    const parts: Promise<void>[] = []
    try {
      state.setFacts(endpointId, await source.connect(signal))
      connected = { source, work }
      wasConnected = true
      await work.refreshAll()
      onConnected()
      state.seen(endpointId, Date.now())
      state.setStatus(endpointId, 'up')
      if (wasDown) tell('up', {})
      wasDown = false
      log.info({ endpointId }, 'endpoint is up')
      parts.push(work.followEvents(), work.refreshDirty(), work.reconcile(), work.inspect(), work.sample())
      await Promise.race(parts)
    } finally {
      connected = undefined
      stopping.signal.removeEventListener('abort', stop)
      abort.abort()
      await Promise.allSettled(parts)
      source.close()
    }
  }

  return {
    source: () => connected?.source,
    async refresh(ids) {
      const current = connected
      if (!current) return
      await current.work.refresh(ids)
      await current.work.inspectAll(ids)
    },
    start() {
      running = run()
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}
