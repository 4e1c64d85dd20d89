// What logging changed keys costs the writes of a store, and how far a mirror lags behind while it is written to.
import { setTimeout as sleep } from 'node:timers/promises'
import type { SqlStore } from '../backend/src/db/sql-store.ts'
import { readTableShapes, type TableShape } from '../backend/src/db/transfer/index.ts'
import { createLedgerTables } from '../backend/src/db/transfer/ledger.ts'
import { applyBatch } from '../backend/src/moves/applier.ts'
import { createCapture, type Role } from '../backend/src/moves/capture.ts'
import { median, quantile, quick, report, rounded, say, shuffled } from './bench.ts'
import { openPostgres, openSqlite } from './engines.ts'
import { aSpanRow, spanColumns } from './span-rows.ts'

const rounds = quick ? 7 : 15
const rowCount = quick ? 6_000 : 12_000
const batch = 500
const writesPerSecond = 500
const lagSeconds = quick ? 6 : 30
/** As the product waits between two turns of its applier. */
const gatherMs = 20
const unit = 'traces'

const engines = { sqlite: await openSqlite(), postgres: await openPostgres() }
const stores = { sqlite: engines.sqlite.store, postgres: engines.postgres.store }
type Name = keyof typeof stores
const names = ['sqlite', 'postgres'] as const
await createLedgerTables(stores.postgres)
const shapes: readonly TableShape[] = await readTableShapes(stores.sqlite, stores.postgres, [unit])

async function prepare(name: Name, role: Role): Promise<void> {
  const capture = createCapture(name)
  await stores[name].transaction((tx) => capture.install(tx, unit, shapes, 'none'))
  await stores[name].db.execute({ sqlite: 'DELETE FROM spans', postgres: 'TRUNCATE spans' })
  await stores[name].transaction((tx) => capture.install(tx, unit, shapes, role))
}

interface Variant {
  readonly name: Name
  readonly role: Role
}
const variants: readonly Variant[] = names.flatMap((name) => [
  { name, role: 'none' as const },
  { name, role: 'authority' as const },
])
const label = ({ name, role }: Variant) => `${name} ${role}`

const rows = Array.from({ length: rowCount }, (_, i) => aSpanRow(i))

/** Rows a second, in batches as the product writes them. */
async function speedOf({ name, role }: Variant): Promise<number> {
  await prepare(name, role)
  globalThis.gc?.()
  const startedAt = performance.now()
  for (let start = 0; start < rows.length; start += batch) {
    await stores[name].db.insertMany('spans', spanColumns, rows.slice(start, start + batch))
  }
  return (rows.length * 1_000) / (performance.now() - startedAt)
}

const speeds = new Map<string, number[]>(variants.map((variant) => [label(variant), []]))
for (const variant of variants) await speedOf(variant) // caches, code and the server's files are warm afterwards
for (let round = 1; round <= rounds; round++) {
  for (const variant of shuffled(variants)) speeds.get(label(variant))?.push(await speedOf(variant))
  say(`round ${round} of ${rounds}`)
}
const speed = (name: Name, role: Role) => rounded(median(speeds.get(`${name} ${role}`) ?? []))
/** Median of the ratios within each round: what the machine did meanwhile hits both sides. */
function ratio(name: Name): number {
  const bases = speeds.get(`${name} none`) ?? []
  const captured = speeds.get(`${name} authority`) ?? []
  return rounded(median(captured.map((value, i) => value / (bases[i] ?? Number.NaN))))
}

/** From the commit of a row at the source to that in the mirror, in milliseconds, for each row. */
async function lagsOf(from: Name): Promise<number[]> {
  const to = from === 'sqlite' ? 'postgres' : 'sqlite'
  const source: SqlStore = stores[from]
  const capture = createCapture(from)
  await prepare(from, 'authority')
  await prepare(to, 'mirror')
  const committed = new Map<string, number>()
  const lags: number[] = []
  let writing = true
  const job = {
    unit,
    shapes,
    source,
    target: stores[to],
    sourceCapture: capture,
    targetCapture: createCapture(to),
  }
  const applying = (async () => {
    for (;;) {
      const wasWriting = writing
      const changes = await source.snapshot((session) => capture.read(session, shapes, 2_000))
      if (changes.size > 0) await applyBatch({ ...job, batch: changes })
      else if (!wasWriting) return
      const now = performance.now()
      for (const { keys } of changes.tables.values()) {
        for (const [id = ''] of keys) {
          // A row may be there before its writer was told so.
          lags.push(Math.max(0, now - (committed.get(id) ?? now)))
        }
      }
      await sleep(gatherMs)
    }
  })()
  const startedAt = performance.now()
  const writes: Promise<void>[] = []
  for (let i = 0; i < lagSeconds * writesPerSecond; i++) {
    const ahead = startedAt + (i * 1_000) / writesPerSecond - performance.now()
    if (ahead > 1) await sleep(ahead)
    const row = aSpanRow(1_000_000 + i)
    writes.push(
      source.db.insertMany('spans', spanColumns, [row]).then(() => {
        committed.set(String(row[0]), performance.now())
      }),
    )
  }
  await Promise.all(writes)
  writing = false
  await applying
  const seconds = (performance.now() - startedAt) / 1_000
  if (lags.length < writes.length) throw new Error(`${writes.length} rows written, ${lags.length} applied`)
  say(`${from}: ${rounded(writes.length / seconds)} writes/s`)
  return lags
}

const lags = { sqlite: await lagsOf('sqlite'), postgres: await lagsOf('postgres') }
const p99 = { sqlite: quantile(lags.sqlite, 0.99), postgres: quantile(lags.postgres, 0.99) }

report({
  name: 'capture',
  figures: {
    lagP99Ms: rounded(Math.max(p99.sqlite, p99.postgres)),
    lagP50Ms: rounded(Math.max(median(lags.sqlite), median(lags.postgres))),
    fromSqliteLagP99Ms: rounded(p99.sqlite),
    fromPostgresLagP99Ms: rounded(p99.postgres),
    sqliteRowsPerSecond: speed('sqlite', 'none'),
    sqliteCapturedRowsPerSecond: speed('sqlite', 'authority'),
    postgresRowsPerSecond: speed('postgres', 'none'),
    postgresCapturedRowsPerSecond: speed('postgres', 'authority'),
    writesPerSecond,
    rounds,
    rows: rowCount,
    batch,
  },
  ratios: { sqlite: ratio('sqlite'), postgres: ratio('postgres') },
  notes: [
    'inserts into the spans table with its 16 indexes',
    'lag: the applier turns as in the product, both ways',
  ],
})

await engines.sqlite.close()
await engines.postgres.close()
