// How fast spans-like rows get into an indexed table, beside psql's \copy and one INSERT per row in the same run.
import { spawnSync } from 'node:child_process'
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { type AppDb, type InsertManyOptions, JsonParameter } from '../backend/src/db/app-db.ts'
import { copyChunks, copyStatement } from '../backend/src/db/pg-bulk.ts'
import { openPostgresStore } from '../backend/src/db/postgres.ts'
import { openSqliteStore } from '../backend/src/db/sqlite.ts'
import { startPostgres } from '../backend/test/postgres-server.ts'
import { median, quick, report, rounded, say, shuffled } from './bench.ts'
import { aSpanRow, createSpans, spanColumns } from './span-rows.ts'

const rounds = quick ? 5 : 9
const rowCount = quick ? 15_000 : 40_000
/** Row by row is so slow that fewer rows measure it as well. */
const rowByRowCount = quick ? 1_500 : 4_000
const batch = 500

type Rows = ReturnType<typeof aSpanRow>[]

const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
const given = process.env.BENCH_POSTGRES_URL
const server = given
  ? undefined
  : await startPostgres({ volatile: false, settings: { shared_buffers: '1GB', max_wal_size: '8GB' } })
const url = given ?? server?.url ?? ''
const postgres = openPostgresStore({ url, maxConnections: 4 })
const sqlite = await openSqliteStore({ path: join(folder, 'bench.db') })
await postgres.db.execute('DROP TABLE IF EXISTS bench_spans')
await postgres.transaction((tx) => tx.execScript(createSpans.postgres))
await sqlite.transaction((tx) => tx.execScript(createSpans.sqlite))

const rows: Rows = Array.from({ length: rowCount }, (_, i) => aSpanRow(i))
const copyFile = join(folder, 'spans.copy')
writeFileSync(copyFile, Buffer.concat([...copyChunks(rows)]))
const psql = spawnSync('psql', ['--version']).status === 0

function batches(): Rows[] {
  const all: Rows[] = []
  for (let start = 0; start < rows.length; start += batch) all.push(rows.slice(start, start + batch))
  return all
}

/** Inserts in batches, `connections` of them at a time. */
async function insertBatches(db: AppDb, connections: number, options?: InsertManyOptions): Promise<number> {
  const waiting = batches()
  const worker = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      await db.insertMany('bench_spans', spanColumns, next, options)
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
  return rows.length
}

async function rawCopy(): Promise<number> {
  const command = copyStatement('bench_spans', spanColumns)
  if (psql) {
    const text = `\\${command.replace('COPY', 'copy').replace('STDIN', `'${copyFile}'`)}`
    const { status, stderr } = spawnSync('psql', [url, '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c', text])
    if (status !== 0) throw new Error(`psql: ${stderr.toString()}`)
    return rows.length
  }
  const client = new pg.Client(url)
  await client.connect()
  await pipeline(createReadStream(copyFile), client.query(copyFrom(command)))
  await client.end()
  return rows.length
}

/** What one writes first: a transaction of 500, one INSERT at a time. */
async function rowByRow(): Promise<number> {
  const places = spanColumns.map((_, i) => `$${i + 1}`).join(', ')
  const sql = `INSERT INTO bench_spans (${spanColumns.join(', ')}) VALUES (${places})`
  const client = new pg.Client(url)
  await client.connect()
  for (let start = 0; start < rowByRowCount; start += batch) {
    await client.query('BEGIN')
    for (const row of rows.slice(start, Math.min(start + batch, rowByRowCount))) {
      await client.query(
        sql,
        row.map((value) => (value instanceof JsonParameter ? value.text : value)),
      )
    }
    await client.query('COMMIT')
  }
  await client.end()
  return rowByRowCount
}

const nothing: InsertManyOptions = { onConflict: 'nothing' }
const variants = {
  copy: rawCopy,
  rowByRow,
  twoConnections: () => insertBatches(postgres.db, 2),
  oneConnection: () => insertBatches(postgres.db, 1),
  idempotent: () => insertBatches(postgres.db, 1, nothing),
  async bulkIdempotent() {
    await postgres.db.insertMany('bench_spans', spanColumns, rows, nothing)
    return rows.length
  },
  sqlite: () => insertBatches(sqlite.db, 1),
}
type Variant = keyof typeof variants
const names = Object.keys(variants) as Variant[]

async function measure(name: Variant): Promise<number> {
  await (name === 'sqlite'
    ? sqlite.db.execute('DELETE FROM bench_spans')
    : postgres.db.execute('TRUNCATE bench_spans'))
  globalThis.gc?.()
  const startedAt = performance.now()
  const written = await variants[name]()
  return (written * 1_000) / (performance.now() - startedAt)
}

for (const name of names) await measure(name) // caches, code and the server's files are warm afterwards
const speeds = new Map<Variant, number[]>(names.map((name) => [name, []]))
for (let round = 1; round <= rounds; round++) {
  for (const name of shuffled(names)) speeds.get(name)?.push(await measure(name))
  say(`round ${round} of ${rounds}`)
}

const speed = (name: Variant) => rounded(median(speeds.get(name) ?? []))
/** Median of the ratios within each round: what the machine did meanwhile hits both sides. */
function ratio(name: Variant, base: Variant): number {
  const bases = speeds.get(base) ?? []
  return rounded(median((speeds.get(name) ?? []).map((value, i) => value / (bases[i] ?? Number.NaN))))
}

report({
  name: 'insert',
  figures: {
    copyRowsPerSecond: speed('copy'),
    rowByRowRowsPerSecond: speed('rowByRow'),
    insertManyRowsPerSecond: speed('twoConnections'),
    insertManyOneConnectionRowsPerSecond: speed('oneConnection'),
    idempotentRowsPerSecond: speed('idempotent'),
    bulkIdempotentRowsPerSecond: speed('bulkIdempotent'),
    sqliteRowsPerSecond: speed('sqlite'),
    rounds,
    rows: rowCount,
    columns: spanColumns.length,
    batch,
  },
  ratios: {
    ofCopy: ratio('twoConnections', 'copy'),
    ofRowByRow: ratio('twoConnections', 'rowByRow'),
    oneConnectionOfCopy: ratio('oneConnection', 'copy'),
    idempotentOfCopy: ratio('idempotent', 'copy'),
    idempotentOfRowByRow: ratio('idempotent', 'rowByRow'),
    bulkIdempotentOfCopy: ratio('bulkIdempotent', 'copy'),
  },
  notes: [
    psql
      ? 'ofCopy compares with psql \\copy of a ready file'
      : 'psql is missing: ofCopy compares with a COPY stream of a ready file',
    given ? 'server of BENCH_POSTGRES_URL' : 'own PostgreSQL 17 with fsync',
  ],
})

await postgres.db.execute('DROP TABLE bench_spans')
await postgres.close()
await sqlite.close()
await server?.stop()
rmSync(folder, { recursive: true, force: true })
