import { type Check, error, type Finding, ok, storeCheck, warning } from '../check.ts'
import { readMigrationTimes } from '../migration-times.ts'
import { span } from '../words.ts'

const NOTICEABLE_MS = 2_000
const HARMFUL_MS = 60_000
const SYNCHRONISE = 'Let both machines set their clocks by NTP.'

export const databaseClockCheck = storeCheck('postgres', {
  id: 'clocks.postgres',
  category: 'clocks',
  title: 'the clock of the PostgreSQL server',
  async run(store, { now }) {
    // The first statement may open a connection, which would count as the way.
    await store.db.queryOne('SELECT 1 AS one')
    const beforeMs = now().getTime()
    const row = await store.db.queryOne<{ at_ms: number; zone: string }>(`
      SELECT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT AS at_ms,
        current_setting('TimeZone') AS zone
    `)
    const afterMs = now().getTime()
    if (!row) return []
    const aheadMs = Math.round(row.at_ms - (beforeMs + afterMs) / 2)
    const findings = [judge('clocks.postgres', 'PostgreSQL', aheadMs, afterMs - beforeMs)]
    if (row.zone !== 'UTC') {
      findings.push(
        error('clocks.session-zone', 'Sessions do not keep the time zone that they are given', {
          subject: 'PostgreSQL',
          seen: `TimeZone is ${row.zone}, not UTC`,
          fix: 'A pooler between here and the server drops session settings: connect to the server itself, or use session pooling.',
        }),
      )
    }
    return findings
  },
})

export const engineClocksCheck: Check = {
  id: 'clocks.engines',
  category: 'clocks',
  title: 'the clocks of the Docker engines',
  async run({ endpoints }) {
    return (await endpoints()).flatMap(({ name, clock }) =>
      clock ? [judge('clocks.engine', name, clock.aheadMs, clock.roundTripMs)] : [],
    )
  },
}

/** @param roundTripMs the time in which the other clock was read: half of it is not known. */
function judge(id: string, subject: string, aheadMs: number, roundTripMs: number): Finding {
  const offMs = Math.abs(aheadMs)
  const seen = `${offMs} ms ${aheadMs < 0 ? 'behind' : 'ahead of'} this machine, give or take ${Math.ceil(roundTripMs / 2)} ms`
  const certainMs = offMs - roundTripMs / 2
  if (certainMs < NOTICEABLE_MS) return ok(id, 'The clock agrees', { subject, seen })
  const say = certainMs < HARMFUL_MS ? warning : error
  return say(id, `The clock is off by ${span(offMs / 1000)}`, { subject, seen, fix: SYNCHRONISE })
}

export const zoneCheck: Check = {
  id: 'clocks.zone',
  category: 'clocks',
  title: 'the time zone of this machine',
  async run({ env }) {
    const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone
    const wanted = (env.TZ ?? '').replace(/^:/, '')
    if (wanted !== '' && !isZone(wanted)) {
      return [
        warning('clocks.zone', 'TZ names no time zone', {
          subject: wanted,
          seen: `${zone} is used instead`,
          fix: 'Set TZ to a name such as Europe/Zurich, or leave it out for UTC.',
        }),
      ]
    }
    return [ok('clocks.zone', 'The time zone is known', { seen: `${zone}; what is stored is in UTC` })]
  },
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch (reason) {
    if (reason instanceof RangeError) return false
    throw reason
  }
}

/** The migrations are the oldest rows there are: a clock that is before them was set back, or never set. */
export const pastCheck: Check = {
  id: 'clocks.past',
  category: 'clocks',
  title: 'whether this machine lives in the past',
  async run({ stores, now }) {
    for (const access of [stores.sqlite, stores.postgres]) {
      if (access.state !== 'there') continue
      const times = await readMigrationTimes(access.store.db)
      const aheadMs = times ? times.lastMs - now().getTime() : 0
      if (aheadMs < HARMFUL_MS) continue
      return [
        error('clocks.past', 'The clock of this machine was set back', {
          seen: `The last migration was applied at ${new Date(now().getTime() + aheadMs).toISOString()}, which is ${span(aheadMs / 1000)} from now`,
          fix: 'Set the clock by NTP: new samples would be older than those that are there.',
        }),
      ]
    }
    return []
  },
}

export const clockChecks = [databaseClockCheck, engineClocksCheck, zoneCheck, pastCheck] as const
