// A move of 500,000 spans and of 2,000,000 metric rows, indexes and verify of both sides included, beside pgloader's
// copy of the same file alone in the same run. At the end the product itself mirrors the spans, as an operator tells it
// to: with triggers in both stores, throttle and verify.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createLogger } from '../backend/src/core/log.ts'
import type { SqlValue } from '../backend/src/db/app-db.ts'
import { migrate } from '../backend/src/db/migrate.ts'
import { ensurePartitions } from '../backend/src/db/pg-partitions.ts'
import { openPostgresStore } from '../backend/src/db/postgres.ts'
import { openSqliteStore } from '../backend/src/db/sqlite.ts'
import {
  compareDigests,
  createTransfer,
  readTableShapes,
  type TableDigest,
  type TableShape,
} from '../backend/src/db/transfer/index.ts'
import { createLedgerTables, forgetTables } from '../backend/src/db/transfer/ledger.ts'
import { startPostgres } from '../backend/test/postgres-server.ts'
import { createTestMoves, openTestStorage, untilUnit } from '../backend/test/product.ts'
import { median, quick, report, rounded, say, shuffled } from './bench.ts'
import { aSpanRow, spanColumns } from './span-rows.ts'
import { countStolen } from './stolen.ts'

const rounds = quick ? 1 : 5
const spanCount = quick ? 40_000 : 500_000
const metricCount = quick ? 200_000 : 2_000_000
const rowsPerInsert = 5_000
const loopResolutionMs = 5
const memoryEveryMs = 50
/** Of the processors, while both sides ran: beyond it they are measured again. */
const mostStolen = 0.02
const attempts = quick ? 1 : 3

const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
const file = join(folder, 'holdfast.db')
const server = await startPostgres({
  volatile: false,
  settings: { shared_buffers: '1GB', max_wal_size: '8GB' },
})
const postgres = openPostgresStore({ url: server.url, maxConnections: 4 })
const sqlite = await openSqliteStore({ path: file })
await migrate(sqlite)
await migrate(postgres)
await createLedgerTables(postgres)
const shapes = await readTableShapes(sqlite, postgres, ['traces', 'metrics'])
const hasPgloader = spawnSync('pgloader', ['--version']).status === 0
if (!hasPgloader) say('pgloader is missing: nothing to compare with (apt-get install pgloader)')

const firstMs = Date.UTC(2026, 9, 1)
const tables = {
  spans: { count: spanCount, columns: spanColumns, row: aSpanRow },
  metrics: {
    count: metricCount,
    columns: ['series_id', 'time_ms', 'value'],
    row: (i: number): SqlValue[] => [i % 60, firstMs + Math.floor(i / 60) * 15_000, Math.sin(i) * 100],
  },
}
type Table = keyof typeof tables

async function fill(table: Table): Promise<void> {
  const { count, columns, row } = tables[table]
  for (let start = 0; start < count; start += rowsPerInsert) {
    const rows = Array.from({ length: Math.min(rowsPerInsert, count - start) }, (_, i) => row(start + i))
    await sqlite.db.insertMany(table, columns, rows)
  }
}
await fill('spans')
await fill('metrics')
await ensurePartitions(postgres.db, ['metrics'], firstMs, firstMs + (metricCount / 60) * 15_000 + 1)
say(`${spanCount} spans and ${metricCount} metric rows are in SQLite`)

const transfer = createTransfer({ sqlitePath: file, postgresUrl: server.url, log: createLogger('silent') })
const { signal } = new AbortController()

interface Move {
  readonly seconds: number
  readonly copySeconds: number
  readonly verifySeconds: number
}

function shapeOf(table: Table): TableShape {
  const shape = shapes.find((each) => each.table === table)
  if (!shape) throw new Error(`no table ${table}`)
  return shape
}

/** The copy with its indexes, and the digest of both sides: the source's is made on the way. */
async function move(table: Table): Promise<Move> {
  const shape = shapeOf(table)
  await postgres.db.execute(`TRUNCATE ${table}`)
  await forgetTables(postgres.db, 'bench')
  await postgres.db.execute('CHECKPOINT')
  const started = performance.now()
  const { rows, digest } = await transfer.copy({
    unit: 'bench',
    shape,
    from: 'sqlite',
    signal,
    beforePage: async () => undefined,
    onConflict: async () => undefined,
    onProgress: () => undefined,
  })
  const copied = performance.now()
  const target = await transfer.digest({ side: 'postgres', shape, signal })
  const ended = performance.now()
  if (rows !== tables[table].count || !digest || compareDigests(digest, target).length > 0) {
    throw new Error(`${table}: the copy is not equal`)
  }
  return {
    seconds: (ended - started) / 1_000,
    copySeconds: (copied - started) / 1_000,
    verifySeconds: (ended - copied) / 1_000,
  }
}

