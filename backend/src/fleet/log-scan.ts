import {
  consume,
  engineRequest,
  isFiltered,
  type LoggedContainer,
  type LogQuery,
  logMatcher,
  toLogLine,
} from './container-logs.ts'
import type { DockerSource } from './docker/docker-source.ts'
import { LogFrameParser } from './docker/log-frames.ts'
import type { LogLine, LogPage, LogSearchEnd, LogSearchStep } from './log.schema.ts'
import { guessLevel } from './log-level.ts'

export interface ScanWatcher {
  /** Ends the scan; it then throws what the source throws for it. */
  readonly signal: AbortSignal
  /** False while the watcher cannot take a step; what is found meanwhile comes with a later one. */
  ready(): boolean
  step(step: LogSearchStep): void
}

interface ScanLimits {
  readonly lines: number
  readonly ms: number
}

const LIMITS: ScanLimits = { lines: 200_000, ms: 20_000 }
const STEP_MS = 150
const KEPT_BYTES = 16 * 1024 * 1024
/**
 * Engines count `tail` from the end of the log, and only then leave out what is after `until`: for older lines
 * they are asked for more and more, in the end for all, until enough of them lie before it.
 */
const OLDER_TAILS: readonly (number | undefined)[] = [4_000, 32_000, 256_000, undefined]

/**
 * The newest lines of a container that match, oldest first.
 *
 * A search looks at the newest 200,000 lines for at most 20 s; `limit` says which of the two ended it before the log.
 */
export async function readLogs(
  source: DockerSource,
  container: LoggedContainer,
  query: LogQuery,
  limits = LIMITS,
): Promise<LogPage> {
  const { lines, scanned, truncated, limit } = await scan(source, container, query, limits)
  return { lines, scanned, truncated, limit }
}

/**
 * The same as {@link readLogs} told while it goes on: matches in steps, oldest first, then how it ended.
 *
 * @throws AppError `invalid_regex`, EngineError
 */
export async function searchLogs(
  source: DockerSource,
  container: LoggedContainer,
  query: LogQuery,
  watcher: ScanWatcher,
  limits = LIMITS,
): Promise<LogSearchEnd> {
  const { lines, skipped, ...end } = await scan(source, container, query, limits, watcher)
  watcher.step({ type: 'step', lines, skipped, scanned: end.scanned, at: end.at })
  return { type: 'end', ...end }
}

interface Scan extends Omit<LogSearchEnd, 'type'> {
  /** Those that no step has told. */
  lines: LogLine[]
  skipped: boolean
}

async function scan(
  source: DockerSource,
  container: LoggedContainer,
  query: LogQuery,
  limits: ScanLimits,
  watcher?: ScanWatcher,
): Promise<Scan> {
  const searching = isFiltered(query)
  const older = query.until !== undefined
  // One more than asked for tells whether there are more.
  const tails = older ? OLDER_TAILS : [searching ? limits.lines : query.tail + 1]
  const late = AbortSignal.timeout(limits.ms)
  const signal = watcher ? AbortSignal.any([late, watcher.signal]) : late
  let pass = new Pass(container, query)
  let more = false
  for (const tail of tails) {
    const next = new Pass(container, query)
    // What passes of a growing length find is told when the last has ended: they repeat each other.
    const timer = watcher && setInterval(() => next.tell(watcher, !older), STEP_MS)
    try {
      await consume(await source.logs(container.id, engineRequest(query, tail), signal), next.parser)
    } catch (error) {
      if (!late.aborted || watcher?.signal.aborted) throw error
      // Out of time: what was found so far is the answer. Of older lines only what whole passes found, since
      // the newest lines of a pass come last.
      if (!older) pass = next
      return { ...pass.result(), limit: 'time', truncated: true }
    } finally {
      clearInterval(timer)
    }
    const before = pass.parser.entries
    pass = next
    const { entries } = next.parser
    if (tail === undefined) more = false
    else more = older ? entries === 0 || entries > before : entries >= tail
    if (!more || next.matched > query.tail) break
  }
  const result = pass.result()
  const enough = older ? pass.matched > query.tail : !searching
  return {
    ...result,
    limit: more && !enough ? 'lines' : null,
    truncated: more || result.skipped || pass.matched > query.tail,
  }
}

/** One reading of the log: counts its lines and keeps the newest that match. */
class Pass {
  readonly parser: LogFrameParser
  matched = 0
  readonly #most: number
  #lines: LogLine[] = []
  #bytes = 0
  #skipped = false
  #seq = 0
  #from: string | null = null
  #at: string | null = null

  constructor(container: LoggedContainer, query: LogQuery) {
    const matches = logMatcher(query)
    this.#most = query.tail
    this.parser = new LogFrameParser(container.tty, (line) => {
      this.#from ??= line.at
      this.#at = line.at ?? this.#at
      const level = guessLevel(line.text)
      if (matches(line, level)) this.#keep(toLogLine(line, level, 0))
    })
  }

  #keep(line: LogLine): void {
    this.matched++
    this.#lines.push(line)
    this.#bytes += line.text.length
    while (this.#lines.length > this.#most || (this.#bytes > KEPT_BYTES && this.#lines.length > 1)) {
      this.#bytes -= this.#lines.shift()?.text.length ?? 0
      this.#skipped = true
    }
  }

  #take() {
    const taken = { lines: this.#lines, skipped: this.#skipped }
    for (const line of this.#lines) line.seq = this.#seq++
    this.#lines = []
    this.#bytes = 0
    this.#skipped = false
    return taken
  }

  tell({ ready, step }: ScanWatcher, withLines: boolean): void {
    if (!ready()) return
    const found = withLines ? this.#take() : { lines: [], skipped: false }
    step({ type: 'step', ...found, scanned: this.parser.entries, at: this.#at })
  }

  result() {
    return { ...this.#take(), scanned: this.parser.entries, from: this.#from, at: this.#at }
  }
}
