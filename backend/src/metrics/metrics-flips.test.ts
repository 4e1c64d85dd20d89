import { expect, it } from 'vitest'
import { aSample, openMetrics } from '../../test/metrics.ts'
import { moveBench, OPERATOR } from '../../test/moves.ts'
import type { AppDb } from '../db/app-db.ts'
import { applyRetention } from './metrics-retention.ts'
import { createMetricsRollup } from './metrics-rollup.ts'
import { DEFAULT_RETENTION } from './resolution.ts'

const MINUTE_MS = 60_000

/** The database of the metrics as a job sees it that asked for the engine just before a flip. */
function justFlipped(db: AppDb, before: AppDb['dialect']): AppDb {
  return new Proxy(db, {
    get(target, name) {
      if (name === 'dialect') return before
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

it('jobs go on when the metrics change their store under them', { timeout: 180_000 }, async () => {
  const opened = await moveBench()
  const nowMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS
  const db = opened.storage.getAppDbFor('metrics')
  const metrics = openMetrics(db, nowMs)
  for (let minute = 60; minute > 0; minute--) {
    metrics.service.record([aSample({ timeMs: nowMs - minute * MINUTE_MS, value: minute })])
  }
  await metrics.service.flush()

  const late = justFlipped(db, 'postgres')
  await createMetricsRollup(late).settle(nowMs)
  await applyRetention(late, DEFAULT_RETENTION, nowMs)

  await opened.mirror('metrics')
  let running = true
  let runs = 0
  const jobs = (async () => {
    while (running) {
      metrics.service.record([aSample({ timeMs: nowMs + runs * 1_000, value: runs })])
      await metrics.service.flush()
      await createMetricsRollup(db).settle(nowMs + runs * 1_000 + 2 * MINUTE_MS)
      await applyRetention(db, DEFAULT_RETENTION, nowMs)
      runs++
    }
  })()
  for (const action of ['cutover', 'rollback', 'cutover', 'rollback'] as const) {
    const before = runs
    await expect
      .poll(() => opened.moves.act('metrics', action, OPERATOR).then(() => 'done', String), {
        timeout: 30_000,
      })
      .toBe('done')
    await expect.poll(() => runs, { timeout: 30_000 }).toBeGreaterThan(before + 1)
    if (action !== 'rollback') continue
    await opened.verify('metrics')
  }
  running = false
  await jobs
  await metrics.service.close()
  const after = await opened.verify('metrics')
  expect(after.verify).toMatchObject({ differences: 0 })
})
