import { type Check, error, type Finding, ok, storeCheck, warning } from '../check.ts'
import { readDecisions } from '../context.ts'
import { some } from '../words.ts'

const TITLES = { sqlite: 'SQLite', postgres: 'PostgreSQL' } as const

/** Without a store nothing else can be said of it: this is the one finding about that. */
export const reachCheck: Check = {
  id: 'storage.reach',
  category: 'storage',
  title: 'whether the stores can be reached',
  async run({ stores, status }) {
    return (['sqlite', 'postgres'] as const).flatMap((name): Finding[] => {
      const access = stores[name]
      if (access.state === 'absent') return []
      const subject = TITLES[name]
      if (access.state === 'away') {
        return [
          error('storage.away', 'A store cannot be reached', {
            subject,
            seen: `${access.location}: ${access.reason}`,
            fix: 'Bring it back; what depends on it could not be checked. Domains that are in it answer 503 until then.',
          }),
        ]
      }
      const reason = status?.stores.find((store) => store.name === name)?.reason ?? null
      if (reason === null)
        return [ok('storage.there', 'The store answers', { subject, seen: access.location })]
      return [
        error('storage.unusable', 'The server cannot use a store that answers', { subject, seen: reason }),
      ]
    })
  },
}

export const placementCheck: Check = {
  id: 'storage.placement',
  category: 'storage',
  title: 'where the domains are',
  async run({ stores, status }) {
    const unavailable = status?.domains.filter((domain) => !domain.available) ?? []
    if (unavailable.length > 0) {
      return byReason(unavailable.map(({ domain, reason }) => [domain, reason ?? 'unavailable'])).map(
        ([reason, names]) =>
          error('storage.unavailable', 'Domains cannot be used', { subject: some(names), seen: reason }),
      )
    }
    const decisions = await readDecisions(stores)
    const fenced = [...decisions].filter(([, { fence }]) => fence !== undefined)
    // While a server runs it decides, and it sees no reason against any.
    if (status !== undefined || fenced.length === 0) {
      if (decisions.size === 0) return []
      return [ok('storage.placed', 'Every domain has its store', { seen: `${decisions.size} domains` })]
    }
    return byReason(fenced.map(([domain, { fence }]) => [domain, fence ?? ''])).map(([reason, names]) =>
      error('storage.fenced', 'Domains cannot be used after the next start', {
        subject: some(names),
        seen: reason,
      }),
    )
  },
}

function byReason(domains: readonly (readonly [domain: string, reason: string])[]): [string, string[]][] {
  const reasons = new Map<string, string[]>()
  for (const [domain, reason] of domains) reasons.set(reason, [...(reasons.get(reason) ?? []), domain])
  return [...reasons]
}

export const readOnlyCheck = storeCheck('postgres', {
  id: 'storage.read-only',
  category: 'storage',
  title: 'whether PostgreSQL takes writes',
  async run(store) {
    const row = await store.db.queryOne<{ standby: boolean; frozen: boolean }>(`
      SELECT pg_is_in_recovery() AS standby,
        EXISTS (
          SELECT 1
          FROM pg_db_role_setting AS s, unnest(s.setconfig) AS c (setting)
          WHERE lower(c.setting) = 'default_transaction_read_only=on'
            AND s.setdatabase IN (0, (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))
            AND s.setrole IN (0, (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = current_user))
        ) AS frozen
    `)
    if (row?.standby) {
      return [
        error('storage.standby', 'PostgreSQL is a standby', {
          fix: 'Point POSTGRES_APP_URL at the primary, or promote this server.',
          command: 'SELECT pg_promote()',
        }),
      ]
    }
    if (!row?.frozen) return []
    return [
      warning('storage.frozen', 'Transactions of this user or database are read only by default', {
        fix: 'Take the setting away.',
        command: 'ALTER ROLE CURRENT_USER RESET default_transaction_read_only',
      }),
    ]
  },
})
