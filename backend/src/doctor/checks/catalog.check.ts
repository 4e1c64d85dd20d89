import type { AppDb } from '../../db/app-db.ts'
import { domainNames, domains } from '../../db/domains.ts'
import { MigrationError } from '../../db/migration-error.ts'
import { partitionsOf } from '../../db/pg-partitions.ts'
import { assertCatalog, detectTimescale, expectedCatalog } from '../../db/timescale.ts'
import { error, type Finding, info, ok, storeCheck, warning } from '../check.ts'
import { readDecisions } from '../context.ts'
import { counted, some, span } from '../words.ts'

const DAY_MS = 86_400_000

/** What TimescaleDB keeps: hypertables, policies, and how its jobs went. */
export const timescaleCheck = storeCheck('postgres', {
  id: 'catalog.timescale',
  category: 'schema',
  title: 'the hypertables and jobs of TimescaleDB',
  async run({ db }) {
    if (!(await detectTimescale(db)).usable) return []
    return [...(await judgeCatalog(db)), ...(await judgeScheduler(db)), ...(await judgeJobs(db))]
  },
})

async function judgeCatalog(db: AppDb): Promise<Finding[]> {
  try {
    if (await assertCatalog(db)) {
      const { hypertables, continuousAggregates, refreshJobs, compressionJobs, retentionJobs } =
        expectedCatalog
      const seen =
        `${counted(hypertables, 'hypertable')}, ${counted(continuousAggregates, 'continuous aggregate')}; jobs: ` +
        `${refreshJobs} refresh, ${compressionJobs} compress, ${retentionJobs} delete by age`
      return [ok('catalog.timescale', 'The hypertables and their policies are all there', { seen })]
    }
    return [
      info('catalog.plain', 'TimescaleDB is there, and the metrics are plain tables', {
        seen: 'They held rows before the extension came, or were moved; the product does its work',
      }),
    ]
  } catch (reason) {
    if (!(reason instanceof MigrationError)) throw reason
    return [error('catalog.timescale', 'Hypertables or policies are missing', { seen: reason.message })]
  }
}

/** A database that was renamed, as by a restore, has none until somebody starts it again. */
async function judgeScheduler(db: AppDb): Promise<Finding[]> {
  const row = await db.queryOne<{ starts: boolean; runs: boolean }>(`
    SELECT
      EXISTS (
        SELECT 1 FROM pg_stat_activity AS a WHERE a.application_name = 'TimescaleDB Background Worker Launcher'
      ) AS starts,
      EXISTS (
        SELECT 1 FROM pg_stat_activity AS a
        WHERE a.application_name = 'TimescaleDB Background Worker Scheduler' AND a.datname = current_database()
      ) AS runs
  `)
  if (!row?.starts || row.runs) return []
  return [
    warning('catalog.scheduler', 'The jobs of TimescaleDB stand still in this database', {
      seen: 'No scheduler runs for it',
      fix: 'Rollups, compression and retention wait for it. As superuser, in this database:',
      command: 'SELECT _timescaledb_functions.start_background_workers()',
    }),
  ]
}

interface JobRow {
  id: number
  name: string
  table: string | null
  scheduled: boolean
  status: string | null
  failures: number | null
  last: string | null
  message: string | null
}

async function judgeJobs(db: AppDb): Promise<Finding[]> {
  const jobs = await db.query<JobRow>(`
    SELECT j.job_id AS id, j.proc_name::TEXT AS name,
      COALESCE(c.view_name, j.hypertable_name)::TEXT AS table, j.scheduled,
      s.last_run_status AS status, s.total_failures AS failures, s.last_run_started_at AS last,
      (
        SELECT e.err_message
        FROM timescaledb_information.job_errors AS e
        WHERE e.job_id = j.job_id
        ORDER BY e.start_time DESC
        LIMIT 1
      ) AS message
    FROM timescaledb_information.jobs AS j
    LEFT JOIN timescaledb_information.job_stats AS s ON s.job_id = j.job_id
    LEFT JOIN timescaledb_information.continuous_aggregates AS c
      ON c.materialization_hypertable_schema = j.hypertable_schema
        AND c.materialization_hypertable_name = j.hypertable_name
    WHERE j.hypertable_schema = current_schema() OR c.view_schema = current_schema()
    ORDER BY j.job_id
    LIMIT 200
  `)
  const findings = jobs.flatMap((job): Finding[] => {
    const subject = `${job.name} of ${job.table ?? 'the database'} (job ${job.id})`
    if (!job.scheduled) {
      return [
        warning('catalog.job-off', 'A job of TimescaleDB is switched off', {
          subject,
          fix: 'Rollups, compression or retention stand still without it.',
          command: `SELECT alter_job(${job.id}, scheduled => true)`,
        }),
      ]
    }
    if (job.status !== 'Failed') return []
    return [
      warning('catalog.job-failed', 'A job of TimescaleDB failed', {
        subject,
        seen: `${job.message ?? 'no message'}; ${counted(job.failures ?? 0, 'failure')}, last run ${job.last ?? 'unknown'}`,
        fix: 'It is tried again by itself. To see it fail:',
        command: `CALL run_job(${job.id})`,
      }),
    ]
  })
  if (findings.length > 0 || jobs.length === 0) return findings
  const ran = jobs.filter((job) => job.status === 'Success').length
  return [
    ok('catalog.jobs', 'The jobs of TimescaleDB are on', { seen: `${jobs.length}, ${ran} of them have run` }),
  ]
}

