import { existsSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { median } from './bench.ts'

const FILE = '/proc/stat'
const TICKS_PER_SECOND = 100
const LOOK_EVERY_MS = 250
/** Of the processors, during a look, more than in most looks, as a busy neighbour takes its share of all of them: what follows waits too. */
const MORE_SHARE = 0.02
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
  close(): void
  /** To be asked once it is closed. */
  isUndisturbed(fromMs: number, untilMs: number): boolean
}

export function watchStolen(): StolenWatch {
  const looks: { readonly from: number; readonly until: number; readonly share: number }[] = []
  const stolen = countStolen()
  let lookedAt = performance.now()
  const timer = setInterval(() => {
    const from = lookedAt
    lookedAt = performance.now()
    looks.push({ from, until: lookedAt + AFTERMATH_MS, share: stolen() })
  }, LOOK_EVERY_MS)
  let disturbed: typeof looks = []
  return {
    close() {
      clearInterval(timer)
      const usual = looks.length === 0 ? 0 : median(looks.map(({ share }) => share))
      disturbed = looks.filter(({ share }) => share > usual + MORE_SHARE)
    },
    isUndisturbed: (from, until) => !disturbed.some((each) => from < each.until && until > each.from),
  }
}
