import { stripAnsi } from '../ansi/ansi.ts'
import type { LogEntry } from './log-buffer.ts'
import { LOG_LEVELS, type LogLevel } from './log-levels.ts'

export interface LogFilter {
  q?: string | undefined
  regex?: boolean | undefined
  /** show the lines that do not match */
  invert?: boolean | undefined
  stream?: 'stdout' | 'stderr' | undefined
  /** this level and graver ones */
  level?: LogLevel | undefined
}

export const hasFilter = (filter: LogFilter): boolean =>
  Boolean(filter.q) || filter.stream !== undefined || filter.level !== undefined

/**
 * The search as a global, case-insensitive pattern; null when there is nothing to search for.
 *
 * @returns the browser's words about it when the pattern is not a regular expression.
 */
export function searchPattern(filter: LogFilter): { pattern: RegExp | null; error: string | null } {
  if (!filter.q) return { pattern: null, error: null }
  const source = filter.regex ? filter.q : filter.q.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  try {
    return { pattern: new RegExp(source, 'gi'), error: null }
  } catch (error) {
    return { pattern: null, error: error instanceof Error ? error.message : String(error) }
  }
}

/** The same choice among live lines as the server makes among old ones. A mark is always shown. */
export function createLogMatcher(filter: LogFilter): (entry: LogEntry) => boolean {
  const { pattern } = searchPattern(filter)
  const lowest = filter.level === undefined ? -1 : LOG_LEVELS.indexOf(filter.level)
  return (entry) => {
    if (entry.kind === 'mark') return true
    if (filter.stream !== undefined && entry.stream !== filter.stream) return false
    if (lowest >= 0 && (entry.level === null || LOG_LEVELS.indexOf(entry.level) < lowest)) return false
    if (pattern === null) return true
    pattern.lastIndex = 0
    return pattern.test(stripAnsi(entry.text)) !== (filter.invert ?? false)
  }
}