/** Rows of a time for which there is no partition are refused. */
export const partitionsCheck = storeCheck('postgres', {
  id: 'catalog.partitions',
  category: 'schema',
  title: 'the partitions for now and the next days',
  async run({ db }, { now, status, stores }) {
    const tables = await db.query<{ table: string; rest: string | null }>(`
      SELECT c.relname AS table,
        (
          SELECT d.relname
          FROM pg_inherits AS i
          JOIN pg_class AS d ON d.oid = i.inhrelid
          WHERE i.inhparent = c.oid AND pg_get_expr(d.relpartbound, d.oid) = 'DEFAULT'
        ) AS rest
      FROM pg_class AS c
      WHERE c.relnamespace = current_schema()::REGNAMESPACE AND c.relkind = 'p'
      ORDER BY c.relname
      LIMIT 100
    `)
    const decisions = await readDecisions(stores)
    const findings: Finding[] = []
    const ready: string[] = []
    for (const { table, rest } of tables) {
      const domain = domainNames.find((name) => Object.hasOwn(domains[name].tables, table))
      if (domain === undefined) continue
      if (rest !== null) findings.push(...(await judgeDefault(db, table, rest)))
      const partitions = await partitionsOf(db, table)
      // Nothing is written to a table of a domain that is elsewhere, nor was to one without partitions.
      if (decisions.get(domain)?.placement === 'sqlite' || partitions.length === 0) continue
      const missing = judgePartitions(table, partitions, now().getTime(), status !== undefined)
      if (missing) findings.push(missing)
      else ready.push(table)
    }
    if (findings.length > 0 || ready.length === 0) return findings
    return [ok('catalog.partitions', 'There are partitions for new rows', { subject: some(ready) })]
  },
})

function judgePartitions(
  table: string,
  partitions: Awaited<ReturnType<typeof partitionsOf>>,
  nowMs: number,
  serverRuns: boolean,
): Finding | undefined {
  const holds = (ms: number) => partitions.some(({ fromMs, toMs }) => fromMs <= ms && ms < toMs)
  if (holds(nowMs) && holds(nowMs + DAY_MS)) return undefined
  const endsMs = (partitions.at(-1)?.toMs ?? 0) - nowMs
  const when = `${span(Math.abs(endsMs) / 1000)} ${endsMs < 0 ? 'ago' : 'from now'}`
  const title = 'There is no partition for new rows'
  const said = { subject: table, seen: `The last one ends ${when}` }
  if (!serverRuns)
    return info('catalog.partition-missing', title, { ...said, fix: 'The next start makes it.' })
  return (holds(nowMs) ? warning : error)('catalog.partition-missing', title, {
    ...said,
    fix: 'The server makes them two days ahead: see in its log why it could not, and that its clock is right.',
  })
}

async function judgeDefault(db: AppDb, table: string, partition: string): Promise<Finding[]> {
  const row = await db.queryOne<{ rows: number }>(
    'SELECT greatest(c.reltuples, 0)::BIGINT AS rows FROM pg_class AS c WHERE c.oid = $1::TEXT::REGCLASS',
    [partition],
  )
  return [
    warning('catalog.default-partition', 'There is a default partition', {
      subject: `${table}: ${partition}`,
      seen: `About ${counted(row?.rows ?? 0, 'row')}; retention does not reach them, and a partition for their time cannot be made`,
      fix: 'Detach it, and put its rows into partitions of their own:',
      command: `ALTER TABLE ${table} DETACH PARTITION ${partition}`,
    }),
  ]
}
