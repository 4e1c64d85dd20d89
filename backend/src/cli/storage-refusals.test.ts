import { expect, it } from 'vitest'
import { cliInstallation, printed } from '../../test/cli.ts'
import { openTestStorage } from '../../test/product.ts'
import type { AppDb } from '../db/app-db.ts'
import type { Storage } from '../db/app-db-router.ts'
import { runStorage } from './storage/run.ts'
import type { Command } from './storage/select.ts'

const QUICK = { pollMs: 20, gatherMs: 1, calmMs: 0, pauseLimitMs: 5_000, pauseBudgetMs: 5_000 }

const installation = cliInstallation()
let served: Storage

const run = (command: Command, names: readonly string[], json?: true) =>
  printed((output) =>
    runStorage(command, names, { from: 'sqlite', ...(json && { json }) }, installation.env(), output),
  )

/** What the stores say of the unit and of moves. */
async function traces(): Promise<unknown> {
  const [line = ''] = (await run('status', ['audit'], true)).output.trim().split('\n')
  const { unit } = JSON.parse(line)
  const sqlite = served.control.store('sqlite')?.db
  return {
    ...{ placement: unit.placement, epoch: unit.epoch, mirror: unit.mirror, state: unit.state },
    triggers: await sqlite?.query(
      `SELECT name FROM sqlite_schema WHERE type = 'trigger' ORDER BY name LIMIT 9`,
    ),
    rows: await served
      .getAppDbFor('audit')
      .query(`SELECT action FROM audit_log WHERE action = 'mine' LIMIT 9`),
  }
}

interface BadInput {
  readonly what: string
  /** Changes the database before the product sees it. @returns the URL by which it shall. */
  readonly before?: (db: AppDb, url: URL) => Promise<URL>
  readonly after?: (db: AppDb) => Promise<unknown>
  readonly clock?: () => Date
  readonly exit: number
  readonly says: RegExp
}

const cases: readonly BadInput[] = [
  {
    what: 'a PostgreSQL that is too old',
    // What the product asks for its version is answered as an old server would.
    before: async (db, url) => {
      await db.execute('CREATE SCHEMA old')
      await db.execute(
        `CREATE FUNCTION old.current_setting(name TEXT) RETURNS TEXT LANGUAGE sql AS $$
           SELECT CASE name WHEN 'server_version' THEN '14.11' WHEN 'server_version_num' THEN '140011'
             ELSE pg_catalog.current_setting(name) END $$`,
      )
      await db.execute(`ALTER DATABASE ${url.pathname.slice(1)} SET search_path = old, pg_catalog, public`)
      return url
    },
    exit: 5,
    says: /PostgreSQL 14\.11 is too old: 15 or later is needed.* Upgrade that server, or set POSTGRES_APP_URL/,
  },
  {
    what: 'an account without rights',
    before: async (db, url) => {
      await db.execute(`CREATE ROLE refused_reader LOGIN PASSWORD 'p'`)
      const theirs = new URL(url)
      theirs.username = 'refused_reader'
      theirs.password = 'p'
      return theirs
    },
    exit: 5,
    says: /GRANT CREATE, USAGE ON SCHEMA/,
  },
  {
    what: 'a target with rows of its own',
    after: (db) => db.execute(`INSERT INTO audit_log (action) VALUES ('theirs')`),
    exit: 2,
    says: /PostgreSQL holds rows of its own in audit_log.* Empty these tables/,
  },
  {
    what: 'a target whose tables have drifted',
    after: (db) => db.execute('ALTER TABLE audit_log ADD COLUMN extra TEXT'),
    exit: 2,
    says: /audit_log\.extra is in PostgreSQL only\. .* take that back/,
  },
  {
    what: 'a clock that differs',
    clock: () => new Date(Date.now() + 90_000),
    exit: 2,
    says: /The clock of PostgreSQL is \d\d\.\d s behind.* Set both clocks by the same time server/,
  },
]

it.each(cases)('$what is refused with the next step, and nothing is changed', async (given) => {
  const { database } = installation
  try {
    // One that ran on SQLite alone until now.
    const alone = await openTestStorage({ dataDir: installation.dataDir, postgresUrl: undefined })
    await alone.getAppDbFor('audit').execute(`INSERT INTO audit_log (action) VALUES ('mine')`)
    await alone.close()
    const url = await given.before?.(database.db, new URL(database.location))
    served = await installation.open(url ? { url: url.href } : {})
    await given.after?.(database.db)
    await installation.serve(served, { moveLimits: QUICK, ...(given.clock && { clock: given.clock }) })
    const before = await traces()
    expect(before).toEqual({
      ...{ placement: 'sqlite', epoch: 1, mirror: null, state: 'settled' },
      ...{ triggers: [], rows: [{ action: 'mine' }] },
    })
    for (const command of ['mirror', 'rehearse', 'plan'] as const) {
      const { exit, errors, output } = await run(command, ['audit'])
      // A plan lists what speaks against it; a rehearsal has a schema of its own, which needs no empty tables.
      if (command === 'rehearse' && exit === 0) continue
      expect([command, exit]).toEqual([command, command === 'plan' ? 2 : given.exit])
      expect(command === 'plan' ? output : errors).toMatch(given.says)
    }
    expect(await traces()).toEqual(before)
  } finally {
    await installation.end()
    await database.db.execute('DROP ROLE IF EXISTS refused_reader')
  }
})

it('a step out of turn is refused with its reason, whatever it is', async () => {
  served = await installation.open()
  await installation.serve(served, { moveLimits: QUICK })
  const before = await traces()
  const steps = ['verify', 'cutover', 'rollback', 'abort', 'pause', 'resume'] as const
  for (const step of steps) {
    const { exit, errors } = await run(step, ['audit'])
    expect([step, exit]).toEqual([step, 2])
    expect(errors).toMatch(/no (complete )?mirror|Nothing is moving|not paused/)
  }
  expect(await traces()).toEqual(before)
})
