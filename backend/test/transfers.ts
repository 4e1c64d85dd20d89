import { createLogger } from '../src/core/log.ts'
import {
  type CopyJob,
  compareDigests,
  createTransfer,
  readTableShapes,
  type TableDigest,
  type TableShape,
  type Transfer,
} from '../src/db/transfer/index.ts'
import { createLedgerTables } from '../src/db/transfer/ledger.ts'
import type { TransferOptions } from '../src/db/transfer/transfer.ts'
import { openDatabase, type TestDatabase } from './databases.ts'

export const never = () => new AbortController().signal

/** Both stores with every migration, and what brings rows from one to the other. */
export class TransferBench {
  readonly sqlite: TestDatabase
  readonly postgres: TestDatabase
  transfer: Transfer

  private constructor(sqlite: TestDatabase, postgres: TestDatabase) {
    this.sqlite = sqlite
    this.postgres = postgres
    this.transfer = this.#start()
  }

  static async open(): Promise<TransferBench> {
    const [sqlite, postgres] = await Promise.all([
      openDatabase('sqlite', { migrated: true }),
      openDatabase('postgres', { migrated: true }),
    ])
    await createLedgerTables(postgres.store)
    return new TransferBench(sqlite, postgres)
  }

  async close(): Promise<void> {
    await this.transfer.close()
    await this.sqlite.close()
    await this.postgres.close()
  }

  /** Starts its thread anew, by `spawn`. */
  async restart(spawn: NonNullable<TransferOptions['spawn']>): Promise<void> {
    await this.transfer.close()
    this.transfer = this.#start(spawn)
  }

  async shapeOf(table: string): Promise<TableShape> {
    const shapes = await readTableShapes(this.sqlite.store, this.postgres.store, [
      'traces',
      'webhooks',
      'metrics',
      'settings',
      'mcp',
      'sessions',
    ])
    const shape = shapes.find((each) => each.table === table)
    if (!shape) throw new Error(`no table ${table}`)
    return shape
  }

  async digests(
    shape: TableShape,
  ): Promise<{ sqlite: TableDigest; postgres: TableDigest; different: number[] }> {
    const [a, b] = await Promise.all([
      this.transfer.digest({ side: 'sqlite', shape, signal: never() }),
      this.transfer.digest({ side: 'postgres', shape, signal: never() }),
    ])
    return { sqlite: a, postgres: b, different: compareDigests(a, b) }
  }

  #start(spawn?: NonNullable<TransferOptions['spawn']>): Transfer {
    return createTransfer({
      sqlitePath: this.sqlite.location,
      postgresUrl: this.postgres.location,
      log: createLogger('silent'),
      ...(spawn ? { spawn } : {}),
    })
  }
}

export function jobOf(shape: TableShape, changes: Partial<CopyJob> = {}): CopyJob {
  return {
    unit: 'test',
    shape,
    from: 'sqlite',
    signal: never(),
    beforePage: async () => undefined,
    onConflict: async () => undefined,
    onProgress: () => undefined,
    ...changes,
  }
}

/** Spans with something to escape in them, their ids in no order. */
export const fillSpans = (store: TestDatabase, count: number) =>
  store.db.insertMany(
    'spans',
    [
      'id',
      'trace_id',
      'name',
      'kind',
      'start_time',
      'service_name',
      'attributes',
      'http_status_code',
      'url_full',
    ],
    Array.from({ length: count }, (_, i) => [
      `${(i * 7919) % 1_000_003}-${i}`,
      `trace "${i}" \\ é`,
      'GET /\tthing\n',
      'server',
      new Date(1_763_694_245_000 + i * 37).toISOString(),
      'shop',
      `{"b":${i / 7},"a":"x\\"y","n":null}`,
      i % 3 ? 200 : null,
      `https://example.com/${i}`,
    ]),
  )

/** Metric rows of some series, each at the same times. */
export const fillMetrics = (
  store: TestDatabase,
  { rows, series, firstMs, stepMs }: { rows: number; series: number; firstMs: number; stepMs: number },
) =>
  store.db.insertMany(
    'metrics',
    ['series_id', 'time_ms', 'value'],
    Array.from({ length: rows }, (_, i) => [
      (i % series) + 1,
      firstMs + Math.floor(i / series) * stepMs,
      Math.sin(i) * 100,
    ]),
  )
