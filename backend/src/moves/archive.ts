import { AppError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { VERSION } from '../core/version.ts'
import type { AppDb } from '../db/app-db.ts'
import type { StorageStatus } from '../db/app-db-router.ts'
import { readInstallation } from '../db/placement-store.ts'
import { archivePath, deleteArchive, listArchives, type SqliteArchive } from '../db/sqlite-archive.ts'
import type { StorageControl } from '../db/storage-control.ts'
import { digestHex, type Transfer } from '../db/transfer/index.ts'
import type { StorageArchive, StorageArchives } from './archive.schema.ts'
import { awayReason, refused, unavailable } from './away.ts'
import { addLogEntry } from './move-state.ts'
import type { Actor } from './moves.service.ts'
import { Turns } from './unit.ts'
import type { UnitMover } from './unit-mover.ts'

export interface ArchiveDeps {
  readonly control: StorageControl
  readonly status: () => StorageStatus
  readonly transfer: Transfer
  readonly log: Log
  readonly clock: () => Date
  readonly dataDir: string
  readonly movers: readonly UnitMover[]
}

/** The end of the SQLite file, once every unit is finished in PostgreSQL. */
export interface ArchiveService {
  list(): Promise<StorageArchives>
  /**
   * Reads every table once more, closes the file and puts it away. No request notices.
   *
   * @throws AppError `move_refused` (409) with `reasons`; nothing was changed then.
   */
  run(actor: Actor): Promise<StorageArchive>
  /** Deletes an archived file; its note stays. @throws AppError `unknown_archive` (404). */
  remove(name: string, actor: Actor): Promise<StorageArchive>
  /** Brings the books in line with files that were put away before a crash. */
  settle(): Promise<void>
}

/** More are named by their phase: a command that nobody can read is no help. */
const NAMED_UNITS = 4
/** What entries of the log are about that concern the whole file. */
const FILE = 'sqlite'

export function createArchive(deps: ArchiveDeps): ArchiveService {
  const { control, status, transfer, log, clock, dataDir, movers } = deps
  /** One after the other: an archive, its books, and the books of one before. */
  const turns = new Turns()

  const view = ({ installation: _, ...archive }: SqliteArchive): StorageArchive => ({
    ...archive,
    path: archivePath(dataDir, archive.name),
  })

  async function reasonsAgainst(): Promise<string[]> {
    if (!control.configured.postgres) return [awayReason(status())]
    if (!control.configured.sqlite) return ['There is no SQLite file']
    if (!control.store('sqlite') || !control.store('postgres')) return [awayReason(status())]
    const names: Record<Situation, string[]> = { undecided: [], here: [], back: [], mirrored: [], done: [] }
    for (const mover of movers) names[await situationOf(mover)].push(mover.unit.name)
    return [...situations(names), ...settingsReasons()]
  }

  function settingsReasons(): string[] {
    const { sqliteVariables } = control
    if (sqliteVariables.length === 0) return []
    const names = sqliteVariables.join(', ')
    return [`${names}: without the file a start with this setting is refused. Take it away and start again`]
  }

  async function archive(actor: Actor): Promise<StorageArchive> {
    const reasons = await reasonsAgainst()
    if (reasons.length > 0) throw refused(reasons)
    const tables: SqliteArchive['tables'] = []
    for (const mover of movers) tables.push(...(await digestsOf(mover)))
    const archivedAt = clock().toISOString()
    const archived = await control.archiveSqlite({
      archivedAt,
      archivedBy: actor.name,
      version: VERSION,
      tables,
    })
    log.info({ file: archived.name, sha256: archived.sha256 }, 'the SQLite file was archived')
    await enterBooks(ledger(), archived)
    return view(archived)
  }

  async function digestsOf(mover: UnitMover): Promise<SqliteArchive['tables']> {
    const sides = mover.sides()
    if (!sides) throw unavailable(status())
    const digests: SqliteArchive['tables'] = []
    const { signal } = new AbortController()
    for (const shape of await mover.shapes(sides)) {
      const digest = await transfer.digest({ side: 'sqlite', shape, signal })
      const { table } = shape
      digests.push({ table, rows: digest.rows + digest.rejected, digest: digestHex(digest) })
    }
    return digests
  }

  /** The entry of the log comes last: with it, everything is written. */
  async function enterBooks(db: AppDb, archived: SqliteArchive): Promise<void> {
    if (!control.configured.sqlite) for (const mover of movers) await mover.close({ ledger: db })
    const { name: file, sha256, sizeBytes, tables, archivedAt, archivedBy } = archived
    const epochs = movers.flatMap(({ unit }) =>
      unit.domains.map((domain) => control.decision(domain)?.epoch ?? 0),
    )
    await addLogEntry(db, {
      at: archivedAt,
      unit: FILE,
      actor: archivedBy,
      action: 'archive',
      epoch: Math.max(...epochs),
      details: { file, sizeBytes, sha256, tables },
    })
  }

  async function enterMissing(): Promise<void> {
    const db = control.store('postgres')?.db
    if (!db) return
    const archives = listArchives(dataDir)
    if (archives.length === 0) return
    const installation = await readInstallation(db)
    for (const archived of archives.toReversed()) {
      // A folder that was given to another installation keeps what is in it.
      if (archived.installation !== installation) continue
      const known = await db.queryOne(
        `SELECT 1 AS found FROM _move_log WHERE action = 'archive' AND details ->> 'file' = $1 LIMIT 1`,
        [archived.name],
      )
      if (!known) await enterBooks(db, archived)
    }
  }

  function ledger(): AppDb {
    const db = control.store('postgres')?.db
    if (!db) throw unavailable(status())
    return db
  }

  return {
    async list() {
      const reasons = await reasonsAgainst()
      const file = status().stores.find((store) => store.name === 'sqlite')
      return {
        possible: reasons.length === 0,
        reasons,
        file: file ? { path: control.sqlitePath, sizeBytes: file.sizeBytes } : null,
        items: listArchives(dataDir).map(view),
      }
    },
    run: (actor) => turns.run(() => alone(movers, () => archive(actor))),
    async remove(name, actor) {
      const db = ledger()
      const now = clock().toISOString()
      const deleted = deleteArchive(dataDir, name, now)
      if (!deleted) throw new AppError(404, 'unknown_archive', `There is no archived file ${name}`)
      const entry = { at: now, unit: FILE, actor: actor.name, epoch: 0, details: { file: name } }
      await addLogEntry(db, { ...entry, action: 'archive-deleted' })
      return view(deleted)
    },
    async settle() {
      try {
        await turns.run(enterMissing)
      } catch (error) {
        // PostgreSQL has gone again, or a note cannot be read: it is tried again when a store comes back.
        log.warn({ err: error }, 'archived files cannot be entered in the books')
      }
    },
  }
}

type Situation = 'undecided' | 'here' | 'back' | 'mirrored' | 'done'

async function situationOf(mover: UnitMover): Promise<Situation> {
  const sides = mover.sides()
  if (!sides) return 'undecided'
  const move = await mover.read(sides)
  if (sides.source.name === 'sqlite') return 'here'
  if (!move || move.state === 'finished') return 'done'
  return move.source === 'sqlite' ? 'mirrored' : 'back'
}

function situations({ undecided, here, back, mirrored }: Readonly<Record<Situation, string[]>>): string[] {
  const reasons: string[] = []
  const add = (units: readonly string[], says: string, todo: (names: string) => string) => {
    if (units.length === 0) return
    const names = units.length > NAMED_UNITS ? '--phase all' : units.join(' ')
    reasons.push(`${says}: ${units.join(', ')}. ${todo(names)}`)
  }
  add(undecided, 'Not decided where they are', () => 'See the reasons at these units')
  add(
    here,
    'In SQLite',
    (names) => `Move and finish: "holdfast storage mirror ${names}", then "cutover" and "finish"`,
  )
  add(mirrored, 'Still mirrored in SQLite', (names) => `Finish: "holdfast storage finish ${names}"`)
  add(back, 'Moving to SQLite', (names) => `Give that up: "holdfast storage abort ${names}"`)
  return reasons
}

/** Runs `work` while no step of any unit does. */
function alone<T>(movers: readonly UnitMover[], work: () => Promise<T>): Promise<T> {
  const [first, ...others] = movers
  return first ? first.alone(() => alone(others, work)) : work()
}
