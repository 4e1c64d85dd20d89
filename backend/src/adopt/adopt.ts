import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createAuditStore } from '../audit/index.ts'
import type { Storage } from '../db/app-db-router.ts'
import { type Domain, domains, units } from '../db/domains.ts'
import type { Placement } from '../db/placement-store.ts'
import type { SqlStore } from '../db/sql-store.ts'
import type { Reject } from '../db/transfer/index.ts'
import { addToQuarantine } from '../db/transfer/ledger.ts'
import { AdoptError } from './adopt-error.ts'
import { adoptUnit } from './adopt-unit.ts'
import { adoptedFolder, type InstallationDeps, openForTrial, openInstallation } from './installation.ts'
import { type LegacyFile, openLegacyFile } from './legacy-file.ts'
import { notesOn } from './notes.ts'
import { RejectFile, readRejects } from './reject-file.ts'
import type { AdoptReport, TableReport } from './report.ts'
import { leftBehind, tableMaps } from './table-maps.ts'
import { readSchema } from './target-shapes.ts'

export interface AdoptOptions extends InstallationDeps {
  readonly path: string
  /** Does everything and keeps nothing of it. */
  readonly dryRun: boolean
  /** Called before each unit. */
  readonly onUnit?: (unit: readonly Domain[]) => void
}

export interface AdoptResult {
  readonly report: AdoptReport
  /** Where the report was written; undefined for a trial. */
  readonly reportPath: string | undefined
}

/** `unit` of rows in quarantine that no move has put there. */
const UNIT = 'adopt'
const EXAMPLES = 20
const QUARANTINE_BATCH = 100

/**
 * Takes a database of the older dashboard into an installation whose server is stopped: unit by unit, each in one
 * transaction, which is kept only when what is in the target equals what was read. After a crash the same command
 * does what is left. Rows of the installation are never overwritten.
 *
 * @throws {AdoptError}, StoreInUseError, ConfigError, DbError: what was adopted before stays adopted.
 */