/**
 * pgloader's own way: it makes its table in a schema of its own, copies and builds its indexes. With as many rows in
 * memory as it would take by default, spans exhaust its heap.
 */
async function pgloader(table: Table): Promise<number> {
  await postgres.db.execute('DROP SCHEMA IF EXISTS pgloader CASCADE')
  await postgres.db.execute('CREATE SCHEMA pgloader')
  await postgres.db.execute('CHECKPOINT')
  const order = join(folder, 'order.load')
  const path = table === 'spans' ? pgloaderFiles.spans : pgloaderFiles.metrics
  writeFileSync(
    order,
    `LOAD DATABASE FROM sqlite://${path} INTO ${server.url}
     WITH include drop, create tables, create indexes, reset no sequences, prefetch rows = 10000
     SET search_path TO 'pgloader';\n`,
  )
  const started = performance.now()
  const child = spawn('pgloader', [order], { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      log += text
    })
  }
  await new Promise((resolve) => child.once('exit', resolve))
  const seconds = (performance.now() - started) / 1_000
  // It ends with 0 whatever happened.
  const row = await postgres.db.queryOne<{ rows: number }>(`SELECT count(*) AS rows FROM pgloader.${table}`)
  if (row?.rows !== tables[table].count) throw new Error(`pgloader copied ${row?.rows} rows:\n${log}`)
  return seconds
}

