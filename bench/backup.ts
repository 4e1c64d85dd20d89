// What a backup of a PostgreSQL database and its restore take, against pg_dump and pg_restore by themselves.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Archive } from '../backend/src/backups/archive.ts'
import { createBackup } from '../backend/src/backups/create.ts'
import { type BackupPlace, WORKING_SHARE } from '../backend/src/backups/engine.ts'
import { openBackup } from '../backend/src/backups/manifest.ts'
import { unpackPostgres } from '../backend/src/backups/unpack.ts'
import { createLogger } from '../backend/src/core/log.ts'
import { sqliteFile } from '../backend/src/db/app-db-router.ts'
import {
  createPace,
  dropDatabase,
  onDatabase,
  openPgSnapshot,
  withLink,
} from '../backend/src/db/snapshot/index.ts'
import { postgresPrograms } from '../backend/test/backups.ts'
import { startPostgres } from '../backend/test/postgres-server.ts'
import { openTestStorage } from '../backend/test/product.ts'
import { measureBesideBackups, OFFERED } from './backup-beside.ts'
import { median, quick, report, rounded, say } from './bench.ts'
import { aSpanRow, spanColumns } from './span-rows.ts'

const megabytes = quick ? 150 : 2048
const dumpRounds = 3
const rounds = quick ? 3 : 1 // of 2 GB one takes a quarter of an hour
const programs = postgresPrograms()
const server = await startPostgres({ programs, volatile: false })
const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-bench-backup-'))
const plainFile = join(dataDir, 'plain.dump')
const database = 'bench_backup'
const url = onDatabase(server.url, database)
const place: BackupPlace = {
  folder: join(dataDir, 'backups'),
  dataDir,
  sqlitePath: sqliteFile(dataDir),
  postgresUrl: url,
  adminUrl: undefined,
  toolsDir: programs,
  secret: undefined,
  secretKeyFile: undefined,
  log: createLogger('error'),
  clock: () => new Date(),
  freeze: (work) => work(),
}
const watch = { signal: new AbortController().signal, onProgress: () => undefined }

/** Rows that compress as real ones do, at most doubled until there are enough. */
async function fill(): Promise<number> {
  const storage = await openTestStorage({
    dataDir,
    postgresUrl: url,
    config: { postgresAppMaxConnections: 4, storagePlacement: 'postgres' },
  })
  const traces = storage.getAppDbFor('traces')
  for (let start = 0; start < 40_000; start += 1_000) {
    await traces.insertMany(
      'spans',
      spanColumns,
      Array.from({ length: 1_000 }, (_, i) => aSpanRow(start + i)),
    )
  }
  await storage.close()
  const rest = spanColumns.filter((name) => name !== 'id').join(', ')
  return withLink(url, async (link) => {
    for (let copy = 0; ; copy++) {
      const [row] = await link.texts('SELECT pg_database_size(current_database()), count(*) FROM spans')
      const [bytes = 0, rows = 0] = (row ?? []).map(Number)
      const missing = megabytes * 2 ** 20 - bytes
      if (missing <= 0) {
        // What the server would begin to do by itself in the middle of a measurement.
        await link.script('VACUUM ANALYZE spans')
        await link.script('CHECKPOINT')
        return bytes
      }
      const more = Math.ceil(rows * Math.min(1, missing / bytes)) + 1_000
      await link.script(
        `INSERT INTO spans (id, ${rest}) SELECT md5(id || '${copy}'), ${rest} FROM spans LIMIT ${more}`,
      )
      await link.script('ANALYZE spans; CHECKPOINT')
    }
  })
}

async function secondsOf(work: () => unknown): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (performance.now() - startedAt) / 1_000
}