export async function adopt(options: AdoptOptions): Promise<AdoptResult> {
  const folder = workFolder(options.config.dataDir)
  try {
    const file = await openLegacyFile(options.path, folder)
    try {
      const storage = options.dryRun ? await openForTrial(options, folder) : await openInstallation(options)
      try {
        return await run(options, file, storage, folder)
      } finally {
        await storage.close()
      }
    } finally {
      await file.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * A folder for the copy: beside the data, where there is room for it, unless that folder is still to be made. Those of
 * processes that were killed are removed: there are secrets in them.
 */
function workFolder(dataDir: string): string {
  const parents = [dataDir, tmpdir()].filter(existsSync)
  for (const parent of parents) removeAbandoned(parent)
  return mkdtempSync(join(parents[0] ?? tmpdir(), `holdfast-adopt-${process.pid}-`))
}

function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, digits] = /^holdfast-adopt-(\d+)-/.exec(name) ?? []
    const pid = Number(digits)
    // In a container, the next process has the number of the last one.
    if (digits !== undefined && (pid === process.pid || !isRunning(pid))) {
      rmSync(join(parent, name), { recursive: true, force: true })
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it runs as somebody else, whose folder it is.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

async function run(
  options: AdoptOptions,
  file: LegacyFile,
  storage: Storage,
  folder: string,
): Promise<AdoptResult> {
  const { dryRun, clock } = options
  const startedAt = clock()
  const startMs = performance.now()
  const schema = await readSchema(tableMaps.map((map) => map.table))
  const rejects = new RejectFile(join(folder, 'quarantine.jsonl'))
  const tables: TableReport[] = []
  try {
    for (const unit of units) {
      const maps = tableMaps.filter(
        ({ table }) => file.tables.has(table) && unit.some((domain) => table in domains[domain].tables),
      )
      if (maps.length === 0) continue
      options.onUnit?.(unit)
      const { placement, store } = storeOf(storage, unit)
      tables.push(
        ...(await adoptUnit({ file, store, placement, maps, schema, rejects, dryRun, now: startedAt })),
      )
    }
  } finally {
    rejects.close()
  }
  const quarantined = tables.reduce((sum, table) => sum + table.quarantined, 0)
  const examples = await firstOf(rejects.path)
  const name = `${basename(file.path)}-${startedAt.toISOString().replaceAll(/[:.]/g, '-')}`
  const base = join(adoptedFolder(options.config.dataDir), name)
  const place =
    dryRun || quarantined === 0
      ? null
      : await keepRejects(storage.control.store('postgres'), rejects.path, base)
  const report: AdoptReport = {
    file: {
      path: file.path,
      bytes: file.bytes,
      version: file.history.latest ?? 'unknown',
      missingMigrations: file.history.missing,
      formerNames: file.history.formerNames.length,
    },
    dryRun,
    startedAt: startedAt.toISOString(),
    durationMs: Math.round(performance.now() - startMs),
    tables,
    leftBehind: leftBehindIn(file, schema.shapes),
    quarantine: { rows: quarantined, place, examples },
    notes: await notesOn(file, startedAt),
  }
  if (dryRun) return { report, reportPath: undefined }
  await audit(storage, report, clock)
  return { report, reportPath: writeReport(report, base) }
}

function storeOf(storage: Storage, unit: readonly Domain[]): { placement: Placement; store: SqlStore } {
  const [first] = unit
  const placement = first && storage.control.decision(first)?.placement
  const store = placement && storage.control.store(placement)
  if (!placement || !store)
    throw new AdoptError('not-ready', `The store of ${unit.join(', ')} went away. Run the command again.`)
  return { placement, store }
}

function leftBehindIn(
  file: LegacyFile,
  shapes: ReadonlyMap<string, { columns: readonly { name: string }[] }>,
): AdoptReport['leftBehind'] {
  return [...file.tables].flatMap(([table, { columns, rows }]) => {
    const shape = shapes.get(table)
    if (!shape)
      return [{ name: table, rows, reason: leftBehind[table] ?? 'no version known here has this table' }]
    const unknown = columns.filter((column) => !shape.columns.some(({ name }) => name === column))
    return unknown.map((column) => ({
      name: `${table}.${column}`,
      rows,
      reason: 'no version known here has this column',
    }))
  })
}

async function firstOf(path: string): Promise<Omit<Reject, 'row'>[]> {
  const examples: Omit<Reject, 'row'>[] = []
  for await (const { row: _, ...reject } of readRejects(path)) {
    examples.push(reject)
    if (examples.length === EXAMPLES) break
  }
  return examples
}

/** In PostgreSQL they are where those of moves are; an installation without it has a file. */
async function keepRejects(postgres: SqlStore | undefined, path: string, base: string): Promise<string> {
  if (postgres === undefined) {
    const place = `${base}.quarantine.jsonl`
    mkdirSync(join(base, '..'), { recursive: true, mode: 0o700 })
    copyFileSync(path, place)
    return place
  }
  let batch: Reject[] = []
  const flush = async () => {
    await postgres.transaction((tx) => addToQuarantine(tx, UNIT, batch))
    batch = []
  }
  for await (const reject of readRejects(path)) {
    batch.push(reject)
    if (batch.length === QUARANTINE_BATCH) await flush()
  }
  await flush()
  return 'the table _quarantine of PostgreSQL'
}

async function audit(storage: Storage, report: AdoptReport, clock: () => Date): Promise<void> {
  const rows = (key: 'adopted' | 'quarantined' | 'kept') =>
    report.tables.reduce((sum, table) => sum + table[key], 0)
  await createAuditStore(storage.getAppDbFor('audit')).insert([
    {
      user_id: null,
      username: null,
      action: 'storage.adopt',
      target_type: 'file',
      target_id: report.file.path,
      details: {
        version: report.file.version,
        adopted: rows('adopted'),
        kept: rows('kept'),
        quarantined: rows('quarantined'),
        tables: Object.fromEntries(report.tables.map(({ table, digest }) => [table, digest.target])),
      },
      request_id: null,
      ip_address: null,
      created_at: clock().toISOString(),
    },
  ])
}

function writeReport(report: AdoptReport, base: string): string {
  const path = `${base}.report.json`
  mkdirSync(join(base, '..'), { recursive: true, mode: 0o700 })
  writeFileSync(`${path}.part`, `${JSON.stringify(report, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${path}.part`, path)
  return path
}
