import { setTimeout as sleep } from 'node:timers/promises'
import { median, say } from './bench.ts'
import { pacedGets } from './paced.ts'
import { type Product, startProduct } from './product.ts'

/** Requests a second. */
export const OFFERED = 200
/** Before and after: machines are shared, and what others do there changes within minutes. */
const IDLE_SECONDS = 10
const LIGHT = '/api/metrics/series?endpointId=1&subject=container&name=none'
/** What a backup does before its proof begins. */
const MAKING: readonly string[] = ['starting', 'copying', 'dumping']

/** Medians over the rounds. */
interface Beside {
  /** The mean of before and after. */
  readonly idleP99Ms: number
  readonly backupP99Ms: number
  readonly proofP99Ms: number
}

/**
 * What a light endpoint takes while a backup is made and while it is proved, beside what it takes otherwise.
 *
 * @param env of the built product: stores that hold rows.
 * @throws Error when a backup fails, or an answer is not 2xx.
 */
export async function measureBesideBackups(
  env: Readonly<Record<string, string>>,
  rounds: number,
): Promise<Beside> {
  const product = await startProduct(env)
  try {
    const { secret } = await product.post<{ secret: string }>('/api/tokens', {
      name: 'bench',
      scopes: ['read'],
    })
    const p99Until = async (over: () => Promise<unknown>) =>
      (await pacedGets(product.url + LIGHT, secret, OFFERED, over)).p99Ms
    const idle = () => p99Until(() => sleep(IDLE_SECONDS * 1_000))
    await p99Until(() => sleep(2_000)) // warm
    const seen: Beside[] = []
    for (let round = 0; round < rounds; round++) {
      await untilStep(product, (step) => step === 'ended')
      const idleP99s = [await idle()]
      await product.post('/api/backups', {})
      const backupP99Ms = await p99Until(() => untilStep(product, (step) => !MAKING.includes(step)))
      const proofP99Ms = await p99Until(() => untilStep(product, (step) => step === 'ended'))
      const { last } = await product.get<{ last: { outcome: string; message: string | null } }>(
        '/api/backups',
      )
      if (last.outcome !== 'done') throw new Error(`The backup ${last.outcome}: ${last.message}`)
      idleP99s.push(await idle())
      const idleP99Ms = idleP99s.reduce((sum, ms) => sum + ms, 0) / idleP99s.length
      say(`api p99 idle ${idleP99s.join(' and ')} ms, backup ${backupP99Ms} ms, proof ${proofP99Ms} ms`)
      seen.push({ idleP99Ms, backupP99Ms, proofP99Ms })
    }
    const middle = (key: keyof Beside) => median(seen.map((each) => each[key]))
    return {
      idleP99Ms: middle('idleP99Ms'),
      backupP99Ms: middle('backupP99Ms'),
      proofP99Ms: middle('proofP99Ms'),
    }
  } finally {
    await product.stop()
  }
}

async function untilStep(product: Product, reached: (step: string) => boolean): Promise<void> {
  for (;;) {
    const { operation } = await product.get<{ operation: { step: string } | null }>('/api/backups')
    if (reached(operation?.step ?? 'ended')) return
    await sleep(100)
  }
}