const { username, password, hostname, port } = new URL(url)
const env = { ...process.env, PGUSER: username, PGPASSWORD: password, PGHOST: hostname, PGPORT: port }
const run = (program: string, ...args: string[]) =>
  execFileSync(join(programs, program), args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
const plainDump = (...more: string[]) =>
  run('pg_dump', '--format=custom', `--file=${plainFile}`, ...more, database)

async function plainRestore(): Promise<void> {
  await withLink(server.url, (link) => link.script('CREATE DATABASE plain TEMPLATE template0'))
  run('pg_restore', '--no-owner', '--dbname=plain', plainFile)
}

const times = { plain: [], sameLevel: [], backup: [], plainRestore: [], digest: [], restore: [] } as Record<
  string,
  number[]
>
const note = async (name: string, work: () => unknown) => {
  const seconds = await secondsOf(work)
  times[name]?.push(seconds)
  say(`${name} ${seconds.toFixed(1)} s`)
}

try {
  await withLink(server.url, (link) =>
    link.script(`CREATE DATABASE ${database} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'`),
  )
  const bytes = await fill()
  say(`${Math.round(bytes / 2 ** 20)} MiB`)
  plainDump() // the server's cache is warm afterwards
  let name = ''
  for (let round = 0; round < dumpRounds; round++) {
    await note('plain', () => plainDump())
    await note('sameLevel', () => plainDump('--compress=1'))
    await note('backup', async () => {
      name = await createBackup(place, 'manual', { ...watch, pace: createPace(WORKING_SHARE, () => false) })
    })
  }
  const fileBytes = statSync(join(place.folder, name)).size
  const backup = await openBackup(await Archive.open(join(place.folder, name)), undefined)
  for (let round = 0; round < rounds; round++) {
    await note('plainRestore', plainRestore)
    await withLink(server.url, (link) => dropDatabase(link, 'plain'))
    let scratch = ''
    await note('restore', async () => {
      scratch = await unpackPostgres(place, backup, url, watch)
    })
    const snapshot = await openPgSnapshot(onDatabase(url, scratch))
    await note('digest', () => snapshot.digest())
    await snapshot.close()
    await withLink(server.url, (link) => dropDatabase(link, scratch))
  }
  const beside = await measureBesideBackups(
    {
      DATA_DIR: dataDir,
      BACKUP_DIR: join(dataDir, 'of-the-product'), // it would begin to prove those that are not
      POSTGRES_APP_URL: url,
      POSTGRES_TOOLS_DIR: programs,
      STORAGE_PLACEMENT: 'postgres',
    },
    url,
  )
  const idleMs = (beside.before + beside.after) / 2
  const of = (key: string) => median(times[key] ?? [])
  report({
    name: 'backup',
    figures: {
      databaseMb: Math.round(bytes / 2 ** 20),
      fileMb: Math.round(fileBytes / 2 ** 20),
      backupSeconds: rounded(of('backup')),
      restoreSeconds: rounded(of('restore')),
      verifySeconds: rounded(of('digest')),
      apiP99Ms: beside,
    },
    ratios: {
      dumpOfPgDump: rounded(of('backup') / of('plain')),
      dumpOfPgDumpSameLevel: rounded(of('backup') / of('sameLevel')),
      restoreOfPgRestore: rounded(of('restore') / (of('plainRestore') + of('digest'))),
      apiP99OfIdle: rounded(beside.making / idleMs),
      apiP99OfHeld: rounded(beside.making / beside.makingHeld),
      apiP99OfIdleWhileProved: rounded(beside.proof / idleMs),
      apiP99OfHeldWhileProved: rounded(beside.proof / beside.proofHeld),
    },
    notes: [
      'a backup hashes every row in the snapshot that it dumps, at the pace that the product keeps while nobody asks it for anything; pg_dump is run with --format=custom, SameLevel with --compress=1 too',
      'a restore is compared with pg_restore and the hashing of what it restored',
      `apiP99: a light endpoint of the built product at ${OFFERED} requests a second before and after, and while a backup is made and while it is proved, by turns with it being held; what came while the hypervisor gave the processors to others is set aside`,
    ],
  })
} finally {
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
}
