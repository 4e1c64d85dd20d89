import { hash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import type SqliteDatabase from 'better-sqlite3'
import { DbError, isDbError } from '../db-errors.ts'
import { quoteName } from '../sql-text.ts'
import { loadSqlite } from '../sqlite-driver.ts'
import { sqliteError } from '../sqlite-errors.ts'
import { type Fingerprint, hexOf } from './fingerprint.ts'
import type {
  FromSnapshot,
  SnapshotFailure,
  SnapshotOrder,
  SnapshotResult,
  ToSnapshot,
} from './sqlite-snapshot-protocol.ts'

const busyTimeoutMs = 10_000
/** 8 MiB at a time: a few milliseconds. */
const pagesPerStep = 2_048
const rowsPerTurn = 20_000
const mostProblems = 100

const port = parentPort
if (!port) throw new Error('sqlite-snapshot-worker runs only as a worker thread')
const { path }: { path: string } = workerData
const Database = await loadSqlite()
const post = (message: FromSnapshot) => port.postMessage(message)
let aborted = false

/** A read transaction holds what it saw first for as long as it is open; writers go on in the log beside the file. */
function open(): SqliteDatabase.Database {
  const db = new Database(path, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs })
  db.pragma('mmap_size = 0')
  db.exec('BEGIN')
  db.prepare('SELECT count(*) FROM sqlite_schema').get()
  return db
}

async function copy(db: SqliteDatabase.Database, to: string): Promise<void> {
  await db.backup(to, {
    progress({ totalPages, remainingPages }) {
      throwIfAborted()
      post({ progress: totalPages === 0 ? 1 : 1 - remainingPages / totalPages })
      return pagesPerStep
    },
  })
}

async function digest(db: SqliteDatabase.Database): Promise<Fingerprint[]> {
  const names = db
    .prepare<[], { name: string }>(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`,
    )
    .all()
  const prints: Fingerprint[] = []
  for (const { name } of names) prints.push(await digestTable(db, name))
  return prints
}

async function digestTable(db: SqliteDatabase.Database, table: string): Promise<Fingerprint> {
  const select = db
    .prepare<[], unknown[]>(`SELECT * FROM ${quoteName(table)}`)
    .raw()
    .safeIntegers()
  let rows = 0
  let sum = 0n
  for (const row of select.iterate()) {
    sum += hash('sha256', row.map(textOf).join(','), 'buffer').readBigUInt64LE()
    if (++rows % rowsPerTurn !== 0) continue
    // The message that ends it gets its turn.
    await new Promise((resolve) => setImmediate(resolve))
    throwIfAborted()
  }
  return { table, rows, digest: hexOf(sum) }
}

/** Storage class and value, so that 1, 1.0 and '1' are three values. */
function textOf(value: unknown): string {
  if (value === null) return 'n'
  if (typeof value === 'bigint') return `i${value}`
  if (typeof value === 'number') return `r${value}`
  if (typeof value === 'string') return `t${value.length}:${value}`
  return value instanceof Uint8Array ? `b${Buffer.from(value).toString('hex')}` : `?${String(value)}`
}

function check(db: SqliteDatabase.Database): string[] {
  // Rows that break a constraint do not make a file a damaged one.
  db.pragma('ignore_check_constraints = ON')
  return db
    .prepare<[], string>(`PRAGMA integrity_check(${mostProblems})`)
    .pluck()
    .all()
    .filter((text) => text !== 'ok' && !text.startsWith('NULL value in '))
}

function throwIfAborted(): void {
  if (aborted) throw new DbError('cancelled', 'It was cancelled')
}

function failureOf(error: unknown): SnapshotFailure {
  const known = isDbError(error) ? error : translated(error)
  if (known) return { kind: known.kind, message: known.message, engineCode: known.engineCode }
  return {
    kind: 'other',
    message: error instanceof Error ? error.message : String(error),
    engineCode: undefined,
  }
}

function translated(error: unknown): DbError | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  return error.code.startsWith('SQLITE_')
    ? sqliteError({ code: error.code, message: error.message }, path)
    : undefined
}

async function resultOf(db: SqliteDatabase.Database, order: SnapshotOrder): Promise<SnapshotResult> {
  switch (order.kind) {
    case 'copy':
      await copy(db, order.to)
      return {}
    case 'digest':
      return { tables: await digest(db) }
    case 'check':
      return { problems: check(db) }
    case 'texts':
      return {
        rows: db
          .prepare<[], unknown[]>(order.sql)
          .raw()
          .all()
          .map((row) => row.map((value) => (value === null ? null : String(value)))),
      }
  }
}

async function run(db: SqliteDatabase.Database, order: SnapshotOrder): Promise<void> {
  try {
    post({ done: await resultOf(db, order) })
  } catch (error) {
    post({ failure: failureOf(error) })
  }
}

try {
  const db = open()
  port.on('message', (message: ToSnapshot) => {
    if ('order' in message) void run(db, message.order)
    else if ('abort' in message) aborted = true
    else {
      db.close()
      port.close()
    }
  })
  post({ opened: true })
} catch (error) {
  post({ failure: failureOf(error) })
}
