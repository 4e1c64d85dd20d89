import type { Placement } from '../db/placement-store.ts'
import type { ScriptSession, SqlStore } from '../db/sql-store.ts'
import { type CanonicalRow, deleteKeys, rowsByKeys, type TableShape } from '../db/transfer/index.ts'
import { AdoptError } from './adopt-error.ts'
import { adoptTable, type TableOutcome } from './adopt-table.ts'
import { type LegacyFile, quoted } from './legacy-file.ts'
import type { RejectFile } from './reject-file.ts'
import type { TableReport } from './report.ts'
import { seedingStep, type TableMap, timeOf } from './table-maps.ts'
import type { Schema } from './target-shapes.ts'

export interface UnitJob {
  readonly file: LegacyFile
  readonly store: SqlStore
  readonly placement: Placement
  /** Of the tables of the unit, parents first. */
  readonly maps: readonly TableMap[]
  readonly schema: Schema
  readonly rejects: RejectFile
  readonly dryRun: boolean
  readonly now: Date
}

/** Leaves a transaction without a trace. */
class TrialEnded extends Error {
  readonly reports: TableReport[]
  constructor(reports: TableReport[]) {
    super('The trial has ended')
    this.reports = reports
  }
}

/** Adopts the tables of a unit in one transaction. */
export async function adoptUnit(job: UnitJob): Promise<TableReport[]> {
  try {
    return await job.file.store.connection((source) =>
      job.store.transaction(async (tx) => {
        // The transaction may be run again.
        job.rejects.rewind()
        const reports: TableReport[] = []
        for (const map of job.maps) reports.push(await adoptOne(job, source, tx, map))
        if (job.dryRun) throw new TrialEnded(reports)
        return reports
      }),
    )
  } catch (error) {
    if (error instanceof TrialEnded) return error.reports
    throw error
  } finally {
    job.rejects.keep()
  }
}

async function adoptOne(
  job: UnitJob,
  source: ScriptSession,
  tx: ScriptSession,
  map: TableMap,
): Promise<TableReport> {
  const shape = job.schema.shapes.get(map.table)
  const found = job.file.tables.get(map.table)
  if (!shape || !found) throw new Error(`${map.table} is not in both schemas`)
  const seeds = await seedsOf(job, tx, shape)
  const outcome = await adoptTable({
    source,
    tx,
    shape,
    map,
    columns: found.columns,
    now: job.now,
    isUntouchedSeed: (key, row) => seeds.isUntouched(key, row),
    reject: (reject) => job.rejects.add(reject),
  })
  if (outcome.digest.source.toString() !== outcome.digest.target.toString())
    throw notEqual(map.table, outcome)
  if (tx.dialect === 'postgres' && shape.identity !== undefined)
    await raiseSequence(tx, shape, shape.identity)
  return {
    table: map.table,
    domain: shape.domain,
    placement: job.placement,
    source: outcome.source,
    adopted: outcome.adopted,
    present: outcome.present,
    kept: outcome.kept,
    keptRows: outcome.keptRows,
    quarantined: outcome.quarantined,
    changes: Object.fromEntries(outcome.changes),
    removedSeeds: await removeDeletedSeeds(job, source, tx, shape, seeds),
    digest: { source: outcome.digest.source.toString(), target: outcome.digest.target.toString() },
  }
}

function notEqual(table: string, { digest }: TableOutcome): AdoptError {
  return new AdoptError(
    'not-equal',
    `${table} is not in the target as it was read (${digest.source.rows} rows ${digest.source}, there ` +
      `${digest.target.rows} rows ${digest.target}). Nothing of it and of what belongs to it was adopted. ` +
      'This is a fault of Holdfast: please report it.',
  )
}

interface Seeds {
  readonly rows: ReadonlyMap<string, CanonicalRow>
  /** As the migration has put it in, at the time when it did. */
  isUntouched(key: string, row: CanonicalRow): boolean
}

async function seedsOf(job: UnitJob, tx: ScriptSession, shape: TableShape): Promise<Seeds> {
  const rows = job.schema.seeds.get(shape.table) ?? new Map<string, CanonicalRow>()
  if (rows.size === 0) return { rows, isUntouched: () => false }
  const applied = await tx.queryOne<{ applied_at: string }>(
    `SELECT m.applied_at FROM _app_migrations AS m
     WHERE m.name LIKE '013\\_%' ESCAPE '\\' OR m.name LIKE '019\\_%' ESCAPE '\\'
     ORDER BY m.applied_at DESC, m.id DESC LIMIT 1`,
  )
  const seededMs = applied ? Date.parse(applied.applied_at) : 0
  return {
    rows,
    isUntouched(key, row) {
      const seed = rows.get(key)
      return (
        seed?.every((value, index) => {
          const held = row[index] ?? null
          return shape.columns[index]?.kind === 'timestamp'
            ? held !== null && timeOf(held) <= seededMs
            : held === value
        }) ?? false
      )
    },
  }
}

/**
 * What the older dashboard had put in and its user has deleted is not there because this version puts it in, too.
 *
 * @returns the keys that were removed.
 */
async function removeDeletedSeeds(
  job: UnitJob,
  source: ScriptSession,
  tx: ScriptSession,
  shape: TableShape,
  seeds: Seeds,
): Promise<string[]> {
  if (seeds.rows.size === 0) return []
  const [key = ''] = shape.key
  const present = await source.query<{ key: string }>(
    `SELECT ${quoted(key)} AS key FROM ${quoted(shape.table)}`,
  )
  const known = new Set(present.map((row) => row.key))
  const deleted = [...seeds.rows.keys()].filter((each) => {
    const step = seedingStep(shape.table, each)
    return !known.has(each) && step !== undefined && job.file.history.steps.has(step)
  })
  const place = shape.columns.findIndex((column) => column.name === key)
  const { rows } = await rowsByKeys(
    tx,
    shape,
    deleted.map((each) => [each]),
  )
  const untouched = rows
    .filter((row) => seeds.isUntouched(row[place] ?? '', row))
    .map((row) => row[place] ?? '')
  await deleteKeys(
    tx,
    shape,
    untouched.map((each) => [each]),
  )
  return untouched.sort((a, b) => (a < b ? -1 : 1))
}

/** Numbers that the store gives are above those that came with the rows. SQLite sees to that itself. */
async function raiseSequence(tx: ScriptSession, shape: TableShape, identity: string): Promise<void> {
  await tx.query(
    `SELECT setval(s.name::regclass, GREATEST((SELECT COALESCE(max(${quoted(identity)}), 0) FROM ${quoted(shape.table)}) + 1,
       nextval(s.name::regclass)), false)
     FROM (SELECT pg_get_serial_sequence($1, $2) AS name) AS s`,
    [shape.table, identity],
  )
}
