// Two units change places again and again while they are written to and read: how long writes wait, and that none is lost.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../backend/src/core/errors.ts'
import type { AppDb, SqlValue } from '../backend/src/db/app-db.ts'
import type { StorageUnit } from '../backend/src/moves/index.ts'
import { startPostgres } from '../backend/test/postgres-server.ts'
import { createTestMoves, openTestStorage, untilUnit } from '../backend/test/product.ts'
import { median, quantile, quick, report, rounded, say } from './bench.ts'
import { paced } from './paced.ts'

const flipsPerUnit = quick ? 10 : 25
const writesPerSecond = 200
const readsPerSecond = 100
/** Between two flips, so that writes go to each side for a while. */
const restMs = quick ? 300 : 1_000
const rowsAtFirst = 5_000
const loopResolutionMs = 5
const operator = { name: 'bench' }

interface Subject {
  readonly unit: 'insights' | 'users'
  readonly columns: readonly string[]
  /** Written and read back; each write gives it a text that it never had. */
  readonly text: string
  row(id: string, text: string): SqlValue[]
}

const now = () => new Date().toISOString()
const subjects: readonly Subject[] = [
  {
    unit: 'insights',
    columns: ['id', 'title', 'severity', 'category', 'description', 'is_acknowledged', 'created_at'],
    text: 'title',
    row: (id, text) => [id, text, 'warning', 'cpu', 'the load is high '.repeat(12), false, now()],
  },
  {
    unit: 'users',
    columns: ['id', 'default_landing_page', 'username', 'password_hash', 'created_at', 'updated_at'],
    text: 'default_landing_page',
    row: (id, text) => [id, text, `user ${id}`, 'x'.repeat(97), now(), now()],
  },
]

const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
const server = await startPostgres({ volatile: false })
const storage = await openTestStorage({
  dataDir: folder,
  postgresUrl: server.url,
  config: { storagePlacement: 'sqlite' },
})
// Limits of the product, but for the calm minute before a cut over.
const moves = createTestMoves(storage, folder, { limits: { calmMs: 0 } })
await moves.start()

/** Sends writes and reads at a fixed pace, whatever takes how long, and knows what was acknowledged. */
class Client {
  readonly #subject: Subject
  readonly #db: AppDb
  /** What each row must say by its id; undefined while a write of it is under way. */
  readonly #texts = new Map<string, string | undefined>()
  readonly #deleted = new Set<string>()
  readonly #ids: string[] = []
  readonly writesMs: number[] = []
  failed = 0
  /** Reads that did not find what was acknowledged. */
  lost = 0
  reads = 0
  #next = 0

  constructor(subject: Subject) {
    this.#subject = subject
    this.#db = storage.getAppDbFor(subject.unit)
  }

  async fill(rows: number): Promise<void> {
    const { unit, columns, row } = this.#subject
    const ids = Array.from({ length: rows }, () => String(this.#next++))
    await this.#db.insertMany(
      unit,
      columns,
      ids.map((id) => row(id, `first ${id}`)),
    )
    for (const id of ids) this.#keep(id, `first ${id}`)
  }

  /** Until `stopped`; resolves when every call has ended. */
  async run(stopped: AbortSignal): Promise<void> {
    await Promise.all([
      paced(writesPerSecond, stopped, () => this.#counted(this.#write())),
      paced(readsPerSecond, stopped, () => this.#counted(this.#read())),
    ])
  }

  /** Reads all of it where it is now. */
  async readBack(): Promise<void> {
    const { unit, text } = this.#subject
    const rows = await this.#db.query<{ id: string; text: string }>(`SELECT id, ${text} AS text FROM ${unit}`)
    const found = new Map(rows.map((row) => [row.id, row.text]))
    for (const [id, expected] of this.#texts) if (found.get(id) !== expected) this.lost++
    for (const id of this.#deleted) if (found.has(id)) this.lost++
  }

  async #counted(call: Promise<void>): Promise<void> {
    try {
      await call
    } catch (error) {
      this.failed++
      say(String(error))
    }
  }

  /** Half of the writes are new rows, the others change or delete one. */
  async #write(): Promise<void> {
    const { unit, columns, text, row } = this.#subject
    const number = this.#next++
    const id = number % 2 === 0 ? String(number) : this.#idle()
    const value = `write ${number}`
    this.#texts.set(id, undefined)
    const startedAt = performance.now()
    if (number % 2 === 0) await this.#db.insertMany(unit, columns, [row(id, value)])
    else if (number % 10 === 1) await this.#db.execute(`DELETE FROM ${unit} WHERE id = $1`, [id])
    else await this.#db.execute(`UPDATE ${unit} SET ${text} = $1 WHERE id = $2`, [value, id])
    this.writesMs.push(performance.now() - startedAt)
    if (number % 10 === 1) {
      this.#texts.delete(id)
      this.#deleted.add(id)
    } else this.#keep(id, value)
  }

  async #read(): Promise<void> {
    const { unit, text } = this.#subject
    const id = this.#idle()
    const expected = this.#texts.get(id)
    const row = await this.#db.queryOne<{ text: string }>(
      `SELECT ${text} AS text FROM ${unit} WHERE id = $1`,
      [id],
    )
    this.reads++
    // Unless it was written to meanwhile.
    if (this.#texts.get(id) === expected && row?.text !== expected) this.lost++
  }

  #keep(id: string, text: string): void {
    this.#texts.set(id, text)
    this.#ids.push(id)
  }

  /** A row that nothing is being done to. */
  #idle(): string {
    for (;;) {
      const id = this.#ids[Math.floor(Math.random() * this.#ids.length)] ?? ''
      if (this.#texts.get(id) !== undefined) return id
    }
  }
}

const pausesMs: number[] = []

function notePause({ lastFlip }: StorageUnit): void {
  if (lastFlip) pausesMs.push(lastFlip.pauseMs)
}

/** A step that is refused or given up is taken again, as a person would. */
async function insist(unit: string, action: 'cutover' | 'rollback'): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      notePause(await moves.act(unit, action, operator))
      return
    } catch (error) {
      if (!(error instanceof AppError) || tries > 50) throw error
      if (error.code === 'flip_aborted') notePause(await moves.unit(unit))
      else refused++
      say(`${unit}: ${error.message}`)
      await sleep(100)
    }
  }
}

