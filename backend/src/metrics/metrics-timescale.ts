import type { AppDb, AppDbSession } from '../db/app-db.ts'
import { DAY_MS, keptDays, type MetricsRetention, ROLLUPS } from './resolution.ts'

interface Policies {
  readonly table: string
  readonly dropAfter: number
  readonly compressAfter: number
  readonly refresh?: { readonly startOffset: number; readonly endOffset: number; readonly every: string }
}

const HOUR_MS = 3_600_000
const REFRESH_EVERY = { '1m': '1 minute', '5m': '5 minutes', '1h': '30 minutes', '1d': '6 hours' } as const

/**
 * The policies that `retention` asks for, in ms.
 *
 * A refresh window ends before what its source may have dropped, or the refresh would erase rollups; it
 * reaches as far back as late samples do. Rollups are compressed once no refresh writes to them.
 */
export function timescalePolicies(retention: MetricsRetention): Policies[] {
  const { rawDays } = retention
  return [
    { table: 'metrics', dropAfter: rawDays * DAY_MS, compressAfter: DAY_MS },
    ...ROLLUPS.map(({ level, table, stepMs }) => {
      const windowDays = level === '1m' ? rawDays - 0.5 : level === '1d' ? rawDays + 2 : rawDays + 1
      return {
        table,
        dropAfter: keptDays(level, retention) * DAY_MS,
        compressAfter: (rawDays + 3) * DAY_MS,
        refresh: {
          startOffset: windowDays * DAY_MS,
          // A day is made when its last hour is sure to be there.
          endOffset: level === '1d' ? stepMs + 2 * HOUR_MS : stepMs,
          every: REFRESH_EVERY[level],
        },
      }
    }),
  ]
}

/** Changes the policies that differ from what `retention` asks for, all of them or none. */
export async function applyTimescalePolicies(db: AppDb, retention: MetricsRetention): Promise<void> {
  await db.transaction(async (tx) => {
    const jobs = await readJobs(tx)
    for (const policies of timescalePolicies(retention)) {
      const { table, dropAfter, compressAfter, refresh } = policies
      const job = jobs.get(table)
      if (refresh && job?.startOffset !== refresh.startOffset) {
        await tx.query(`SELECT remove_continuous_aggregate_policy('${table}', if_exists => TRUE)`)
        await tx.query(
          `
          SELECT add_continuous_aggregate_policy('${table}', start_offset => $1::BIGINT,
            end_offset => $2::BIGINT, schedule_interval => $3::TEXT::INTERVAL)
          `,
          [refresh.startOffset, refresh.endOffset, refresh.every],
        )
      }
      if (job?.compressAfter !== compressAfter) {
        await tx.query(`SELECT remove_compression_policy('${table}', if_exists => TRUE)`)
        await tx.query(`SELECT add_compression_policy('${table}', compress_after => $1::BIGINT)`, [
          compressAfter,
        ])
      }
      if (job?.dropAfter !== dropAfter) {
        await tx.query(`SELECT remove_retention_policy('${table}', if_exists => TRUE)`)
        await tx.query(`SELECT add_retention_policy('${table}', drop_after => $1::BIGINT)`, [dropAfter])
      }
    }
  })
}

interface TableJobs {
  dropAfter?: number
  compressAfter?: number
  startOffset?: number
}

async function readJobs(session: AppDbSession): Promise<Map<string, TableJobs>> {
  const rows = await session.query<{
    hypertable_name: string
    drop_after: number | null
    compress_after: number | null
    start_offset: number | null
  }>(
    `
    SELECT j.hypertable_name, (j.config ->> 'drop_after')::BIGINT AS drop_after,
      (j.config ->> 'compress_after')::BIGINT AS compress_after,
      (j.config ->> 'start_offset')::BIGINT AS start_offset
    FROM timescaledb_information.jobs AS j
    WHERE j.hypertable_schema = current_schema() AND j.hypertable_name LIKE 'metrics%'
    `,
  )
  const jobs = new Map<string, TableJobs>()
  for (const row of rows) {
    const job = jobs.get(row.hypertable_name) ?? {}
    if (row.drop_after !== null) job.dropAfter = row.drop_after
    if (row.compress_after !== null) job.compressAfter = row.compress_after
    if (row.start_offset !== null) job.startOffset = row.start_offset
    jobs.set(row.hypertable_name, job)
  }
  return jobs
}
