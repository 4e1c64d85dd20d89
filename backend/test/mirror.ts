import { expect } from 'vitest'
import type { Domain } from '../src/db/domains.ts'
import type { Placement } from '../src/db/placement-store.ts'
import type { ScriptSession, SqlStore } from '../src/db/sql-store.ts'
import { quoteName } from '../src/db/sql-text.ts'
import { encodeRow, readTableShapes, type TableShape } from '../src/db/transfer/index.ts'
import { createLedgerTables, listQuarantine } from '../src/db/transfer/ledger.ts'
import { type Applied, applyBatch } from '../src/moves/applier.ts'
import { createCapture, type QueueBatch } from '../src/moves/capture.ts'
import { openDatabase, type TestDatabase } from './databases.ts'

type OpenStores = Readonly<Record<Placement, TestDatabase>>

/** A migrated database of each engine, with the books of moves. */
export async function openBoth(): Promise<OpenStores & { close(): Promise<void> }> {
  const [sqlite, postgres] = await Promise.all([
    openDatabase('sqlite', { migrated: true }),
    openDatabase('postgres', { migrated: true }),
  ])
  await createLedgerTables(postgres.store)
  return {
    sqlite,
    postgres,
    async close() {
      await Promise.all([sqlite.close(), postgres.close()])
    },
  }
}

/** A unit that is mirrored from one store to the other. */
export class Mirror {
  readonly from: Placement
  readonly books: SqlStore
  readonly source: SqlStore
  readonly target: SqlStore
  readonly shapes: readonly TableShape[]
  readonly unit: string
  readonly sourceCapture
  readonly targetCapture

  private constructor(opened: OpenStores, from: Placement, unit: string, shapes: readonly TableShape[]) {
    this.from = from
    this.unit = unit
    this.shapes = shapes
    const to = from === 'sqlite' ? 'postgres' : 'sqlite'
    this.books = opened.postgres.store
    this.source = opened[from].store
    this.target = opened[to].store
    this.sourceCapture = createCapture(from)
    this.targetCapture = createCapture(to)
  }

  static async open(opened: OpenStores, from: Placement, names: readonly Domain[]): Promise<Mirror> {
    const shapes = await readTableShapes(opened.sqlite.store, opened.postgres.store, names)
    const mirror = new Mirror(opened, from, names[0] ?? '', shapes)
    const { unit, source, target, sourceCapture, targetCapture } = mirror
    await source.transaction((tx) => sourceCapture.install(tx, unit, shapes, 'authority'))
    await target.transaction((tx) => targetCapture.install(tx, unit, shapes, 'mirror'))
    return mirror
  }

  read(limit = 1_000): Promise<QueueBatch> {
    return this.source.snapshot((session) => this.sourceCapture.read(session, this.shapes, limit))
  }

  apply(batch: QueueBatch): Promise<Applied> {
    return applyBatch({ ...this, batch })
  }

  /** Applies until nothing is queued. */
  async drain(limit = 1_000): Promise<Applied> {
    const total = { upserted: 0, deleted: 0, rejected: 0 }
    for (;;) {
      const batch = await this.read(limit)
      if (batch.size === 0) return total
      const applied = await this.apply(batch)
      total.upserted += applied.upserted
      total.deleted += applied.deleted
      total.rejected += applied.rejected
    }
  }

  /** What a write of the applier's would be: the target as it never should have become. */
  distort(work: (tx: ScriptSession) => Promise<unknown>): Promise<void> {
    return this.target.transaction(async (tx) => {
      await this.targetCapture.beginApply(tx, this.unit)
      await work(tx)
      await this.targetCapture.endApply(tx, this.unit)
    })
  }

  /** Every row of a store in canonical form. Rows that have none are left out. */
  async rows(store: SqlStore): Promise<string[]> {
    return store.snapshot(async (session) => {
      const all: string[] = []
      for (const shape of this.shapes) {
        const columns = shape.columns.map(({ name }) => quoteName(name)).join(', ')
        for (const raw of await session.rawQuery(`SELECT ${columns} FROM ${quoteName(shape.table)}`)) {
          const row = session.dialect === 'sqlite' ? encodeRow(shape, raw) : raw
          if (Array.isArray(row)) all.push(`${shape.table} ${JSON.stringify(row)}`)
        }
      }
      return all.sort((a, b) => (a < b ? -1 : 1))
    })
  }

  async expectEqual(hint?: string): Promise<void> {
    expect(await this.rows(this.target), hint).toEqual(await this.rows(this.source))
  }

  quarantine() {
    return listQuarantine(this.books.db, { limit: 1_000 })
  }
}
