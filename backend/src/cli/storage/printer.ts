import type { StorageUnit } from '../../moves/moves.schema.ts'
import { progressLine } from './text.ts'

/** Where the commands write; the terminal unless a test says otherwise. */
export interface Output {
  write(text: string): void
  error(text: string): void
  /** A terminal, on which a line can be drawn again. */
  readonly columns: number | undefined
}

interface Problem {
  readonly code: string
  readonly message: string
  readonly reasons: readonly string[]
  readonly unit?: string
  /** What would help. */
  readonly hint?: string
}

export interface Printer {
  readonly json: boolean
  /** For people alone. */
  say(text: string): void
  /** A result: `text` for people, `value` as one line of JSON for scripts. */
  result(type: string, value: Readonly<Record<string, unknown>>, text: string): void
  progress(unit: StorageUnit): void
  /** What went wrong, and why. */
  problem(error: Problem): void
}

const LINE_EVERY_MS = 5_000

/** Bars on a terminal, a line now and then elsewhere, lines of JSON for scripts. */
export function createPrinter(output: Output, json: boolean): Printer {
  const isTerminal = output.columns !== undefined && !json
  let drawn = false
  let lastLineMs = Number.NEGATIVE_INFINITY

  const line = (text: string) => {
    if (drawn) output.write('\r\u001b[2K')
    drawn = false
    output.write(`${text}\n`)
  }
  return {
    json,
    say(text) {
      if (!json) line(text)
    },
    result(type, value, text) {
      if (json) line(JSON.stringify({ type, ...value }))
      else line(text)
    },
    progress(unit) {
      if (isTerminal) {
        output.write(`\r\u001b[2K${progressLine(unit, true).slice(0, (output.columns ?? 80) - 1)}`)
        drawn = true
        return
      }
      const nowMs = performance.now()
      if (!json && nowMs - lastLineMs < LINE_EVERY_MS) return
      lastLineMs = nowMs
      const { progress, lag, throttle, verify, state } = unit
      if (json)
        line(JSON.stringify({ type: 'progress', unit: unit.unit, state, progress, lag, throttle, verify }))
      else line(progressLine(unit, false))
    },
    problem({ code, message, reasons, unit, hint }) {
      if (json) {
        line(JSON.stringify({ type: 'error', unit, code, message, reasons, hint }))
        return
      }
      if (drawn) output.write('\n')
      drawn = false
      const [only, ...others] = reasons
      const headline = others.length > 0 ? 'Refused' : (only ?? message)
      output.error(`${unit === undefined ? '' : `${unit}: `}${headline}\n`)
      if (others.length > 0) for (const reason of reasons) output.error(`  - ${reason}\n`)
      if (hint !== undefined) output.error(`  ${hint}\n`)
    },
  }
}