/** Files with one table each, as the plan declares it: pgloader reads neither two-word types nor expression indexes. */
async function forPgloader(table: Table): Promise<string> {
  const path = join(folder, `${table}.db`)
  await sqlite.connection(async (session) => {
    const [found] = await session.query<{ sql: string }>(
      `SELECT sql FROM sqlite_master WHERE type = 'table' AND name = $1`,
      [table],
    )
    const indexes = await session.query<{ sql: string }>(
      `SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = $1 AND sql IS NOT NULL`,
      [table],
    )
    const plain = (found?.sql ?? '')
      .replaceAll('TIMESTAMPTZ TEXT', 'TEXT')
      .replaceAll('JSONB TEXT', 'TEXT')
      .replaceAll(/ DEFAULT (\(strftime.*\)|'[^']*')/g, '')
      .replace(/WITHOUT ROWID/, '')
    await session.execute(`ATTACH DATABASE '${path}' AS other`)
    await session.execScript(`
      ${plain.replace(/^CREATE TABLE "?\w+"?/, `CREATE TABLE other.${table}`)};
      INSERT INTO other.${table} SELECT * FROM main.${table};
      ${indexes.map(({ sql }) => `${sql.replace(/INDEX (\w+)/, 'INDEX other.$1').replace(/substr\((\w+), 1, 512\)/, '$1')};`).join('\n')}`)
    await session.execute('DETACH DATABASE other')
  })
  return path
}
const pgloaderFiles = hasPgloader
  ? { spans: await forPgloader('spans'), metrics: await forPgloader('metrics') }
  : { spans: '', metrics: '' }

const moves = { spans: [] as Move[], metrics: [] as Move[] }
const loads = { spans: [] as number[], metrics: [] as number[] }
const sourceDigests: number[] = []
const stolenShares: number[] = []
const loopP99s: number[] = []
const loopMaxima: number[] = []
let peakMb = 0
const rssMb = () => process.memoryUsage().rss / 2 ** 20

async function measuredMove(table: Table): Promise<Move> {
  const loop = monitorEventLoopDelay({ resolution: loopResolutionMs })
  loop.enable()
  const timer = setInterval(() => {
    peakMb = Math.max(peakMb, rssMb())
  }, memoryEveryMs)
  try {
    return await move(table)
  } finally {
    loop.disable()
    loopP99s.push(Math.max(0, loop.percentile(99) / 1e6 - loopResolutionMs))
    loopMaxima.push(Math.max(0, loop.max / 1e6 - loopResolutionMs))
    clearInterval(timer)
  }
}

interface Pair {
  readonly move: Move
  readonly load: number
  readonly stolen: number
}

/** Both sides one after the other, as little disturbed as a few attempts allow: a move feels it more, it fills all processors. */
async function measuredPair(table: Table): Promise<Pair> {
  const pairs: Pair[] = []
  while (pairs.length < attempts && !pairs.some(({ stolen }) => stolen <= mostStolen)) {
    let moved: Move | undefined
    let load = Number.NaN
    const sides = [
      async () => {
        moved = await measuredMove(table)
      },
      async () => {
        if (hasPgloader) load = await pgloader(table)
      },
    ]
    const stolen = countStolen()
    for (const side of shuffled(sides)) await side()
    if (moved) pairs.push({ move: moved, load, stolen: stolen() })
  }
  const [least] = pairs.toSorted((a, b) => a.stolen - b.stolen)
  if (!least) throw new Error(`${table}: nothing was measured`)
  return least
}

globalThis.gc?.()
const idleMb = rssMb()
for (let round = 1; round <= rounds; round++) {
  for (const table of ['spans', 'metrics'] as const) {
    const { move: moved, load, stolen } = await measuredPair(table)
    moves[table].push(moved)
    if (hasPgloader) loads[table].push(load)
    stolenShares.push(stolen)
  }
  const started = performance.now()
  const digest: TableDigest = await transfer.digest({ side: 'sqlite', shape: shapeOf('spans'), signal })
  sourceDigests.push(digest.rows / ((performance.now() - started) / 1_000))
  say(
    `round ${round} of ${rounds}: ${JSON.stringify({ spans: moves.spans.at(-1), metrics: moves.metrics.at(-1), pgloader: [loads.spans.at(-1), loads.metrics.at(-1)], stolen: stolenShares.slice(-2) })}`,
  )
}

const secondsOf = (table: Table, part: keyof Move) => median(moves[table].map((each) => each[part]))
/** Median of the ratios within each round: what the machine did meanwhile hits both sides. */
const ratio = (table: Table) =>
  rounded(median(moves[table].map(({ seconds }, i) => (loads[table][i] ?? Number.NaN) / seconds)))

/** What an operator waits for: the mirror of the product, up to its first clean verify. */
async function mirrorSeconds(): Promise<number> {
  await postgres.db.execute('DROP SCHEMA IF EXISTS pgloader CASCADE')
  await postgres.db.execute('TRUNCATE spans')
  await postgres.db.execute('CHECKPOINT')
  const storage = await openTestStorage({
    dataDir: folder,
    postgresUrl: server.url,
    config: { postgresAppMaxConnections: 4, storagePlacement: 'sqlite' },
  })
  const moves = createTestMoves(storage, folder)
  await moves.start()
  const started = performance.now()
  await moves.act('traces', 'mirror', { name: 'bench' })
  await untilUnit(moves, 'traces', ({ state, verify }) => state === 'mirroring' && verify?.clean === true)
  const seconds = (performance.now() - started) / 1_000
  await moves.stop()
  await storage.close()
  return seconds
}

/** Every double of both tables, bit by bit. */
async function doublesDiffer(): Promise<number> {
  let different = 0
  const values = (store: typeof sqlite) =>
    store.db.stream<{ value: number }>('SELECT m.value FROM metrics AS m ORDER BY m.series_id, m.time_ms')
  const other = values(postgres)[Symbol.asyncIterator]()
  for await (const { value } of values(sqlite)) {
    const step = await other.next()
    if (step.done || !Object.is(step.value.value, value)) different++
  }
  await other.return?.() // its connection is free again
  return different
}

const different = await doublesDiffer()
const mirrored = await mirrorSeconds()

report({
  name: 'move',
  figures: {
    rowsPerSecond: rounded(spanCount / secondsOf('spans', 'seconds')),
    metricRowsPerSecond: rounded(metricCount / secondsOf('metrics', 'seconds')),
    copySeconds: rounded(secondsOf('spans', 'copySeconds')),
    verifySeconds: rounded(secondsOf('spans', 'verifySeconds')),
    digestRowsPerSecond: rounded(
      Math.min(median(sourceDigests), spanCount / secondsOf('spans', 'verifySeconds')),
    ),
    sourceDigestRowsPerSecond: rounded(median(sourceDigests)),
    targetDigestRowsPerSecond: rounded(spanCount / secondsOf('spans', 'verifySeconds')),
    loopP99Ms: rounded(median(loopP99s)),
    loopMaxMs: rounded(Math.max(...loopMaxima)),
    rssGrowthMb: rounded(peakMb - idleMb),
    doublesDiffer: different,
    stolenShare: rounded(median(stolenShares)),
    mirrorSeconds: rounded(mirrored),
    spans: spanCount,
    metrics: metricCount,
    rounds,
    ...(hasPgloader
      ? {
          pgloaderSpansPerSecond: rounded(spanCount / median(loads.spans)),
          pgloaderMetricsPerSecond: rounded(metricCount / median(loads.metrics)),
        }
      : {}),
  },
  ratios: hasPgloader
    ? {
        ofPgloader: ratio('spans'),
        metricsOfPgloader: ratio('metrics'),
        mirrorOfPgloader: rounded(median(loads.spans) / mirrored),
      }
    : {},
  notes: [
    'copy, indexes and digest of both sides, against the copy of pgloader with its indexes',
    hasPgloader ? 'pgloader reads a file with plain types' : 'pgloader is missing: no ratio was measured',
    'both sides are measured again, up to three times, where the hypervisor gave more than 2 % of the processors to others meanwhile',
    'own PostgreSQL 17 with fsync; neither side gathers statistics, which the product does before a cut over',
  ],
})

await transfer.close()
await postgres.close()
await sqlite.close()
await server.stop()
rmSync(folder, { recursive: true, force: true })
