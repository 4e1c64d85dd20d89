import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile, rounded } from './bench.ts'

/**
 * Calls at a fixed pace, whatever takes how long, until `stopped` or the first failure, which it throws; ends when every
 * call has ended.
 */
export async function paced(
  perSecond: number,
  stopped: AbortSignal,
  call: (dueAt: number) => Promise<void>,
): Promise<void> {
  const startedAt = performance.now()
  const calls: Promise<void>[] = []
  const failures: unknown[] = []
  for (let i = 0; !stopped.aborted && failures.length === 0; i++) {
    const dueAt = startedAt + (i * 1_000) / perSecond
    const ahead = dueAt - performance.now()
    if (ahead > 1) await sleep(ahead)
    calls.push(call(dueAt).catch((error: unknown) => void failures.push(error)))
  }
  await Promise.all(calls)
  if (failures.length > 0) throw failures[0]
}

export interface PacedLoad {
  /** Answered, over the time from the first request to the last answer. */
  readonly requestsPerSecond: number
  /** From when a request was due to the end of its answer. */
  readonly p99Ms: number
}

/** Offers GETs at a fixed pace until `over`. @throws Error for an answer that is not 200. */
export async function pacedGets(
  url: string,
  token: string,
  perSecond: number,
  over: () => Promise<unknown>,
): Promise<PacedLoad> {
  const agent = pacedAgent()
  const stop = new AbortController()
  const tookMs: number[] = []
  const startedAt = performance.now()
  const running = paced(perSecond, stop.signal, async (dueAt) => {
    await drain(url, token, agent)
    tookMs.push(performance.now() - dueAt)
  })
  try {
    await Promise.race([over(), running])
  } finally {
    stop.abort()
    await running.finally(() => agent.destroy())
  }
  const seconds = (performance.now() - startedAt) / 1_000
  return { requestsPerSecond: tookMs.length / seconds, p99Ms: rounded(quantile(tookMs, 0.99)) }
}

/**
 * Connections by turns: one that idles for seconds may be closed by the server just as it is used again. Fewer than a
 * server lets wait to be accepted: a machine that stands still for seconds must not cost a request more than that.
 */
export const pacedAgent = (): Agent => new Agent({ keepAlive: true, scheduling: 'fifo', maxSockets: 256 })

/** Reads an answer and throws it away: parsing it would take the caller's time from others. */
export async function drain(url: string, token: string, agent: Agent): Promise<void> {
  const request = get(url, { agent, headers: { authorization: `Bearer ${token}` } })
  const [response] = await once(request, 'response')
  response.resume()
  await once(response, 'end')
  if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode}`)
}
