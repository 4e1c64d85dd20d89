import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { isDbError } from '../../db/db-errors.ts'
import { domainNames, domains, type TableSpec } from '../../db/domains.ts'
import type { SqlStore } from '../../db/sql-store.ts'
import { error, type Finding, info, ok, storeCheck, warning } from '../check.ts'
import { bytes, counted, some } from '../words.ts'

const WHOLE_UP_TO_BYTES = 512 * 1024 * 1024
const WAL_LARGE_BYTES = 256 * 1024 * 1024
const PROBLEMS_SHOWN = 5
/** The pages of the header at which the file says how it is written: 2 is with a write-ahead log. */
const WRITE_VERSION_AT = 18

export const sqliteFileCheck = storeCheck('sqlite', {
  id: 'sqlite.file',
  category: 'sqlite',
  title: 'the SQLite file and its write-ahead log',
  async run(_store, { stores }) {
    if (stores.sqlite.state !== 'there') return []
    const path = stores.sqlite.location
    const size = statSync(path).size
    const wal = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0
    const findings: Finding[] = []
    if (!isWal(path)) {
      findings.push(
        info('sqlite.journal', 'The file is not in WAL mode', {
          subject: path,
          seen: 'Readers and the writer wait for each other',
          fix: 'The next start of the server changes it.',
        }),
      )
    }
    if (wal > WAL_LARGE_BYTES && wal > size / 4) {
      findings.push(
        warning('sqlite.wal', 'The write-ahead log is large', {
          subject: `${path}-wal`,
          seen: `${bytes(wal)}, and the file is ${bytes(size)}`,
          fix: 'Something has read for a long time: another program that has the file open, or a stream that was not ended. A restart of the server writes it back.',
        }),
      )
    }
    if (findings.length > 0) return findings
    return [
      ok('sqlite.file', 'The file is in WAL mode', {
        subject: path,
        seen: `${bytes(size)}, log ${bytes(wal)}`,
      }),
    ]
  },
})

function isWal(path: string): boolean {
  const header = Buffer.alloc(1)
  const file = openSync(path, 'r')
  try {
    const read = readSync(file, header, 0, 1, WRITE_VERSION_AT)
    return read === 0 || header[0] === 2
  } finally {
    closeSync(file)
  }
}

/** Tables that only grow are most of a large file. */
const bulky: ReadonlySet<string> = new Set(
  domainNames.flatMap((domain) =>
    Object.entries<TableSpec>(domains[domain].tables).flatMap(([table, { appendOnly, time }]) =>
      appendOnly || (domain === 'metrics' && time !== undefined) ? [table] : [],
    ),
  ),
)

/**
 * Reads pages as `PRAGMA quick_check` does, on a thread of its own and table by table, so that it can end in between.
 * Of a large file only the tables that are not bulky.
 */
export const integrityCheck = storeCheck('sqlite', {
  id: 'sqlite.integrity',
  category: 'sqlite',
  title: 'whether the SQLite file is whole',
  limitMs: 30_000,
  async run(store, { stores }, signal) {
    const path = stores.sqlite.state === 'there' ? stores.sqlite.location : ''
    const skips = statSync(path).size > WHOLE_UP_TO_BYTES ? bulky : new Set<string>()
    const { problems, read, left } = await readTables(store, skips, signal)
    if (problems.length > 0) {
      return [
        error('sqlite.damaged', 'The SQLite file is damaged', {
          subject: path,
          seen: some([...new Set(problems)], PROBLEMS_SHOWN),
          fix: 'Stop the server, keep a copy of the file with its -wal, and restore the last backup. What can still be read:',
          command: `sqlite3 ${path} .recover | sqlite3 recovered.db`,
        }),
      ]
    }
    const findings: Finding[] = [
      ok('sqlite.integrity', 'The SQLite file is whole', { seen: `${counted(read, 'table')} read` }),
    ]
    if (left.length > 0) {
      findings.push(
        info('sqlite.not-read', 'Large tables were not read', {
          subject: some(left),
          seen: `The file is over ${bytes(WHOLE_UP_TO_BYTES)}`,
          fix: 'At a quiet time:',
          command: `sqlite3 ${path} 'PRAGMA quick_check'`,
        }),
      )
    }
    return findings
  },
})

interface ReadTables {
  readonly problems: readonly string[]
  readonly read: number
  readonly left: readonly string[]
}

async function readTables(
  store: SqlStore,
  skips: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadTables> {
  try {
    return await store.snapshot(async (session) => {
      const rows = await session.query<{ name: string }>(
        `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`,
      )
      const problems: string[] = []
      const tables = rows.map(({ name }) => name).filter((name) => !skips.has(name))
      for (const table of tables) {
        if (signal.aborted) break
        const said = await session.query<{ said: string }>(
          'SELECT c.quick_check AS said FROM pragma_quick_check($1) AS c LIMIT 100',
          [table],
        )
        problems.push(...said.map((each) => each.said).filter((each) => each !== 'ok'))
      }
      const left = rows.map(({ name }) => name).filter((name) => skips.has(name))
      return { problems, read: tables.length, left }
    })
  } catch (reason) {
    // Some damage is met before it can be described.
    if (isDbError(reason, 'corrupt')) return { problems: [reason.message], read: 0, left: [] }
    throw reason
  }
}

export const sqliteChecks = [sqliteFileCheck, integrityCheck] as const
