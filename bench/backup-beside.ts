import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type PgLink, withLink } from '../backend/src/db/snapshot/index.ts'
import { quantile, rounded, say } from './bench.ts'
import { drain, paced, pacedAgent } from './paced.ts'
import { type Product, startProduct } from './product.ts'
import { watchStolen } from './stolen.ts'

/** Requests a second. */
export const OFFERED = 200
const LIGHT = '/api/metrics/series?endpointId=1&subject=container&name=none'
/** A server that has just started still compiles what one that runs for days has compiled. */
const WARM_MS = 40_000
/** Before and after. */
const IDLE_MS = 20_000
/** By turns: machines are shared, and what others do there changes within seconds. */
const RUNNING_MS = 9_000
const HELD_MS = 3_000
const LOOK_EVERY_MS = 200
/** What a backup does before its proof begins. */
const MAKING: readonly string[] = ['starting', 'copying', 'dumping']

interface Request {
  readonly dueAt: number
  readonly endedAt: number
}

/** p99 in milliseconds, from when a request was due to the end of its answer. */
interface Beside {
  readonly before: number
  readonly making: number
  readonly makingHeld: number
  readonly proof: number
  readonly proofHeld: number
  readonly after: number
  /** Of the requests: not counted, the hypervisor gave the processors to other machines meanwhile. */
  readonly setAside: number
}
type Part = Exclude<keyof Beside, 'setAside'>

/**
 * What a light endpoint takes while a backup is made and while it is proved: beside what it takes before and after, and by
 * turns with the backup being held, when the server is still busy with writing down what was done.
 *
 * @param env of the built product: stores that hold rows.
 * @param url of its database, on a server of this machine.
 * @throws Error when a backup fails, or an answer is not 2xx.
 */
export async function measureBesideBackups(
  env: Readonly<Record<string, string>>,
  url: string,
): Promise<Beside> {
  const product = await startProduct(env)
  try {
    return await withLink(url, async (link) => {
      const { secret } = await product.post<{ secret: string }>('/api/tokens', {
        name: 'bench',
        scopes: ['read'],
      })
      const requests: Record<Part, Request[]> = {
        before: [],
        making: [],
        makingHeld: [],
        proof: [],
        proofHeld: [],
        after: [],
      }
      let now: Request[] | undefined
      const stolen = watchStolen()
      const stop = new AbortController()
      const agent = pacedAgent()
      const load = paced(OFFERED, stop.signal, async (dueAt) => {
        const then = now
        await drain(product.url + LIGHT, secret, agent)
        if (then === now) then?.push({ dueAt, endedAt: performance.now() })
      })
      const measured = async () => {
        await sleep(WARM_MS)
        now = requests.before
        await sleep(IDLE_MS)
        await product.post('/api/backups', {})
        for (let step = await stepOf(product); step !== undefined; step = await stepOf(product)) {
          const part = MAKING.includes(step) ? 'making' : 'proof'
          now = requests[part]
          await untilNext(product, step, RUNNING_MS)
          if ((await stepOf(product)) !== step) continue
          const letGo = await hold(product, link)
          try {
            now = requests[`${part}Held`]
            await sleep(HELD_MS)
          } finally {
            letGo()
          }
        }
        now = requests.after
        await sleep(IDLE_MS)
      }
      try {
        await Promise.race([measured(), load])
      } finally {
        stop.abort()
        stolen.close()
        await load.finally(() => agent.destroy())
      }
      const { last } = await product.get<{ last: { outcome: string; message: string | null } }>(
        '/api/backups',
      )
      if (last.outcome !== 'done') throw new Error(`The backup ${last.outcome}: ${last.message}`)
      let counted = 0
      const p99 = (part: Part) => {
        const tookMs = requests[part]
          .filter((each) => stolen.isUndisturbed(each.dueAt, each.endedAt))
          .map(({ dueAt, endedAt }) => endedAt - dueAt)
        counted += tookMs.length
        // NaN: the hypervisor disturbed all of it.
        const ms = tookMs.length === 0 ? Number.NaN : rounded(quantile(tookMs, 0.99))
        say(`api ${part}: p99 ${ms} ms of ${tookMs.length}`)
        return ms
      }
      return {
        before: p99('before'),
        making: p99('making'),
        makingHeld: p99('makingHeld'),
        proof: p99('proof'),
        proofHeld: p99('proofHeld'),
        after: p99('after'),
        setAside: rounded(1 - counted / Object.values(requests).flat().length),
      }
    })
  } finally {
    await product.stop()
  }
}

async function stepOf(product: Product): Promise<string | undefined> {
  const { operation } = await product.get<{ operation: { step: string } | null }>('/api/backups')
  return operation?.step
}

async function untilNext(product: Product, step: string, mostMs: number): Promise<void> {
  const until = performance.now() + mostMs
  while (performance.now() < until && (await stepOf(product)) === step) await sleep(LOOK_EVERY_MS)
}

/**
 * Stops the programs of a backup, then, once the server is done with their last statement, its sessions that hash rows.
 *
 * @returns what lets them go on.
 */
async function hold(product: Product, link: PgLink): Promise<() => void> {
  const stopped: number[] = []
  const signal = (name: 'SIGSTOP' | 'SIGCONT', pids: readonly number[]) => {
    for (const pid of pids) {
      try {
        process.kill(pid, name)
        if (name === 'SIGSTOP') stopped.push(pid)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error // it has ended
      }
    }
  }
  const isWorking = async (which: string) => {
    const rows = await link.texts(`
      SELECT 1 FROM pg_stat_activity AS a
      WHERE ${which} AND a.state = 'active' AND coalesce(a.wait_event_type, '') NOT IN ('Client', 'Lock')
    `)
    return rows.length > 0
  }
  const letGo = () => signal('SIGCONT', stopped)
  try {
    signal('SIGSTOP', await programsOf(product.pid))
    while (await isWorking("a.application_name = 'holdfast backup'")) await sleep(LOOK_EVERY_MS)
    const sessions = await link.texts(`
      SELECT a.pid FROM pg_stat_activity AS a
      WHERE a.application_name = 'holdfast transfer' AND a.pid <> pg_backend_pid()
    `)
    for (const [pid] of sessions) {
      signal('SIGSTOP', [Number(pid)])
      // Within a statement it may hold a lock of the server that every other session waits for.
      while (await isWorking(`a.pid = ${pid}`)) {
        signal('SIGCONT', [Number(pid)])
        await sleep(1)
        signal('SIGSTOP', [Number(pid)])
      }
    }
    return letGo
  } catch (error) {
    letGo()
    throw error
  }
}

/** The process ids of pg_dump and pg_restore that run for `parent`. */
async function programsOf(parent: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid='])
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([pid = 0, ppid]) => (ppid === parent ? [pid] : []))
}
