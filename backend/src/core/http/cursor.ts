import { z } from 'zod'
import { invalid } from '../errors.ts'

/** The place behind a row in a list that is ordered by time and id. */
export interface TimePosition {
  readonly createdAt: string
  readonly id: string
}

const positionSchema = z.tuple([z.iso.datetime(), z.string().regex(/^\d{1,18}$/)])

/** An opaque cursor; microseconds of the timestamp are kept. */
export function encodeCursor(row: { created_at: string; id: number | bigint }): string {
  return Buffer.from(JSON.stringify([row.created_at, String(row.id)])).toString('base64url')
}

/** @throws {AppError} 400 `invalid_cursor` */
export function decodeCursor(cursor: string | undefined): TimePosition | undefined {
  if (cursor === undefined) return undefined
  try {
    const [createdAt, id] = positionSchema.parse(
      JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')),
    )
    return { createdAt, id }
  } catch {
    // Whatever is wrong with it, it is not one that this API gave.
    throw invalid('query.cursor: take it from nextCursor of the page before', undefined, 'invalid_cursor')
  }
}

/** The page in `rows`, of which one more than `limit` was asked for to see whether there is another page. */
export function toPage<Row extends { created_at: string; id: number | bigint }, Item>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
): { items: Item[]; nextCursor: string | null } {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return { items: page.map(toItem), nextCursor: rows.length > limit && last ? encodeCursor(last) : null }
}
