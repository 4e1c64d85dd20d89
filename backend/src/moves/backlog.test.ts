import { describe, expect, it } from 'vitest'
import { type MoveBench, type MoveBenchOptions, moveBench, OPERATOR } from '../../test/moves.ts'

const UNIT = 'audit'

async function mirrored(options: MoveBenchOptions = {}): Promise<MoveBench> {
  const bench = await moveBench(options)
  await write(bench, 10)
  await bench.mirror(UNIT)
  return bench
}

async function write(target: MoveBench, rows: number): Promise<void> {
  const db = target.storage.getAppDbFor(UNIT)
  for (let i = 0; i < rows; i++) {
    await db.execute(`INSERT INTO audit_log (action, details) VALUES ('written', '{}')`)
    await db.execute(`UPDATE audit_log SET target_id = $1`, [String(i)])
  }
}

async function queueOf(target: MoveBench): Promise<number> {
  const placement = target.storage.control.decision(UNIT)?.placement ?? 'sqlite'
  const row = await target
    .db(placement)
    .queryOne<{ rows: number }>('SELECT count(*) AS rows FROM _dirty_audit_log')
  return row?.rows ?? 0
}

const isShort = (target: MoveBench) =>
  expect.poll(() => queueOf(target), { timeout: 30_000 }).toBeLessThanOrEqual(100)

const compared = async (target: MoveBench) =>
  (await target.moves.log({ unit: UNIT, limit: 20 })).filter(({ action }) => action === 'compared')

async function isEqual(target: MoveBench): Promise<void> {
  await target.until(UNIT, ({ error, lag }) => error === null && lag?.changes === 0)
  const { verify } = await target.verify(UNIT)
  expect(verify).toMatchObject({ clean: true, differences: 0 })
  const { sqlite, postgres } = await target.contents(UNIT)
  expect(sqlite).toEqual(postgres)
}

describe('what is written while PostgreSQL is away', () => {
  it('is counted, and beyond a limit no longer remembered one by one', async () => {
    const target = await mirrored({ behindProxy: true, limits: { queue: 100 } })
    target.proxy.refuse()
    await target.until(UNIT, ({ error }) => error?.startsWith('PostgreSQL is away') ?? false)
    await write(target, 1)
    const away = await target.until(UNIT, ({ lag }) => lag?.changes === 12)
    const queued = target.moves.metrics().units.find(({ unit }) => unit === UNIT)
    expect(queued?.queueDepth).toBe(12)

    await write(target, 20)
    await isShort(target)
    const queue = await queueOf(target)
    const later = await target.until(UNIT, ({ lag }) => lag?.changes === queue + 1)
    expect(later.lag?.seconds).toBeGreaterThanOrEqual(away.lag?.seconds ?? 0)

    target.proxy.accept()
    await expect.poll(() => compared(target).catch(() => []), { timeout: 30_000 }).toHaveLength(1)
    await isEqual(target)
  })
})

describe('what is written while a mirror is paused', () => {
  it.each(['sqlite', 'postgres'] as const)('of %s is held by the same limit', async (placement) => {
    const target = await mirrored({ placement, limits: { queue: 100 } })
    await target.moves.act(UNIT, 'pause', OPERATOR)
    await write(target, 20)
    await isShort(target)
    expect(await compared(target)).toEqual([])
    await target.moves.act(UNIT, 'resume', OPERATOR)
    await expect.poll(() => compared(target), { timeout: 30_000 }).toHaveLength(1)
    await isEqual(target)
  })
})