/** Rows that are not the same in both stores. */
async function differing({ unit, columns }: Subject): Promise<number> {
  const read = async (name: 'sqlite' | 'postgres') => {
    const rows = await storage.control.store(name)?.db.query(`SELECT ${columns.join(', ')} FROM ${unit}`)
    return new Set(rows?.map((row) => JSON.stringify(row)))
  }
  const [sqlite, postgres] = await Promise.all([read('sqlite'), read('postgres')])
  const only = (rows: Set<string>, others: Set<string>) => [...rows].filter((row) => !others.has(row)).length
  return only(sqlite, postgres) + only(postgres, sqlite)
}

const clients: Client[] = []
let refused = 0
let different = 0
const loop = monitorEventLoopDelay({ resolution: loopResolutionMs })

async function flipUnderLoad(subject: Subject): Promise<void> {
  const { unit } = subject
  const client = new Client(subject)
  clients.push(client)
  await client.fill(rowsAtFirst)
  await moves.act(unit, 'mirror', operator)
  await untilUnit(
    moves,
    unit,
    ({ state, verify, actions }) =>
      state === 'mirroring' &&
      verify?.clean === true &&
      actions.some(({ action, possible }) => action === 'cutover' && possible),
  )
  const stopped = new AbortController()
  const running = client.run(stopped.signal)
  await sleep(1_000)
  loop.enable()
  for (let flip = 0; flip < flipsPerUnit; flip++) {
    await sleep(restMs)
    await insist(unit, flip % 2 === 0 ? 'cutover' : 'rollback')
  }
  loop.disable()
  stopped.abort()
  await running
  await client.readBack()
  await moves.act(unit, 'verify', operator)
  await untilUnit(moves, unit, ({ verify, lag }) => verify?.running === false && lag?.changes === 0)
  different += (await moves.unit(unit)).verify?.differences ?? 0
  different += await differing(subject)
  say(`${unit}: ${client.writesMs.length} writes, ${client.reads} reads`)
}

for (const subject of subjects) await flipUnderLoad(subject)

const { abortedFlips } = moves.metrics()
const writesMs = clients.flatMap((client) => client.writesMs)
const sum = (of: (client: Client) => number) => clients.reduce((total, client) => total + of(client), 0)

report({
  name: 'flip',
  figures: {
    pauseP99Ms: rounded(quantile(pausesMs, 0.99)),
    pauseP50Ms: rounded(median(pausesMs)),
    pauseMaxMs: rounded(Math.max(...pausesMs)),
    failedRequests: sum((client) => client.failed),
    lostWrites: sum((client) => client.lost),
    differingRows: different,
    flips: pausesMs.length - abortedFlips,
    abortedFlips,
    refusedSteps: refused,
    writes: writesMs.length,
    reads: sum((client) => client.reads),
    writesPerSecond,
    writeP50Ms: rounded(median(writesMs)),
    writeP99Ms: rounded(quantile(writesMs, 0.99)),
    writeMaxMs: rounded(writesMs.reduce((longest, each) => Math.max(longest, each), 0)),
    loopP99Ms: rounded(Math.max(0, loop.percentile(99) / 1e6 - loopResolutionMs)),
  },
  ratios: {},
  notes: [
    'a pause is the time from the closing of the gate to its opening; flips that were given up count with theirs',
    'cut overs and rollbacks by turns; a SQLite file and an own PostgreSQL 17 with fsync',
  ],
})

await moves.stop()
await storage.close()
await server.stop()
rmSync(folder, { recursive: true, force: true })
