import type { AppDb } from '../../db/app-db.ts'
import { error, type Finding, info, ok, storeCheck, warning } from '../check.ts'
import { bytes, counted, some, span } from '../words.ts'

const LONG_SECONDS = 300
/** Seconds from which on a session is worth a word. */
const LIMITS = { idle: 60, long: LONG_SECONDS, waiting: 10 }
const HELD_WAL_BYTES = 1024 ** 3
/** The server stops taking writes at about 2.1 thousand million. */
const OLD_AGE = 1_000_000_000
const DANGEROUS_AGE = 1_600_000_000
const DEAD_ROWS = 50_000
const DEAD_SHARE = 0.4

interface Session {
  pid: number
  user: string | null
  application: string
  state: string | null
  seconds: number
  holds: boolean
}

const sessionsCheck = storeCheck('postgres', {
  id: 'activity.sessions',
  category: 'activity',
  title: 'sessions that hold others up',
  run: ({ db }) => findSessions(db),
})

/** Sessions on this database that hold back others, or vacuum. */
export async function findSessions(db: AppDb, limits = LIMITS): Promise<Finding[]> {
  const open = await db.query<Session>(
    `
      SELECT a.pid, a.usename::TEXT AS user, a.application_name AS application, a.state,
        extract(epoch FROM clock_timestamp()
          - CASE WHEN a.state LIKE 'idle in transaction%' THEN a.state_change ELSE a.xact_start END)::BIGINT AS seconds,
        a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL AS holds
      FROM pg_stat_activity AS a
      WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL
        AND a.backend_type IN ('client backend', 'walsender')
      ORDER BY seconds DESC, a.pid
      LIMIT 100
      `,
  )
  const waiting = await db.query<{ pid: number; seconds: number; blockers: number[] }>(
    `
      SELECT a.pid, extract(epoch FROM clock_timestamp() - a.query_start)::BIGINT AS seconds,
        to_json(pg_blocking_pids(a.pid)) AS blockers
      FROM pg_stat_activity AS a
      WHERE a.datname = current_database() AND a.wait_event_type = 'Lock'
        AND a.query_start < clock_timestamp() - make_interval(secs => $1)
      ORDER BY seconds DESC, a.pid
      LIMIT 20
      `,
    [limits.waiting],
  )
  const isIdle = ({ state }: Session) => state?.startsWith('idle in transaction') ?? false
  const idle = open.filter((each) => isIdle(each) && each.seconds >= limits.idle)
  const long = open.filter((each) => !isIdle(each) && each.seconds >= limits.long)
  const findings: Finding[] = [
    ...idle.slice(0, 5).map((each) =>
      warning('activity.idle-in-transaction', 'A session left its transaction open', {
        subject: sessionOf(each),
        seen: `Idle for ${span(each.seconds)}; locks that it holds stay, and rows it could still see are not vacuumed`,
        fix: 'Commit or end it there. Its work since BEGIN is undone by:',
        command: `SELECT pg_terminate_backend(${each.pid})`,
      }),
    ),
    ...long.slice(0, 5).map((each) =>
      warning('activity.long-transaction', 'A transaction runs for long', {
        subject: sessionOf(each),
        seen: `For ${span(each.seconds)}${each.holds ? '; nothing that it could still see is vacuumed' : ''}`,
        fix: 'A backup or a report may take its time. If nobody waits for it:',
        command: `SELECT pg_cancel_backend(${each.pid})`,
      }),
    ),
    ...waiting.map(({ pid, seconds, blockers }) =>
      warning('activity.waiting', 'A session waits for a lock', {
        subject: `process ${pid}`,
        seen: `For ${span(seconds)}, behind ${some(blockers.map((each) => `process ${each}`))}`,
        fix: 'See what the one before it does:',
        command: `SELECT pid, state, query FROM pg_stat_activity WHERE pid = ${blockers[0] ?? pid}`,
      }),
    ),
  ]
  if (findings.length > 0) return findings
  return [
    ok('activity.sessions', 'No session holds others up', {
      seen: counted(open.length, 'open transaction'),
    }),
  ]
}

const sessionOf = ({ pid, user, application }: Session) =>
  `process ${pid} (${[user, application].filter(Boolean).join(', ') || 'unknown'})`

const heldCheck = storeCheck('postgres', {
  id: 'activity.held',
  category: 'activity',
  title: 'prepared transactions and replication slots',
  run: ({ db }) => findHeld(db),
})

