import type { SqlText } from '../db/app-db.ts'

/** Longest text of a statement that is kept. */
const SHAPE_LENGTH = 300
/** SQLite adds with compensation and PostgreSQL does not: sums and means may part in the sixteenth digit. */
const DIGITS = 12

/** What two engines, or one engine twice, answer differently although both hold the same rows. */
const INCOMPARABLE = new RegExp(
  [
    // The clock, chance and counters of the connection.
    String.raw`\b(?:now|random|randomblob|gen_random_uuid|uuid\w*|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(`,
    String.raw`\bcurrent_(?:timestamp|date|time)\b|\blocaltime(?:stamp)?\b|'now'|\btablesample\b`,
    String.raw`\b(?:nextval|currval|lastval|changes|total_changes|last_insert_rowid|setval|version)\s*\(`,
    // The engine's own tables and places.
    String.raw`\bpg_\w+|\binformation_schema\b|\bsqlite_\w+|\bpragma_\w+|\bdbstat\b|\btimescaledb\w*|\browid\b|\bctid\b`,
    String.raw`\bcurrent_schema\b|\bexplain\b`,
    // The product's own tables, of which each store has others.
    String.raw`\b(?:from|join)\s+"?_`,
    // A lock that nobody asked for.
    String.raw`\bfor\s+(?:no\s+key\s+)?(?:update|share|key)\b`,
  ].join('|'),
  'i',
)

const textsOf = (sql: SqlText) => (typeof sql === 'string' ? [sql] : [sql.sqlite, sql.postgres])

export const isOrdered = (sql: SqlText): boolean => textsOf(sql).every((text) => /\border\s+by\b/i.test(text))

/** Whether both stores must answer the same when they hold the same rows. */
export function isComparable(sql: SqlText): boolean {
  return textsOf(sql).every((text) => {
    // Which rows come first is for the engine to say.
    const anyRows = /\b(?:limit|fetch\s+first)\b/i.test(text) && !/\border\s+by\b/i.test(text)
    return !anyRows && !INCOMPARABLE.test(text)
  })
}

/** A statement for people: one line, without what stands in quotes. Values are parameters, which are not part of it. */
export function shapeOf(sql: SqlText): string {
  const [text = ''] = textsOf(sql)
  const line = text
    .replace(/--[^\n]*/g, ' ')
    .replace(/'(?:[^']|'')*'/g, `'…'`)
    .replace(/\s+/g, ' ')
    .trim()
  return line.length > SHAPE_LENGTH ? `${line.slice(0, SHAPE_LENGTH - 1)}…` : line
}

/** How two answers differ, without a value of either. */
export interface AnswerDifference {
  readonly sourceRows: number
  readonly mirrorRows: number
  /** Columns whose values are not the same, by name. */
  readonly columns: readonly string[]
}

/** Compares two answers whatever the order of their rows; undefined when they are equal. */
export function differenceOf(
  source: readonly unknown[],
  mirror: readonly unknown[],
): AnswerDifference | undefined {
  if (sameTexts(source.map(textOf), mirror.map(textOf))) return undefined
  const names = new Set([...source, ...mirror].flatMap((row) => Object.keys(recordOf(row))))
  const columns = [...names].filter((name) => {
    const values = (rows: readonly unknown[]) => rows.map((row) => textOf(recordOf(row)[name]))
    return !sameTexts(values(source), values(mirror))
  })
  return { sourceRows: source.length, mirrorRows: mirror.length, columns }
}

function sameTexts(left: readonly string[], right: readonly string[]): boolean {
  if (left.length !== right.length) return false
  const a = left.toSorted()
  const b = right.toSorted()
  return a.every((text, i) => text === b[i])
}

function recordOf(row: unknown): Record<string, unknown> {
  return typeof row === 'object' && row !== null ? Object.fromEntries(Object.entries(row)) : {}
}

/** The same text for equal values: keys in order, numbers as far as both engines reckon alike. */
function textOf(value: unknown): string {
  if (value === undefined || value === null) return 'null'
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') {
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(DIGITS)))
  }
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`
  if (typeof value !== 'object') return JSON.stringify(value)
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([name, each]) => `${JSON.stringify(name)}:${textOf(each)}`).join()}}`
}
