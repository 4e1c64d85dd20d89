import { describe, expect, it } from 'vitest'
import { moveBench, OPERATOR, reasonsOf } from '../../test/moves.ts'
import { allUnits } from './unit.ts'

describe('a unit', () => {
  it.each(allUnits.map(({ name }) => name))('%s goes to PostgreSQL, back, and stays there', async (unit) => {
    const target = await moveBench()
    await target.fill(unit, 60)
    const before = (await target.contents(unit)).sqlite

    await target.mirror(unit)
    expect((await target.contents(unit)).postgres).toEqual(before)

    await target.cutOver(unit)
    expect(await target.moves.unit(unit)).toMatchObject({ placement: 'postgres', mirror: 'sqlite', epoch: 2 })
    await target.fill(unit, 20, 2)
    await target.until(unit, (state) => state.lag?.changes === 0)
    await target.moves.act(unit, 'rollback', OPERATOR)
    const back = await target.contents(unit)
    expect(back.sqlite).toEqual(back.postgres)
    expect(await target.moves.unit(unit)).toMatchObject({ placement: 'sqlite', mirror: 'postgres', epoch: 3 })

    await target.fill(unit, 20, 3)
    await target.verify(unit)
    await target.cutOver(unit)
    await target.verify(unit)
    await target.moves.act(unit, 'finish', OPERATOR)
    const finished = await target.moves.unit(unit)
    expect(finished).toMatchObject({ placement: 'postgres', mirror: null, state: 'settled', archived: true })
    const after = await target.contents(unit)
    expect(after.sqlite).toEqual(after.postgres)

    await target.moves.act(unit, 'purge', OPERATOR)
    expect((await target.contents(unit)).sqlite).toSatisfy((tables: { rows: unknown[] }[]) =>
      tables.every(({ rows }) => rows.length === 0),
    )
    expect(await target.moves.unit(unit)).toMatchObject({ archived: false, state: 'settled' })
  })
})

describe('a step', () => {
  it('is refused with its reason, and changes nothing', async () => {
    const target = await moveBench()
    await expect(reasonsOf(target.moves.act('audit', 'cutover', OPERATOR))).resolves.toEqual([
      expect.stringContaining('no mirror'),
    ])
    await expect(reasonsOf(target.moves.act('audit', 'abort', OPERATOR))).resolves.toEqual([
      'Nothing is moving',
    ])
    await expect(target.moves.act('nothing', 'mirror', OPERATOR)).rejects.toMatchObject({
      code: 'unknown_unit',
    })
    await target.db('postgres').execute(`INSERT INTO audit_log (action) VALUES ('foreign')`)
    await expect(reasonsOf(target.moves.act('audit', 'mirror', OPERATOR))).resolves.toEqual([
      expect.stringContaining('audit_log'),
    ])
  })

  it('mirror is refused where the target has rows of its own among those that every installation starts with', async () => {
    const target = await moveBench()
    const postgres = target.db('postgres')
    const own = await postgres.queryOne<{ value: string }>(
      `SELECT value FROM settings WHERE key = 'oidc.scopes'`,
    )
    await postgres.execute(`UPDATE settings SET value = 'changed' WHERE key = 'oidc.scopes'`)
    await postgres.execute(`INSERT INTO settings (key, value, category) VALUES ('x.own', '1', 'x')`)
    await postgres.execute(`UPDATE prompt_profiles SET prompts_json = '{"a": 1}' WHERE id = 'devops'`)
    const refusal = await reasonsOf(target.moves.act('settings', 'mirror', OPERATOR))
    expect(refusal).toEqual([expect.stringContaining('settings (oidc.scopes, x.own)')])
    expect(refusal).toEqual([expect.stringContaining('delete the rows that are named')])
    expect(await reasonsOf(target.moves.act('prompts', 'mirror', OPERATOR))).toEqual([
      expect.stringContaining('prompt_profiles (devops)'),
    ])
    const [plan] = (await target.moves.plan(['settings'])).units
    expect(plan?.obstacles).toEqual([expect.stringContaining('settings (oidc.scopes, x.own)')])
    expect(await target.moves.unit('settings')).toMatchObject({ mirror: null })

    // A seed that is as it was, though written again, and one that is gone are nobody's.
    await postgres.execute(`UPDATE settings SET value = $1, updated_at = now() WHERE key = 'oidc.scopes'`, [
      own?.value ?? '',
    ])
    await postgres.execute(`DELETE FROM settings WHERE key IN ('x.own', 'oidc.client_id')`)
    await target.mirror('settings')
    const { sqlite, postgres: copied } = await target.contents('settings')
    expect(copied).toEqual(sqlite)
  })

  it('abort leaves the source alone and the target empty', async () => {
    const target = await moveBench()
    await target.fill('insights', 30)
    const before = (await target.contents('insights')).sqlite
    await target.mirror('insights')
    await target.moves.act('insights', 'abort', OPERATOR)
    const after = await target.contents('insights')
    expect(after.sqlite).toEqual(before)
    expect(after.postgres).toSatisfy((tables: { rows: unknown[] }[]) =>
      tables.every(({ rows }) => rows.length === 0),
    )
    await target.mirror('insights')
    expect((await target.contents('insights')).postgres).toEqual(before)
  })
})

describe('while PostgreSQL is away', () => {
  it('a move is shown as it was, with the reason, and goes on afterwards', async () => {
    const target = await moveBench({ behindProxy: true })
    await target.fill('webhooks', 5)
    await target.mirror('webhooks')
    target.proxy.refuse()
    const away = await target.until(
      'webhooks',
      ({ error }) => error?.startsWith('PostgreSQL is away') ?? false,
    )
    expect(away).toMatchObject({ mirror: 'postgres', source: 'sqlite', state: 'mirroring' })
    expect(await target.moves.unit('users')).toMatchObject({ mirror: null, error: null })
    await expect(target.moves.act('users', 'mirror', OPERATOR)).rejects.toMatchObject({
      status: 503,
      code: 'store_unavailable',
    })
    const [plan] = (await target.moves.plan(['users'])).units
    expect(plan?.obstacles).toEqual([expect.stringContaining('PostgreSQL is away')])
    target.proxy.accept()
    await target.until('webhooks', ({ error, lag }) => error === null && lag !== null)
  })
})

describe('the product started again', () => {
  it('goes on with a mirror, in both directions', async () => {
    const target = await moveBench()
    await target.fill('webhooks', 40)
    await target.moves.act('webhooks', 'mirror', OPERATOR)
    await target.restart()
    await target.until('webhooks', (state) => state.state === 'mirroring')
    await target.fill('webhooks', 10, 2)
    await target.restart()
    await target.until('webhooks', (state) => state.verify?.clean === true && state.lag?.changes === 0)
    await target.cutOver('webhooks')
    await target.fill('webhooks', 10, 3)
    await target.restart()
    await target.until('webhooks', (state) => state.state === 'mirroring' && state.lag?.changes === 0)
    await target.moves.act('webhooks', 'rollback', OPERATOR)
    const { sqlite, postgres } = await target.contents('webhooks')
    expect(sqlite).toEqual(postgres)
  })
})
