import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BackupPlace, Watch } from '../src/backups/engine.ts'
import { createLogger } from '../src/core/log.ts'
import { json } from '../src/db/app-db.ts'
import { type Storage, sqliteFile } from '../src/db/app-db-router.ts'
import { onDatabase, openPgSnapshot, openSqliteSnapshot, withLink } from '../src/db/snapshot/index.ts'
import { startPostgres, type TestServer } from './postgres-server.ts'
import { openTestStorage } from './product.ts'

const VERSIONS = '/usr/lib/postgresql'

/** The folder of a PostgreSQL server that comes with pg_dump: embedded servers come without. */
export function postgresPrograms(): string {
  const folders = existsSync(VERSIONS) ? readdirSync(VERSIONS) : []
  const found = folders
    .filter((version) => Number(version) >= 15)
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(VERSIONS, version, 'bin'))
    .find((folder) =>
      ['initdb', 'postgres', 'pg_dump', 'pg_restore'].every((name) => existsSync(join(folder, name))),
    )
  if (found === undefined) {
    throw new Error(
      'Tests of backups need a PostgreSQL server with pg_dump: apt-get install postgresql (15 or later)',
    )
  }
  return found
}

/** A server of the version of the pg_dump on this machine, or of that in POSTGRES_TOOLS_DIR: the one of TEST_POSTGRES_URL. */
export async function startDumpable(): Promise<TestServer> {
  const { TEST_POSTGRES_URL: url, POSTGRES_TOOLS_DIR: tools } = process.env
  if (url && tools) return { url, stop: async () => undefined }
  return startPostgres({ programs: postgresPrograms() })
}

/** `idle`: everything in SQLite, beside a PostgreSQL database that holds nothing yet. */
export type Kind = 'sqlite' | 'postgres' | 'both' | 'idle'

/** An installation with rows in it, closed unless a test opens it. */
export interface Installation {
  readonly place: BackupPlace
  readonly database: string
  /** The storage of the product, until it is closed. */
  open(): Promise<Storage>
  /** Digest of everything that both live stores hold. */
  fingerprint(): Promise<string>
  remove(): Promise<void>
}

/** @param kind where domains are: all in one store, or the high-write ones in PostgreSQL and the rest in SQLite. */
export async function createInstallation(server: TestServer | undefined, kind: Kind): Promise<Installation> {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-backups-'))
  const database = `hf_${randomBytes(4).toString('hex')}`
  const url = server && kind !== 'sqlite' ? onDatabase(server.url, database) : undefined
  if (server && url !== undefined) {
    await withLink(server.url, (link) =>
      link.script(`CREATE DATABASE ${database} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'`),
    )
  }
  const place: BackupPlace = {
    folder: join(dataDir, 'backups'),
    dataDir,
    sqlitePath: sqliteFile(dataDir),
    postgresUrl: url,
    adminUrl: undefined,
    toolsDir: process.env.POSTGRES_TOOLS_DIR,
    secret: undefined,
    secretKeyFile: join(dataDir, 'secret.key'),
    log: createLogger('silent'),
    clock: () => new Date(),
    freeze: (work) => work(),
  }
  const open = () =>
    openTestStorage({
      dataDir,
      postgresUrl: url,
      config: {
        postgresAppMaxConnections: 4,
        storagePlacement: kind === 'postgres' ? 'postgres' : 'sqlite',
        storagePlacements: kind === 'both' ? { traces: 'postgres', audit: 'postgres' } : {},
      },
    })
  const storage = await open()
  await fill(storage)
  await storage.close()
  return {
    place,
    database,
    open,
    async fingerprint() {
      const tables: unknown[] = []
      if (url !== undefined) {
        const snapshot = await openPgSnapshot(url)
        tables.push(await snapshot.digest().finally(() => snapshot.close()))
      }
      if (existsSync(place.sqlitePath)) {
        const snapshot = await openSqliteSnapshot(place.sqlitePath)
        tables.push(await snapshot.digest().finally(() => snapshot.close()))
      }
      return createHash('sha256').update(JSON.stringify(tables)).digest('hex')
    },
    async remove() {
      if (server) {
        await withLink(server.url, async (link) => {
          const rows = await link.texts(`SELECT datname FROM pg_database WHERE datname LIKE '${database}%'`)
          for (const [name] of rows) await link.script(`DROP DATABASE "${name}" WITH (FORCE)`)
        })
      }
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

async function fill(storage: Storage): Promise<void> {
  const at = '2026-01-02T03:04:05.678Z'
  await storage.getAppDbFor('audit').insertMany(
    'audit_log',
    ['user_id', 'username', 'action', 'target_type', 'target_id', 'details', 'created_at'],
    Array.from({ length: 500 }, (_, i) => [
      null,
      `user ${i}`,
      'test.made',
      'thing',
      `${i}`,
      json({ i, text: 'é"\\' }),
      at,
    ]),
  )
  await addSetting(storage, 'test.key', 'before')
  await storage
    .getAppDbFor('users')
    .insertMany(
      'users',
      ['id', 'username', 'password_hash', 'role', 'created_at', 'updated_at'],
      [['user-1', 'ada', 'x', 'admin', at, at]],
    )
}

export async function addSetting(storage: Storage, key: string, value: string): Promise<void> {
  await storage
    .getAppDbFor('settings')
    .insertMany(
      'settings',
      ['key', 'value', 'category', 'updated_at'],
      [[key, value, 'test', new Date().toISOString()]],
    )
}

/** The keys that {@link addSetting} has added. @throws Error when a domain is not available. */
export async function addedSettings({ open }: Installation): Promise<string[]> {
  const storage = await open()
  try {
    const away = storage.status().domains.filter(({ available }) => !available)
    if (away.length > 0) throw new Error(`${away.map(({ domain }) => domain).join(', ')}: not available`)
    const rows = await storage
      .getAppDbFor('settings')
      .query<{ key: string }>(`SELECT key FROM settings WHERE category = 'test' ORDER BY key LIMIT 10`)
    return rows.map(({ key }) => key)
  } finally {
    await storage.close()
  }
}

export const watch = (signal: AbortSignal = new AbortController().signal): Watch => ({
  signal,
  onProgress: () => undefined,
})
