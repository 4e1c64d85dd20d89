import { error, info, ok, storeCheck, warning } from '../check.ts'

/** What moves and a backup open besides the pool. */
const BESIDES = 6

export const poolCheck = storeCheck('postgres', {
  id: 'postgres.connections',
  category: 'postgres',
  title: 'whether there are connections enough',
  async run({ db }, { config }) {
    const row = await db.queryOne<{
      most: number
      reserved: number
      role_limit: number
      database_limit: number
      own: number
      others: number
    }>(`
      SELECT current_setting('max_connections')::INTEGER AS most,
        current_setting('superuser_reserved_connections')::INTEGER
          + COALESCE(NULLIF(current_setting('reserved_connections', true), ''), '0')::INTEGER AS reserved,
        (SELECT r.rolconnlimit FROM pg_roles AS r WHERE r.rolname = current_user) AS role_limit,
        (SELECT d.datconnlimit FROM pg_database AS d WHERE d.datname = current_database()) AS database_limit,
        count(*) FILTER (WHERE a.application_name LIKE 'holdfast%') AS own,
        count(*) FILTER (WHERE a.application_name NOT LIKE 'holdfast%') AS others
      FROM pg_stat_activity AS a
      WHERE a.backend_type = 'client backend'
    `)
    if (!row) return []
    const { most, reserved, own, others } = row
    const pool = config.postgresAppMaxConnections
    const limits = [most - reserved, row.role_limit, row.database_limit].filter((limit) => limit >= 0)
    const usable = Math.min(...limits)
    const left = usable - others
    const seen =
      `${usable} may be used (max_connections ${most}, ${reserved} reserved), others have ${others}, ` +
      `the pool may take ${pool} and has ${own} with the doctor's`
    const fix = `Lower POSTGRES_APP_MAX_CONNECTIONS, or raise max_connections (a restart of PostgreSQL).`
    const command = `ALTER SYSTEM SET max_connections = ${Math.ceil((others + pool + BESIDES + reserved) / 50) * 50 + 50}`
    if (left < pool)
      return [
        error('postgres.connections', 'The pool can grow beyond the connections that are left', {
          seen,
          fix,
          command,
        }),
      ]
    if (left < pool + BESIDES) {
      return [
        warning('postgres.connections', 'There are hardly connections left besides the pool', {
          seen: `${seen}; moves and backups need up to ${BESIDES} more`,
          fix,
          command,
        }),
      ]
    }
    if (pool < 3) {
      return [
        info('postgres.pool', 'The pool is very small', {
          seen,
          fix: 'Below 3 connections a long read makes everything else wait: raise POSTGRES_APP_MAX_CONNECTIONS.',
        }),
      ]
    }
    return [ok('postgres.connections', 'There are connections enough', { seen })]
  },
})
