import { createReadStream } from 'node:fs'
import { readFile, rm, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { VERSION } from '../core/version.ts'
import { isDbError } from '../db/db-errors.ts'
import { openSqliteSnapshot, type PgSnapshot, type SqliteSnapshot } from '../db/snapshot/index.ts'
import { ArchiveWriter, type Part } from './archive.ts'
import { backupError, hasCode } from './backup-error.ts'
import { type BackupKey, newKey } from './encryption.ts'
import { type BackupPlace, throwIfCancelled, type Watch } from './engine.ts'
import { assertRoom, makeFolder, newName, publish, temporaryPath, writeNote } from './folder.ts'
import { addManifest, ENCRYPTED, FORMAT, type Manifest } from './manifest.ts'
import { dumpDatabase, findPgTools } from './pg-tools.ts'
import { migrationsIn, openStores, type StoreSnapshots } from './read-stores.ts'

/** A dump is compressed and has no indexes: seldom more than this of the database. */
const DUMP_SHARE = 0.6
/** The copy of the file, and the copy compressed. */
const FILE_SHARE = 1.6
const RESERVE = 64 * 2 ** 20

/**
 * Backs up whatever holds the truth into one file. It appears in the folder when it is complete and on the disk.
 *
 * @returns its name.
 * @throws AppError, see backup-error.ts; nothing is left behind.
 */
export async function createBackup(
  place: BackupPlace,
  reason: Manifest['reason'],
  watch: Watch,
): Promise<string> {
  throwIfCancelled(watch.signal)
  await makeFolder(place.folder)
  const temporary = temporaryPath(place.folder)
  // Before the snapshots: what is newer is never taken for a part of the backup.
  const createdAt = place.clock()
  const stores = await openStores(place)
  try {
    await assertRoom(place.folder, await forecast(place, stores), 'The backup')
    const manifest = await writeArchive(place, stores, { temporary, reason, createdAt, watch })
    const name = await newName(place.folder, createdAt, reason)
    await publish(place.folder, temporary, name)
    await noteNew(place, name, manifest)
    return name
  } catch (error) {
    throw translated(error, watch.signal)
  } finally {
    await stores.close()
    await rm(temporary, { force: true })
    for (const end of ['', '-wal', '-shm', '-journal']) await rm(`${temporary}.db${end}`, { force: true })
  }
}

async function forecast(place: BackupPlace, { postgres, sqlite }: StoreSnapshots): Promise<number> {
  const file = sqlite ? (await stat(place.sqlitePath)).size : 0
  return RESERVE + file * FILE_SHARE + (postgres?.facts.bytes ?? 0) * DUMP_SHARE
}

/** What fails on a full disk or by being cancelled says so. */
export function translated(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted)
    return backupError('cancelled', 'It was cancelled; nothing was changed', { cause: error })
  if (hasCode(error, 'ENOSPC') || hasCode(error, 'EDQUOT') || isDbError(error, 'disk-full')) {
    return backupError('disk_full', 'The disk is full: free space or delete old backups', { cause: error })
  }
  // SQLite says no more of a file for which there is no room, its own beside it included.
  if (isDbError(error) && error.engineCode?.startsWith('SQLITE_IOERR')) {
    return backupError('disk_full', `${error.message}: the disk of the backups is full, or faulty`, {
      cause: error,
    })
  }
  if (isDbError(error, 'unavailable')) return backupError('store_away', error.message, { cause: error })
  return error
}

interface Writing {
  readonly temporary: string
  readonly reason: Manifest['reason']
  readonly createdAt: Date
  readonly watch: Watch
}

async function writeArchive(place: BackupPlace, stores: StoreSnapshots, writing: Writing): Promise<Manifest> {
  const key = place.secret === undefined ? undefined : await newKey(place.secret)
  const writer = await ArchiveWriter.create(writing.temporary)
  try {
    if (key) await writer.add('key.json', [Buffer.from(`${JSON.stringify(key.info)}\n`)])
    const parts: Part[] = []
    const add: AddPart = async (name, source) => {
      parts.push(
        await (key ? writer.add(name + ENCRYPTED, key.encrypt(name, source)) : writer.add(name, source)),
      )
    }
    // First the file: while its snapshot is open, the log beside it grows.
    const sqlite = stores.sqlite ? await addSqlite(stores.sqlite, add, writing) : null
    const postgres = stores.postgres ? await addPostgres(place, stores.postgres, add, writing) : null
    const secretKey = await addSecretKey(place, key, add)
    const manifest: Manifest = {
      product: 'holdfast',
      format: FORMAT,
      version: VERSION,
      createdAt: writing.createdAt.toISOString(),
      reason: writing.reason,
      installation: stores.installation,
      placements: [...stores.placements],
      postgres,
      sqlite,
      secretKey,
      parts,
    }
    await addManifest(writer, manifest, key)
    await writer.finish()
    return manifest
  } catch (error) {
    await writer.abandon()
    throw error
  }
}

