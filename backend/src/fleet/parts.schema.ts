import { z } from 'zod'

export const timestamp = z.string().meta({ description: 'ISO 8601 UTC', example: '2026-11-21T03:04:05.123Z' })
export const bytes = z.number().nonnegative()
export const count = z.int().nonnegative()
export const endpointId = z.int().positive()

/** A page of a list: `nextCursor` is opaque and null on the last page. */
export function pageOf<T extends z.ZodType>(item: T, id: string) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() }).meta({ id })
}