/** What keeps WAL or old rows though no session shows it. */
export async function findHeld(db: AppDb, muchBytes = HELD_WAL_BYTES): Promise<Finding[]> {
  const prepared = await db.query<{ gid: string; seconds: number }>(`
      SELECT p.gid, extract(epoch FROM clock_timestamp() - p.prepared)::BIGINT AS seconds
      FROM pg_prepared_xacts AS p
      WHERE p.database = current_database()
      ORDER BY p.prepared, p.gid
      LIMIT 20
    `)
  const slots = await db.query<{
    name: string
    active: boolean
    status: string | null
    held: number | null
  }>(`
      SELECT s.slot_name::TEXT AS name, s.active, s.wal_status AS status,
        (CASE WHEN pg_is_in_recovery() THEN NULL
          ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn) END)::BIGINT AS held
      FROM pg_replication_slots AS s
      ORDER BY s.slot_name
      LIMIT 50
    `)
  const archiver = await db.queryOne<{ failed: number; last: string | null }>(`
      SELECT a.failed_count AS failed, a.last_failed_wal AS last
      FROM pg_stat_archiver AS a
      WHERE a.last_failed_time > COALESCE(a.last_archived_time, '-infinity')
    `)
  const findings: Finding[] = prepared.map(({ gid, seconds }) =>
    (seconds >= LONG_SECONDS ? warning : info)(
      'activity.prepared',
      'A prepared transaction waits to be ended',
      {
        subject: gid,
        seen: `For ${span(seconds)}; it keeps its locks, also over a restart of the server`,
        fix: 'If whoever prepared it is gone:',
        command: `ROLLBACK PREPARED '${gid.replaceAll("'", "''")}'`,
      },
    ),
  )
  for (const { name, active, status, held } of slots) {
    const isLost = status === 'lost'
    if (!isLost && (held ?? 0) < muchBytes && active) continue
    if (!isLost && (held ?? 0) < muchBytes / 16) continue
    const isMuch = (held ?? 0) >= muchBytes
    findings.push(
      (isMuch || isLost ? warning : info)('activity.slot', 'A replication slot holds WAL back', {
        subject: name,
        seen: isLost
          ? 'Its WAL is gone: whoever reads it must begin anew'
          : `${bytes(held ?? 0)}, and ${active ? 'it is being read' : 'nobody reads it'}`,
        fix: 'The disk of the server fills until it is read. If its reader is gone:',
        command: `SELECT pg_drop_replication_slot('${name}')`,
      }),
    )
  }
  if (archiver) {
    findings.push(
      warning('activity.archiver', 'WAL cannot be archived', {
        seen: `${counted(archiver.failed, 'failure')}, the last one with ${archiver.last ?? 'unknown'}`,
        fix: 'The server keeps WAL until archive_command succeeds: its log says why it does not.',
      }),
    )
  }
  return findings.length > 0 ? findings : [ok('activity.held', 'Nothing holds WAL back')]
}

const vacuumCheck = storeCheck('postgres', {
  id: 'activity.vacuum',
  category: 'activity',
  title: 'whether vacuum keeps up',
  async run({ db }) {
    const age = await db.queryOne<{ age: number; limit: number; damaged: number | null }>(`
      SELECT age(d.datfrozenxid)::BIGINT AS age, current_setting('autovacuum_freeze_max_age')::BIGINT AS limit,
        (SELECT s.checksum_failures FROM pg_stat_database AS s WHERE s.datid = d.oid) AS damaged
      FROM pg_database AS d
      WHERE d.datname = current_database()
    `)
    const tables = await db.query<{ table: string; dead: number; live: number; last: string | null }>(
      `
      SELECT s.schemaname || '.' || s.relname AS table, s.n_dead_tup AS dead, s.n_live_tup AS live,
        greatest(s.last_vacuum, s.last_autovacuum) AS last
      FROM pg_stat_user_tables AS s
      WHERE s.n_dead_tup > $1 AND s.n_dead_tup > $2::DOUBLE PRECISION * (s.n_live_tup + s.n_dead_tup)
      ORDER BY s.n_dead_tup DESC, s.relid
      LIMIT 20
      `,
      [DEAD_ROWS, DEAD_SHARE],
    )
    const findings: Finding[] = judgeAge(age?.age ?? 0)
    if ((age?.damaged ?? 0) > 0) {
      findings.push(
        error('activity.checksums', 'PostgreSQL has read damaged pages', {
          seen: counted(age?.damaged ?? 0, 'failure'),
          fix: 'The disk loses data: take a backup at once, restore it on another disk, and have the machine looked at.',
        }),
      )
    }
    for (const { table, dead, live, last } of tables) {
      findings.push(
        warning('activity.dead-rows', 'Autovacuum does not keep up', {
          subject: table,
          seen: `${counted(dead, 'dead row')} beside ${counted(live, 'live one')}; vacuumed ${last ?? 'never'}`,
          fix: 'A long transaction holds it back, or it is too slow (autovacuum_vacuum_cost_limit). By hand:',
          command: `VACUUM (ANALYZE) ${table}`,
        }),
      )
    }
    if (findings.length > 0) return findings
    return [
      ok('activity.vacuum', 'Vacuum keeps up', {
        seen: `${counted(age?.age ?? 0, 'transaction')} since the last freeze`,
      }),
    ]
  },
})

/** @param age transactions since the oldest row that is not frozen. */
export function judgeAge(age: number): Finding[] {
  if (age < OLD_AGE) return []
  const say = age < DANGEROUS_AGE ? warning : error
  return [
    say('activity.wraparound', 'Transaction numbers run out', {
      seen: `${age.toLocaleString('en')} of about 2,100,000,000 are used; then the server takes no more writes`,
      fix: 'End old transactions and drop unused replication slots, then freeze:',
      command: 'vacuumdb --all --freeze --jobs 2',
    }),
  ]
}

export const activityChecks = [sessionsCheck, heldCheck, vacuumCheck] as const
