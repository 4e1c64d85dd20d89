import { existsSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'

const FILE = '/proc/stat'
const TICKS_PER_SECOND = 100
const LOOK_EVERY_MS = 250
/** Of the processors, during a look: what follows waits too. */
const MOST_SHARE = 0.02
const AFTERMATH_MS = 500

/** CPU seconds that the hypervisor gave to other machines while this one wanted them, since its start; 0 where it says nothing. */
function stolenSeconds(): number {
  if (!existsSync(FILE)) return 0
  const [cpu = ''] = readFileSync(FILE, 'utf8').split('\n', 1)
  return Number(cpu.trim().split(/\s+/)[8] ?? 0) / TICKS_PER_SECOND
}

/** @returns what tells the share of this machine's processors that was given to others since it was asked last. */
export function countStolen(): () => number {
  let at = performance.now()
  let seconds = stolenSeconds()
  return () => {
    const [since, before] = [at, seconds]
    at = performance.now()
    seconds = stolenSeconds()
    return ((seconds - before) * 1_000) / ((at - since) * cpus().length)
  }
}

/** Tells which times, of performance.now(), were free of what other machines did. */
export interface StolenWatch {
  isUndisturbed(fromMs: number, untilMs: number): boolean
  close(): void
}

export function watchStolen(): StolenWatch {
  const disturbed: { readonly from: number; readonly until: number }[] = []
  const stolen = countStolen()
  let lookedAt = performance.now()
  const timer = setInterval(() => {
    const from = lookedAt
    lookedAt = performance.now()
    if (stolen() > MOST_SHARE) disturbed.push({ from, until: lookedAt + AFTERMATH_MS })
  }, LOOK_EVERY_MS)
  return {
    isUndisturbed: (from, until) => !disturbed.some((each) => from < each.until && until > each.from),
    close: () => clearInterval(timer),
  }
}
