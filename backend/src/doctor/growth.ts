import { statSync } from 'node:fs'
import type { AppDb } from '../db/app-db.ts'
import { domainNames, domains, type TableSpec } from '../db/domains.ts'
import { partitionsOf } from '../db/pg-partitions.ts'
import { quoteName } from '../db/sql-text.ts'
import { createTableSizesStore } from '../storage/index.ts'

export interface GrowingTable {
  readonly table: string
  readonly bytesPerDay: number
  /** Until rows leave as fast as they come; null when they are kept for good. */
  readonly daysLeft: number | null
}

export interface Growth {
  readonly bytes: number
  readonly tables: readonly GrowingTable[]
}

const DAY_MS = 86_400_000
const WORTH_BYTES = 1024 * 1024
/** Sizes of tables in a SQLite file are found by reading it: beyond this they are guessed from the whole. */
const SQLITE_READ_UP_TO_BYTES = 256 * 1024 * 1024
/** Most of the bytes are samples, which are thinned out by then. */
const BULK_DAYS = 30
/** A younger table says nothing about a day. */
const YOUNGEST_DAYS = 0.5

/** What grows in a store; undefined while it is too young or too small to say. */
export async function readGrowth(db: AppDb, location: string, now: Date): Promise<Growth | undefined> {
  const size = await sizeOf(db, location)
  if (db.dialect === 'sqlite' && size > SQLITE_READ_UP_TO_BYTES) {
    const ageDays = await ageOf(db, 'metrics_1d', 'time_ms', now)
    if (ageDays === undefined || ageDays < YOUNGEST_DAYS) return undefined
    const everything = growing('everything', size, ageDays, BULK_DAYS)
    return { bytes: size, tables: everything ? [everything] : [] }
  }
  const retention = await readRetention(db)
  const tables: GrowingTable[] = []
  for (const { name, sizeBytes = 0 } of await createTableSizesStore(db).list()) {
    const column = timeColumns.get(name)
    if (column === undefined || sizeBytes < WORTH_BYTES) continue
    const ageDays = await ageOf(db, name, column, now)
    if (ageDays === undefined || ageDays < YOUNGEST_DAYS) continue
    const table = growing(name, sizeBytes, ageDays, retention.get(name))
    if (table) tables.push(table)
  }
  return tables.length === 0 ? undefined : { bytes: size, tables }
}

/** Days until `freeBytes` are used up, if that is within a year; tables stop growing when their retention takes hold. */
export function daysUntilFull(tables: readonly GrowingTable[], freeBytes: number): number | undefined {
  let used = 0
  for (let day = 1; day <= 365; day++) {
    for (const { bytesPerDay, daysLeft } of tables)
      if (daysLeft === null || daysLeft >= day) used += bytesPerDay
    if (used > freeBytes) return day
  }
  return undefined
}

function growing(
  table: string,
  bytes: number,
  ageDays: number,
  retentionDays: number | undefined,
): GrowingTable | undefined {
  const daysLeft = retentionDays === undefined ? null : retentionDays - ageDays
  return daysLeft !== null && daysLeft <= 0 ? undefined : { table, bytesPerDay: bytes / ageDays, daysLeft }
}

const timeColumns: ReadonlyMap<string, string> = new Map(
  domainNames.flatMap((domain) =>
    Object.entries<TableSpec>(domains[domain].tables).flatMap(([table, { time }]) =>
      time === undefined ? [] : [[table, time] as const],
    ),
  ),
)

async function readRetention(db: AppDb): Promise<ReadonlyMap<string, number>> {
  const rows = await db.query<{ key: string; value: string }>(
    `SELECT key, value FROM settings WHERE key LIKE '%.retention.%' ORDER BY key LIMIT 200`,
  )
  const set = new Map(rows.map(({ key, value }) => [key, Number(value)]))
  return new Map(
    domainNames.flatMap((domain) =>
      (domains[domain].retention ?? []).map(({ table, settingKey, defaultDays }) => {
        const days = set.get(settingKey)
        return [table, days !== undefined && days > 0 ? days : defaultDays] as const
      }),
    ),
  )
}

async function ageOf(db: AppDb, table: string, column: string, now: Date): Promise<number | undefined> {
  const oldestMs = (await oldestPartition(db, table)) ?? (await oldestRow(db, table, column))
  return oldestMs === undefined ? undefined : (now.getTime() - oldestMs) / DAY_MS
}

/** Partitions know the time without anything being read. */
async function oldestPartition(db: AppDb, table: string): Promise<number | undefined> {
  return db.dialect === 'postgres' ? (await partitionsOf(db, table))[0]?.fromMs : undefined
}

async function oldestRow(db: AppDb, table: string, column: string): Promise<number | undefined> {
  const row = await db.queryOne<{ oldest: string | number | null }>(
    `SELECT min(${quoteName(column)}) AS oldest FROM ${quoteName(table)}`,
  )
  const oldest = row?.oldest ?? null
  if (oldest === null) return undefined
  return typeof oldest === 'number' ? oldest : Date.parse(oldest)
}

async function sizeOf(db: AppDb, location: string): Promise<number> {
  if (db.dialect === 'sqlite') return statSync(location).size
  const row = await db.queryOne<{ size: number }>('SELECT pg_database_size(current_database()) AS size')
  return row?.size ?? 0
}
