import { existsSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'

const FILE = '/proc/stat'
const TICKS_PER_SECOND = 100
const LOOK_EVERY_MS = 250
/** Of the processors, during a look: what follows waits too. */
const MOST_SHARE = 0.02
const AFTERMATH_MS = 500

/** CPU seconds that the hypervisor gave to other machines while this one wanted them, since its start; 0 where it says nothing. */
export function stolenSeconds(): number {
  if (!existsSync(FILE)) return 0
  const [cpu = ''] = readFileSync(FILE, 'utf8').split('\n', 1)
  return Number(cpu.trim().split(/\s+/)[8] ?? 0) / TICKS_PER_SECOND
}

/** The share of this machine's processors that was given to others while `work` ran, and its result. */
export async function stolenDuring<T>(work: () => Promise<T>): Promise<{ result: T; share: number }> {
  const before = stolenSeconds()
  const startedAt = performance.now()
  const result = await work()
  const seconds = (performance.now() - startedAt) / 1_000
  return { result, share: (stolenSeconds() - before) / (seconds * cpus().length) }
}

/** Tells which times, of performance.now(), were free of what other machines did. */
export interface StolenWatch {
  isUndisturbed(fromMs: number, untilMs: number): boolean
  close(): void
}

export function watchStolen(): StolenWatch {
  const disturbed: { readonly from: number; readonly until: number }[] = []
  let lookedAt = performance.now()
  let seconds = stolenSeconds()
  const timer = setInterval(() => {
    const from = lookedAt
    const before = seconds
    lookedAt = performance.now()
    seconds = stolenSeconds()
    const share = ((seconds - before) * 1_000) / ((lookedAt - from) * cpus().length)
    if (share > MOST_SHARE) disturbed.push({ from, until: lookedAt + AFTERMATH_MS })
  }, LOOK_EVERY_MS)
  return {
    isUndisturbed: (from, until) => !disturbed.some((each) => from < each.until && until > each.from),
    close: () => clearInterval(timer),
  }
}
