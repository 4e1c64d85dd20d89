import type { LogEntry } from '../../ui/log-viewer/log-buffer.ts'
import type { FleetEvent, LogLine } from '../api/types.ts'

let lastId = 0

export function lineEntry(line: LogLine, source: string): LogEntry {
  lastId += 1
  return {
    id: lastId,
    kind: 'line',
    source,
    at: line.at,
    stream: line.stream,
    text: line.text,
    level: line.level,
    ...(line.truncated ? { truncated: true } : {}),
  }
}

/** Actions of a container that explain why its lines begin or end. */
const MARKED = new Set(['start', 'die', 'oom', 'pause', 'unpause', 'restart'])

/** A mark between lines for what happened to the container; null for what a log does not need to show. */
export function eventEntry(event: FleetEvent, source: string): LogEntry | null {
  if (event.kind !== 'container' || !MARKED.has(event.action)) return null
  lastId += 1
  const code = event.action === 'die' ? event.attributes.exitCode : undefined
  const text = `${event.subjectName}: ${event.action}${code === undefined ? '' : ` (${code})`}`
  return { id: lastId, kind: 'mark', source, at: event.at, stream: 'stdout', text, level: null }
}

/** Puts marks among lines by time; marks from before the first line stay out: what they are about is not shown. */
export function withMarks(lines: readonly LogEntry[], marks: readonly LogEntry[]): LogEntry[] {
  const first = lines.find((line) => line.at !== null)?.at
  if (first === null || first === undefined) return [...lines]
  const inside = marks
    .filter((mark) => mark.at !== null && mark.at >= first)
    .sort((a, b) => String(a.at).localeCompare(String(b.at)))
  const out: LogEntry[] = []
  let next = 0
  for (const line of lines) {
    while (next < inside.length && line.at !== null && String(inside[next]?.at) <= line.at) {
      const mark = inside[next]
      if (mark) out.push(mark)
      next += 1
    }
    out.push(line)
  }
  return [...out, ...inside.slice(next)]
}

/** Newest time among lines, '' when none has one; lines at or before it have been seen. */
export function newestAt(lines: readonly LogEntry[]): string {
  return lines.reduce(
    (newest, line) => (line.kind === 'line' && line.at !== null && line.at > newest ? line.at : newest),
    '',
  )
}
