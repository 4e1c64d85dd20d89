import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestDatabase } from '../../../test/databases.ts'
import { fillSpans, jobOf, TransferBench } from '../../../test/transfers.ts'
import type { AppDb } from '../app-db.ts'
import type { CopyJob, TableShape } from './index.ts'
import { forgetTables } from './ledger.ts'
import { deleteKeys, rowsByKeys, upsertRows } from './rows.ts'

const ROWS = 30

/** A change of rows by their place among all: keys move to other rows, and rows to other places of the file. */
type Change =
  | { readonly kind: 'insert' | 'delete' | 'update' | 'replace'; readonly row: number }
  | { readonly kind: 'rename' | 'swap'; readonly row: number; readonly to: number }
  | { readonly kind: 'vacuum' }

const place = fc.nat({ max: ROWS * 2 })
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constantFrom('insert', 'delete', 'update'), row: place }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('replace'), row: place }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom('rename', 'swap'), row: place, to: place }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('vacuum') }) },
)
const copies = fc.record({
  pageRows: fc.integer({ min: 1, max: 12 }),
  bareRows: fc.constantFrom(1, ROWS * 10),
  changes: fc.array(fc.record({ page: fc.nat({ max: 12 }), change }), { maxLength: 30 }),
})

let bench: TransferBench
let sqlite: TestDatabase
let shape: TableShape
/** Rows that came twice, in all runs. */
let outdated = 0

beforeAll(async () => {
  bench = await TransferBench.open()
  ;({ sqlite } = bench)
  shape = await bench.shapeOf('spans')
})
afterAll(() => bench.close())

/** @returns the ids that a trigger would have logged. */
async function makeChange(db: AppDb, made: Change): Promise<string[]> {
  const ids = (await db.query<{ id: string }>('SELECT s.id FROM spans AS s ORDER BY s.id')).map(
    ({ id }) => id,
  )
  const idAt = (row: number) => ids[row % Math.max(1, ids.length)] ?? 'nobody'
  const rename = (from: string, to: string) =>
    db.execute('UPDATE OR REPLACE spans SET id = $1 WHERE id = $2', [to, from])
  switch (made.kind) {
    case 'vacuum':
      await db.execute('VACUUM')
      return []
    case 'insert': {
      const id = `added-${made.row}`
      await db.execute(
        `
        INSERT OR REPLACE INTO spans (id, trace_id, name, kind, start_time, service_name)
        VALUES ($1, 't', 'new', 'server', '2026-11-01T00:00:00.000Z', 's')
        `,
        [id],
      )
      return [id]
    }
    case 'delete':
      await db.execute('DELETE FROM spans WHERE id = $1', [idAt(made.row)])
      return [idAt(made.row)]
    case 'update':
      await db.execute(`UPDATE spans SET name = name || '!' WHERE id = $1`, [idAt(made.row)])
      return [idAt(made.row)]
    case 'replace': {
      const names = shape.columns.map(({ name }) => name).join(', ')
      const changed = names.replace(', name,', `, name || '+',`)
      await db.execute(`INSERT OR REPLACE INTO spans (${names}) SELECT ${changed} FROM spans WHERE id = $1`, [
        idAt(made.row),
      ])
      return [idAt(made.row)]
    }
    case 'rename':
      await rename(idAt(made.row), idAt(made.to))
      return [idAt(made.row), idAt(made.to)]
    case 'swap':
      await rename(idAt(made.row), 'between')
      await rename(idAt(made.to), idAt(made.row))
      await rename('between', idAt(made.to))
      return [idAt(made.row), idAt(made.to)]
  }
}

/** What the applier does with logged keys. */
async function apply(ids: ReadonlySet<string>): Promise<void> {
  const keys = [...ids].map((id) => [id])
  const { rows } = await sqlite.store.snapshot((session) => rowsByKeys(session, shape, keys))
  const there = new Set(rows.map((row) => row[0]))
  await bench.postgres.store.transaction(async (tx) => {
    await deleteKeys(
      tx,
      shape,
      keys.filter(([id]) => !there.has(id ?? null)),
    )
    await upsertRows(tx, shape, rows)
  })
}

describe('a table that changes while it is copied', () => {
  it('is equal once the changes are applied', { timeout: 240_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(copies, async ({ pageRows, bareRows, changes }) => {
        await sqlite.db.execute('DELETE FROM spans')
        await bench.postgres.db.execute('DELETE FROM spans')
        await forgetTables(bench.postgres.db, 'test')
        await fillSpans(sqlite, ROWS)
        const changed = new Set<string>()
        let page = -1
        const job: CopyJob = jobOf(shape, {
          pageRows,
          bareRows,
          beforePage: async () => {
            page++
            for (const each of changes.filter((one) => one.page === page)) {
              for (const id of await makeChange(sqlite.db, each.change)) changed.add(id)
            }
          },
          onConflict: () => apply(changed),
        })
        const { digest } = await bench.transfer.copy(job)
        if (digest === null && bareRows === 1) outdated++
        await apply(changed)
        const { different } = await bench.digests(shape)
        expect(different).toEqual([])
        const keys = await bench.postgres.db.query(
          `SELECT 1 FROM pg_constraint WHERE conname = 'spans_pkey' AND contype = 'p'`,
        )
        expect(keys).toHaveLength(1)
      }),
      { numRuns: 60 },
    )
  })

  it('had rows that came twice', () => {
    expect(outdated).toBeGreaterThan(3)
  })
})
