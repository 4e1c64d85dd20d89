import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../core/log.ts'
import { migrate } from '../db/migrate.ts'
import { quoteName } from '../db/sql-text.ts'
import { openSqliteStore } from '../db/sqlite.ts'
import type { StorageControl } from '../db/storage-control.ts'
import {
  compareDigests,
  createTransfer,
  digestHex,
  type TableShape,
  type Transfer,
} from '../db/transfer/index.ts'
import { forgetTables, listTables } from '../db/transfer/ledger.ts'
import type { Rehearsal } from './moves.schema.ts'
import type { Sides, Unit } from './unit.ts'
import { readUnitShapes } from './unit-shapes.ts'

const SCRATCH = 'holdfast_rehearsal'

export interface RehearsalDeps {
  readonly unit: Unit
  readonly sides: Sides
  readonly control: StorageControl
  readonly log: Log
  readonly dataDir: string
  readonly clock: () => Date
}

/**
 * The whole copy and verify of a unit into a place of its own, which is gone at the end: a schema of the PostgreSQL
 * database, or a SQLite file in the data folder. Both stores stay as they are.
 */
export async function rehearseUnit(
  deps: RehearsalDeps,
  signal: AbortSignal = new AbortController().signal,
): Promise<Rehearsal> {
  const started = performance.now()
  const tables =
    deps.sides.target.name === 'postgres' ? await intoSchema(deps, signal) : await intoFile(deps, signal)
  return {
    unit: deps.unit.name,
    seconds: Math.round((performance.now() - started) / 10) / 100,
    rows: sum(tables.map((table) => table.sourceRows)),
    quarantined: sum(tables.map((table) => table.quarantined)),
    differences: tables.filter((table) => !table.equal).length,
    tables,
  }
}

async function intoSchema(deps: RehearsalDeps, signal: AbortSignal): Promise<Rehearsal['tables']> {
  const { sides, control, log, unit } = deps
  const schema = `${SCRATCH}_${unit.name.replaceAll('-', '_')}`
  const { db } = sides.target.store
  const shapes = await shapesOf(deps)
  const transfer = createTransfer({ sqlitePath: control.sqlitePath, postgresUrl: control.postgresUrl, log })
  try {
    await db.execute(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    await db.execute(`CREATE SCHEMA ${schema}`)
    for (const { table } of shapes) {
      const like = `LIKE ${quoteName(table)} INCLUDING ALL`
      await db.execute(`CREATE TABLE ${schema}.${quoteName(table)} (${like})`)
    }
    return await copyAll(deps, transfer, shapes, signal, schema)
  } finally {
    await transfer.close()
    await db.execute(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
  }
}

async function intoFile(deps: RehearsalDeps, signal: AbortSignal): Promise<Rehearsal['tables']> {
  const { control, dataDir, log, unit } = deps
  const path = join(dataDir, `rehearsal-${unit.name}.db`)
  const remove = () => {
    for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true })
  }
  mkdirSync(dataDir, { recursive: true })
  remove()
  const scratch = await openSqliteStore({ path })
  const transfer = createTransfer({ sqlitePath: path, postgresUrl: control.postgresUrl, log })
  try {
    await migrate(scratch)
    const shapes = await shapesOf(deps)
    for (const { table } of shapes) await scratch.db.execute(`DELETE FROM ${quoteName(table)}`)
    return await copyAll(deps, transfer, shapes, signal, undefined)
  } finally {
    await transfer.close()
    await scratch.close()
    remove()
  }
}

async function copyAll(
  deps: RehearsalDeps,
  transfer: Transfer,
  shapes: readonly TableShape[],
  signal: AbortSignal,
  schema: string | undefined,
): Promise<Rehearsal['tables']> {
  const { sides } = deps
  const unit = `${SCRATCH}:${deps.unit.name}`
  const results: Rehearsal['tables'] = []
  await forgetTables(sides.ledger, unit)
  try {
    await listTables(
      sides.ledger,
      unit,
      shapes.map(({ table }) => table),
    )
    for (const shape of shapes) {
      const into = schema === undefined ? {} : { schema }
      const copied = await transfer.copy({
        unit,
        shape,
        from: sides.source.name,
        ...into,
        signal,
        beforePage: () => Promise.resolve(),
        onConflict: () => Promise.resolve(),
        onProgress: () => undefined,
      })
      const target = await transfer.digest({ side: sides.target.name, shape, ...into, signal })
      const source = copied.digest ?? (await transfer.digest({ side: sides.source.name, shape, signal }))
      results.push({
        table: shape.table,
        sourceRows: source.rows + source.rejected,
        targetRows: target.rows,
        quarantined: copied.rejected,
        digest: digestHex(source),
        equal: compareDigests(source, target).length === 0,
      })
    }
    return results
  } finally {
    await forgetTables(sides.ledger, unit)
  }
}

function shapesOf({ sides, unit }: RehearsalDeps): Promise<TableShape[]> {
  return readUnitShapes(unit, sides)
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)
