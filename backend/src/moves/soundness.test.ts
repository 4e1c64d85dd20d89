import { describe, expect, it } from 'vitest'
import { type MoveBench, moveBench, OPERATOR, reasonsOf } from '../../test/moves.ts'
import { reasonsOfStores } from './soundness.ts'
import { sidesOf, unitNamed } from './unit.ts'

let bench: MoveBench

async function mirrored(unit: string): Promise<void> {
  bench = await moveBench()
  await bench.fill(unit, 20)
  await bench.mirror(unit)
}

const act = (unit: string, action: Parameters<MoveBench['moves']['act']>[1]) =>
  reasonsOf(action === 'cutover' ? bench.cutOver(unit) : bench.moves.act(unit, action, OPERATOR))

describe('tables that were changed by hand', () => {
  it('are refused before a mirror, with what to do, and hold up no other unit', async () => {
    bench = await moveBench()
    await bench.db('postgres').execute('ALTER TABLE audit_log RENAME COLUMN user_id TO actor_id')
    const reason = expect.stringMatching(/^audit_log.user_id is in SQLite only\. .* take that back/)
    expect(await act('audit', 'mirror')).toEqual([reason])
    expect(await reasonsOf(bench.moves.rehearse('audit', OPERATOR))).toEqual([reason])
    const plan = await bench.moves.plan(['audit', 'settings'])
    expect(plan.units.map(({ unit, obstacles }) => [unit, obstacles])).toEqual([
      ['audit', [reason]],
      ['settings', []],
    ])
  })

  it('are noticed while mirroring, before anything relies on them', async () => {
    await mirrored('audit')
    await bench.db('postgres').execute(`ALTER TABLE audit_log ADD COLUMN extra TEXT NOT NULL DEFAULT 'x'`)
    const reason = expect.stringContaining('audit_log.extra is in PostgreSQL only')
    expect(await act('audit', 'verify')).toEqual([reason])
    expect(await act('audit', 'cutover')).toEqual([reason])
    await bench.db('postgres').execute('ALTER TABLE audit_log DROP COLUMN extra')
    expect(await act('audit', 'cutover')).toEqual([])
  })
})

describe('an index that the target lacks', () => {
  it('is made by the text of the refusal', async () => {
    await mirrored('actions')
    await bench.db('postgres').execute('DROP INDEX idx_actions_pending_unique')
    await bench.db('sqlite').execute('CREATE INDEX own_index ON actions (rationale)')
    const [reason] = await act('actions', 'cutover')
    expect(reason).toMatch(/^PostgreSQL lacks the index idx_actions_pending_unique: CREATE UNIQUE INDEX/)
    await bench.db('postgres').execute(reason!.split(': ')[1]!)
    expect(await act('actions', 'cutover')).toEqual([])

    await bench.db('sqlite').execute('DROP INDEX idx_actions_pending_unique')
    const [back] = await act('actions', 'rollback')
    expect(back).toMatch(/^SQLite lacks the index idx_actions_pending_unique: CREATE UNIQUE INDEX/)
    await bench.db('sqlite').execute(back!.split(': ')[1]!)
    expect(await act('actions', 'rollback')).toEqual([])
  })
})

describe('triggers that are dropped by hand', () => {
  it('cost no write at a cut over, and none at a rollback', async () => {
    await mirrored('settings')
    const sqlite = bench.db('sqlite')
    await sqlite.execute('DROP TRIGGER _capture_settings_update')
    await sqlite.execute('DROP TRIGGER _capture_settings_insert')
    await sqlite.execute(`UPDATE settings SET value = '"by hand"'`)
    expect(await act('settings', 'cutover')).toEqual([])
    expect(await bench.db('postgres').query('SELECT DISTINCT value FROM settings LIMIT 9')).toEqual([
      { value: '"by hand"' },
    ])

    const postgres = bench.db('postgres')
    await postgres.execute('DROP TRIGGER _capture_update ON settings')
    await postgres.execute(`UPDATE settings SET value = '"again"'`)
    expect(await act('settings', 'rollback')).toEqual([])
    const { sqlite: left, postgres: right } = await bench.contents('settings')
    expect(left).toEqual(right)
    expect(await sqlite.query('SELECT DISTINCT value FROM settings LIMIT 9')).toEqual([{ value: '"again"' }])
    const log = await bench.moves.log({ unit: 'settings', limit: 50 })
    expect(log.filter(({ action }) => action === 'capture-repaired')).toHaveLength(2)
  })
})

describe('clocks that differ', () => {
  it('are refused where the lag could not be told', async () => {
    bench = await moveBench({ clock: () => new Date(Date.now() + 90_000) })
    expect(await act('audit', 'mirror')).toEqual([
      expect.stringMatching(
        /^The clock of PostgreSQL is (89|90)\.\d s behind that of this machine.*time server$/,
      ),
    ])
    expect((await bench.moves.plan(['audit'])).units[0]?.obstacles).toHaveLength(1)
  })
})

describe('a small disk', () => {
  it.each(['sqlite', 'postgres'] as const)('is refused before a mirror of %s', async (placement) => {
    bench = await moveBench({ placement })
    await bench.storage.control.openSqlite()
    const sides = sidesOf(bench.storage.control, unitNamed('audit'))!
    const facts = { sides, shapes: await bench.shapes('audit'), clock: () => new Date(), lagGoalMs: 60_000 }
    const reasons = (bytes: number) =>
      reasonsOfStores('mirror', { ...facts, dataDir: bench.dataDir, free: async () => bytes })
    expect(await reasons(1_000_000_000)).toEqual([])
    expect(await reasons(60_000_000)).toEqual([expect.stringContaining('make room on that disk')])
  })
})