type AddPart = (name: string, source: AsyncIterable<Buffer> | Iterable<Buffer>) => Promise<void>

async function addSqlite(
  snapshot: SqliteSnapshot,
  add: AddPart,
  { temporary, watch }: Writing,
): Promise<Manifest['sqlite']> {
  const copy = `${temporary}.db`
  await snapshot.copyTo(copy, {
    signal: watch.signal,
    onProgress: (share) => watch.onProgress('copying', share),
  })
  const migrations = await migrationsIn(snapshot)
  const [version] = await snapshot.texts('SELECT sqlite_version()')
  await snapshot.close()
  watch.onProgress('comparing', null)
  const reading = await openSqliteSnapshot(copy)
  try {
    const tables = [...(await reading.digest(watch.signal))]
    const { size } = await stat(copy)
    await pipeline(createReadStream(copy), createGzip({ level: 1 }), (source: AsyncIterable<Buffer>) =>
      add('sqlite.db.gz', source),
    )
    return { version: version?.[0] ?? 'unknown', bytes: size, migrations, tables }
  } finally {
    await reading.close()
    // Room for the dump that follows.
    await rm(copy, { force: true })
  }
}

async function addPostgres(
  place: BackupPlace,
  snapshot: PgSnapshot,
  add: AddPart,
  { watch }: Writing,
): Promise<Manifest['postgres']> {
  const { facts } = snapshot
  const tools = await findPgTools(place.toolsDir, facts.major)
  const ofExtensions = await schemasOfExtensions(snapshot)
  const stop = new AbortController()
  const signal = AbortSignal.any([watch.signal, stop.signal])
  const [ofDigest, ofDump] = watch.pace?.halves() ?? []
  watch.onProgress('dumping', 0)
  // The rows are counted and hashed in the very snapshot that is dumped, while it is dumped.
  const digest = snapshot.digest({
    signal,
    pace: ofDigest,
    onProgress: (share) => watch.onProgress('dumping', share),
  })
  const dump = add(
    'postgres.dump',
    dumpDatabase(tools, place.postgresUrl ?? '', {
      snapshot: snapshot.id,
      excludeSchemas: [...facts.foreignSchemas, ...ofExtensions],
      timescale: facts.hypertables,
      pace: ofDump,
      signal,
    }),
  )
  for (const each of [digest, dump]) each.catch((error: unknown) => stop.abort(error))
  await Promise.allSettled([digest, dump])
  if (stop.signal.aborted) throw stop.signal.reason
  await dump
  const { database, schema, version, major, bytes, hypertables } = facts
  const extensions = facts.extensions.map(({ name, version: installed }) => ({ name, version: installed }))
  const migrations = await migrationsIn(snapshot)
  return {
    database,
    schema,
    version,
    major,
    bytes,
    extensions,
    hypertables,
    tool: tools.major,
    migrations,
    tables: await digest,
  }
}

/** Such as that of Apache AGE: it comes with its extension, and the product's user may not read what is in it. */
async function schemasOfExtensions(snapshot: PgSnapshot): Promise<string[]> {
  const rows = await snapshot.texts(`
    SELECT DISTINCT n.nspname
    FROM pg_extension AS e
    JOIN pg_namespace AS n ON n.oid = e.extnamespace
    WHERE n.nspname NOT IN (current_schema(), 'public', 'pg_catalog')
    ORDER BY n.nspname
  `)
  return rows.flatMap(([name]) => (name ? [name] : []))
}

/** Whoever has the backup has the key: it goes into encrypted ones only. */
async function addSecretKey(place: BackupPlace, key: BackupKey | undefined, add: AddPart): Promise<boolean> {
  if (!key || place.secretKeyFile === undefined) return false
  let secret: Buffer
  try {
    secret = await readFile(place.secretKeyFile)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false // nothing was encrypted with it yet
    throw error
  }
  await add('secret.key', [secret])
  return true
}

async function noteNew(place: BackupPlace, name: string, manifest: Manifest): Promise<void> {
  const { size, mtimeMs } = await stat(`${place.folder}/${name}`)
  await writeNote(place.folder, name, {
    bytes: size,
    modifiedMs: mtimeMs,
    encrypted: place.secret !== undefined,
    manifest,
    problem: null,
    provedAt: null,
    proveProblem: null,
  })
}
