import { AppError } from '../core/errors.ts'
import type { AppDb } from '../db/app-db.ts'
import { quoteName } from '../db/sql-text.ts'
import type { StorageControl } from '../db/storage-control.ts'
import type { Reject, TableShape, Transfer } from '../db/transfer/index.ts'
import type { MovePlan } from './moves.schema.ts'
import { reasonsOfRows } from './occupied.ts'
import { bytesOf, freeBytes } from './room.ts'
import { reasonsOfStores } from './soundness.ts'
import { otherPlacement, phaseOf, type Sides, tieOf } from './unit.ts'
import type { UnitMover } from './unit-mover.ts'

/** Rows a second that a copy with its verify reaches at least on two cores; for the estimate. */
const ROWS_PER_SECOND = 20_000
const BYTES_PER_SECOND = 20 * 1024 * 1024
/** What PostgreSQL takes of what SQLite takes, page overhead and the log of a copy with it … */
const GROWTH = 1.4
/** … and for each row: its head, and that of its entry in the index of the key. */
const BYTES_PER_ROW = 56
const EXAMPLES = 5

type UnitPlan = MovePlan['units'][number]
type TablePlan = UnitPlan['tables'][number]

export interface PlanDeps {
  readonly control: StorageControl
  readonly transfer: Transfer
  readonly clock: () => Date
  readonly dataDir: string
  readonly lagGoalMs: number
  /** Why a store cannot be used, should one be missing. */
  readonly awayReason: () => string
}

/** Reads every row of the units and says what a move would take and meet. Changes nothing. */
export async function planUnits(
  deps: PlanDeps & { readonly movers: readonly UnitMover[] },
  signal: AbortSignal = new AbortController().signal,
): Promise<MovePlan> {
  const units: UnitPlan[] = []
  for (const mover of new Set(deps.movers)) units.push(await planUnit(deps, mover, signal))
  return { generatedAt: deps.clock().toISOString(), units, freeBytes: await freeBytes(deps.dataDir) }
}

async function planUnit(deps: PlanDeps, mover: UnitMover, signal: AbortSignal): Promise<UnitPlan> {
  const { unit } = mover
  const sides = mover.sides()
  const from = deps.control.decision(unit.domains[0] ?? 'settings')?.placement ?? 'sqlite'
  const plan = {
    unit: unit.name,
    domains: [...unit.domains],
    tie: tieOf(unit),
    phase: phaseOf(unit),
    from,
    to: otherPlacement(from),
  }
  const blocked = (obstacles: string[]): UnitPlan => {
    return { ...plan, tables: [], estimatedSeconds: 0, estimatedBytes: 0, obstacles }
  }
  if (!sides) return blocked([deps.awayReason()])
  let shapes: readonly TableShape[]
  try {
    shapes = await mover.readShapes(sides)
  } catch (error) {
    // Tables that were changed by hand: the other units can be planned all the same.
    if (error instanceof AppError) return blocked([error.message])
    throw error
  }
  const tables: TablePlan[] = []
  for (const shape of shapes) tables.push(await planTable(deps.transfer, sides, shape, signal))
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  const bytes = tables.reduce((sum, table) => sum + table.bytes, 0)
  const obstacles: string[] = []
  if (!mover.books.move) {
    obstacles.push(...(await reasonsOfRows(sides.target, shapes)))
    obstacles.push(...(await reasonsOfStores('mirror', { ...deps, sides, shapes })))
  }
  return {
    ...plan,
    tables,
    estimatedSeconds: Math.ceil(Math.max(rows / ROWS_PER_SECOND, bytes / BYTES_PER_SECOND)),
    estimatedBytes: plan.to === 'sqlite' ? bytes : Math.round(bytes * GROWTH + rows * BYTES_PER_ROW),
    obstacles,
  }
}

async function planTable(
  transfer: Transfer,
  sides: Sides,
  shape: TableShape,
  signal: AbortSignal,
): Promise<TablePlan> {
  const forecast = new Map<string, TablePlan['forecast'][number]>()
  const { rows, rejected } = await transfer.digest({
    side: sides.source.name,
    shape,
    signal,
    onRejects: (rejects) => {
      for (const reject of rejects) foresee(forecast, reject)
    },
  })
  const found = await classesOf(sides.source.store.db, shape)
  return {
    table: shape.table,
    rows: rows + rejected,
    bytes: await bytesOf(sides.source.store.db, shape),
    columns: shape.columns.map((column) => ({
      column: column.name,
      found: found.get(column.name) ?? {},
      target: column.pgType,
    })),
    forecast: [...forecast.values()],
  }
}

function foresee(forecast: Map<string, TablePlan['forecast'][number]>, reject: Reject): void {
  const name = `${reject.reason} ${reject.column ?? ''}`
  const known = forecast.get(name)
  const examples = known?.examples ?? []
  forecast.set(name, {
    reason: reject.reason,
    column: reject.column,
    rows: (known?.rows ?? 0) + 1,
    examples: examples.length < EXAMPLES ? [...examples, reject.key] : examples,
    suggestion: reject.suggestion,
  })
}

/** Storage classes of each column in SQLite, types in PostgreSQL, with the number of values. */
async function classesOf(db: AppDb, shape: TableShape): Promise<Map<string, Record<string, number>>> {
  const columns = shape.columns.map(({ name }) => name)
  const table = quoteName(shape.table)
  if (db.dialect === 'postgres') {
    const counts = columns.map((name, i) => `count(${quoteName(name)}) AS c${i}`).join(', ')
    const row = await db.queryOne<Record<string, number>>(`SELECT count(*) AS rows, ${counts} FROM ${table}`)
    const rows = row?.rows ?? 0
    return new Map(
      shape.columns.map(({ name, pgType }, i) => {
        const filled = row?.[`c${i}`] ?? 0
        return [name, classes({ [pgType]: filled, null: rows - filled })]
      }),
    )
  }
  const kinds = ['integer', 'real', 'text', 'blob', 'null']
  const counts = columns.flatMap((name, i) =>
    kinds.map((kind) => `total(typeof(${quoteName(name)}) = '${kind}') AS c${i}_${kind}`),
  )
  const row = await db.queryOne<Record<string, number>>(`SELECT ${counts.join(', ')} FROM ${table}`)
  return new Map(
    columns.map((name, i) => [
      name,
      classes(Object.fromEntries(kinds.map((kind) => [kind, row?.[`c${i}_${kind}`] ?? 0]))),
    ]),
  )
}

const classes = (counts: Record<string, number>) =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
