import { stripAnsi } from '../ansi/ansi.ts'

export interface JsonField {
  path: string
  value: string
}

const MAX_FIELDS = 200

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? Object.fromEntries(Object.entries(parsed))
      : null
  } catch {
    // Most lines that hold a brace are not JSON.
    return null
  }
}

/** The JSON object that a line is, or that follows a prefix such as a time; null when there is none. */
export function lineJson(line: string): Record<string, unknown> | null {
  const text = stripAnsi(line).trim()
  const start = text.indexOf('{')
  return start === -1 || !text.endsWith('}') ? null : parseObject(text.slice(start))
}

/** Quick look at whether `lineJson` is worth trying, for the mark beside a line. */
export function looksLikeJson(line: string): boolean {
  return line.includes('{"') && line.trimEnd().endsWith('}')
}

/** Leaves of the object with dotted paths in their order, strings without quotes; at most 200. */
export function jsonFields(object: Record<string, unknown>): JsonField[] {
  const out: JsonField[] = []
  const walk = (value: unknown, path: string, depth: number) => {
    if (out.length >= MAX_FIELDS) return
    if (typeof value === 'object' && value !== null && depth < 6) {
      const entries: [string, unknown][] = Array.isArray(value)
        ? value.map((item, index) => [String(index), item])
        : Object.entries(value)
      if (entries.length > 0) {
        for (const [key, item] of entries) walk(item, path === '' ? key : `${path}.${key}`, depth + 1)
        return
      }
    }
    out.push({ path, value: typeof value === 'string' ? value : JSON.stringify(value) })
  }
  walk(object, '', 0)
  return out
}
