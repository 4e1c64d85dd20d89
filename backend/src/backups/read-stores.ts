import { existsSync } from 'node:fs'
import { isDbError } from '../db/db-errors.ts'
import {
  openPgSnapshot,
  openSqliteSnapshot,
  type PgSnapshot,
  type SqliteSnapshot,
} from '../db/snapshot/index.ts'
import { backupError } from './backup-error.ts'
import type { BackupPlace } from './engine.ts'
import type { Manifest } from './manifest.ts'

type PlacementEntry = Manifest['placements'][number]

/** Both stores at one instant; those that hold nothing that counts are left out. */
export interface StoreSnapshots {
  readonly postgres: PgSnapshot | undefined
  readonly sqlite: SqliteSnapshot | undefined
  readonly installation: string
  readonly placements: readonly PlacementEntry[]
  close(): Promise<void>
}

interface Reader {
  texts(sql: string): Promise<readonly (readonly (string | null)[])[]>
}

interface StoreWords {
  readonly installation: string | undefined
  readonly placements: readonly (PlacementEntry & { readonly complete: boolean })[]
  /** A move keeps a mirror in it that is not finished. */
  readonly moving: boolean
}

/**
 * Opens a snapshot of every store that holds domains or takes part in a move.
 *
 * @throws AppError `store_away` when one of them cannot be read, `store_missing` when there is no installation.
 */
export async function openStores(place: BackupPlace): Promise<StoreSnapshots> {
  const opened = await openBoth(place)
  try {
    const words = {
      postgres: opened.postgres && (await wordsOf(opened.postgres, 'postgres')),
      sqlite: opened.sqlite && (await wordsOf(opened.sqlite, 'sqlite')),
    }
    const placements = settle([...(words.postgres?.placements ?? []), ...(words.sqlite?.placements ?? [])])
    const installation = words.postgres?.installation ?? words.sqlite?.installation
    if (installation === undefined || placements.length === 0) {
      if (opened.reason !== undefined)
        throw backupError('store_away', `PostgreSQL cannot be read: ${opened.reason}`)
      throw backupError(
        'store_missing',
        'There is nothing to back up: no store of this installation has been set up',
      )
    }
    const moving = words.postgres?.moving ?? false
    const counts = (store: PlacementEntry['placement']) =>
      moving || placements.some(({ placement }) => placement === store)
    if (counts('postgres') && !opened.postgres) throw away('PostgreSQL', opened.reason)
    if (counts('sqlite') && !opened.sqlite) throw away('SQLite', 'the file is missing')
    if (!counts('postgres')) await opened.postgres?.close()
    if (!counts('sqlite')) await opened.sqlite?.close()
    const postgres = counts('postgres') ? opened.postgres : undefined
    const sqlite = counts('sqlite') ? opened.sqlite : undefined
    return {
      postgres,
      sqlite,
      installation,
      placements,
      async close() {
        await postgres?.close()
        await sqlite?.close()
      },
    }
  } catch (error) {
    await opened.postgres?.close()
    await opened.sqlite?.close()
    throw error
  }
}

const away = (store: string, reason: string | undefined) =>
  backupError('store_away', `${store} holds domains and cannot be read: ${reason ?? 'it is not configured'}`)

interface OpenedStores {
  readonly postgres: PgSnapshot | undefined
  readonly sqlite: SqliteSnapshot | undefined
  /** Why there is no PostgreSQL. */
  readonly reason: string | undefined
}

async function openBoth(place: BackupPlace): Promise<OpenedStores> {
  const { postgresUrl, sqlitePath } = place
  const hasFile = existsSync(sqlitePath)
  const open = async (): Promise<OpenedStores> => {
    const sqlite = hasFile ? await openSqliteSnapshot(sqlitePath) : undefined
    try {
      const postgres = postgresUrl === undefined ? undefined : await openPgSnapshot(postgresUrl)
      return { postgres, sqlite, reason: undefined }
    } catch (error) {
      if (isDbError(error, 'unavailable')) return { postgres: undefined, sqlite, reason: error.message }
      await sqlite?.close()
      throw error
    }
  }
  // One store has an instant of its own; two have a common one only while nobody writes.
  return hasFile && postgresUrl !== undefined ? place.freeze(open) : open()
}

const tableExists = {
  sqlite: (name: string) => `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '${name}'`,
  postgres: (name: string) =>
    `SELECT 1 WHERE to_regclass(quote_ident(current_schema()) || '.${name}') IS NOT NULL`,
}

/** What a store says about itself; nothing in a new one. */
async function wordsOf(reader: Reader, dialect: keyof typeof tableExists): Promise<StoreWords> {
  const has = async (table: string) => (await reader.texts(tableExists[dialect](table))).length > 0
  if (!(await has('_placement'))) return { installation: undefined, placements: [], moving: false }
  const rows = await reader.texts('SELECT domain, placement, epoch, state FROM _placement ORDER BY domain')
  const [installation] = await reader.texts('SELECT id FROM _installation')
  const moves = (await has('_moves'))
    ? await reader.texts(`SELECT 1 FROM _moves WHERE state <> 'finished' LIMIT 1`)
    : []
  return {
    installation: installation?.[0] ?? undefined,
    placements: rows.flatMap(([domain, placement, epoch, state]) =>
      domain && (placement === 'sqlite' || placement === 'postgres')
        ? [{ domain, placement, epoch: Number(epoch), complete: state === 'complete' }]
        : [],
    ),
    moving: moves.length > 0,
  }
}

/** Of two complete words about a domain the one with the higher epoch is right. */
function settle(words: StoreWords['placements']): PlacementEntry[] {
  const settled = new Map<string, PlacementEntry>()
  for (const { domain, placement, epoch, complete } of words) {
    const known = settled.get(domain)
    if (complete && (!known || known.epoch < epoch)) settled.set(domain, { domain, placement, epoch })
  }
  return [...settled.values()].toSorted((a, b) => (a.domain < b.domain ? -1 : 1))
}

/** Names of the migrations that a store has, in order. */
export async function migrationsIn(reader: Reader): Promise<string[]> {
  const rows = await reader.texts('SELECT name FROM _app_migrations ORDER BY id')
  return rows.flatMap(([name]) => (name ? [name] : []))
}
