import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Faults, faultyControl } from '../../test/faults.ts'
import { MoveClient } from '../../test/move-client.ts'
import { pick, randomOf } from '../../test/move-data.ts'
import { awaitsCopy, type MoveBench, OPERATOR, openMoveBench } from '../../test/moves.ts'
import type { Domain } from '../db/domains.ts'
import type { MoveAction } from './moves.schema.ts'
import type { MoveLimits } from './unit.ts'

/** How many seeds, and from which on: `MOVE_SEEDS=1000 MOVE_SEED=1 npx vitest run …` tries more. */
const SEEDS = Number(process.env.MOVE_SEEDS ?? 50)
const FIRST = Number(process.env.MOVE_SEED ?? 1)
const UNITS = ['audit', 'insights', 'webhooks', 'users', 'images', 'feedback'] as const

let bench: MoveBench
let faults: Faults
/** Faults of all seeds. */
let survived = 0
/** Those that were done in spite of them. */
let flips = 0
/** Pages so small that rows change between them, and tables filled without their keys, or neither. */
let copy: MoveLimits['copy'] = {}

beforeAll(async () => {
  bench = await open()
})

function open(): Promise<MoveBench> {
  faults = new Faults(randomOf(0), { rate: 0, crashShare: 0 })
  const limits = {
    get copy() {
      return copy
    },
  }
  return openMoveBench({ limits, control: (control) => faultyControl(control, faults) })
}

afterAll(() => bench.close())

/** What may be asked of a unit in the state it is in, besides waiting. */
const STEPS: readonly MoveAction[] = ['mirror', 'verify', 'cutover', 'rollback', 'pause', 'resume', 'abort']

/** Mostly what the unit says is possible, a flip before anything else; now and then whatever comes to mind. */
async function choose(random: () => number, unit: string): Promise<MoveAction> {
  const { actions } = await bench.moves.unit(unit)
  const possible = STEPS.filter((name) => actions.some((each) => each.action === name && each.possible))
  const flip = possible.find((name) => name === 'cutover' || name === 'rollback')
  if (flip && random() < 0.7) return flip
  return pick(random, possible.length > 0 && random() < 0.7 ? possible : STEPS)
}

async function attempt(random: () => number, unit: string): Promise<void> {
  try {
    const action = await choose(random, unit)
    await bench.moves.act(unit, action, OPERATOR)
    if (action === 'cutover' || action === 'rollback') flips++
    if (random() < 0.7) await arrived(unit)
  } catch {
    return // refused, or a fault
  }
}

/** A copy, its verify and the copy of the file that a cut over wants take a moment, unless a fault ends them. */
async function arrived(unit: string): Promise<void> {
  await bench.until(
    unit,
    ({ state, error, paused, verify, actions }) =>
      faults.crashed ||
      error !== null ||
      paused ||
      (state !== 'copying' && verify?.running !== true && !awaitsCopy(actions)),
  )
}

describe('a move with faults at any moment', () => {
  const seeds = Array.from({ length: SEEDS }, (_, i) => FIRST + i)

  it.for(seeds)(
    'converges and loses nothing: seed %i',
    { timeout: 300_000 },
    async (seed, { onTestFailed }) => {
      // The others begin on stores that this one has not touched.
      onTestFailed(async () => {
        await bench.close()
        bench = await open()
      })
      const random = randomOf(seed)
      const unit = pick(random, UNITS)
      const dbOf = (domain: Domain) => bench.storage.getAppDbFor(domain)
      const rules = await bench.rules(unit)
      const client = new MoveClient(`s${seed}`, rules, random, dbOf)
      faults = new Faults(random, {
        rate: pick(random, [0.005, 0.02, 0.05]),
        crashShare: pick(random, [0, 0.3, 1]),
      })
      copy = pick(random, [{}, { bareRows: 1 }, { bareRows: 1, pageRows: 3 }])
      await bench.restartMoves()

      for (let step = 0; step < 25; step++) {
        for (let i = 0; i < 5; i++) await client.step()
        if (random() < 0.5) await attempt(random, unit)
        else await sleep(Math.floor(random() * 20))
        if (faults.crashed) {
          survived += faults.count
          await bench.restart()
          faults = new Faults(random, { rate: faults.rate, crashShare: 0.3 })
          await bench.restartMoves()
        }
      }

      survived += faults.count
      // No more faults: it gets there without a person, but for resuming what was paused.
      faults = new Faults(random, { rate: 0, crashShare: 0 })
      await bench.restartMoves()
      const state = await bench.until(
        unit,
        // A mirror without a lag is being given up.
        (each) =>
          each.state === 'settled' ||
          (each.state === 'mirroring' && each.lag !== null && each.error === null) ||
          each.paused,
      )
      if (state.paused) await bench.moves.act(unit, 'resume', OPERATOR)
      for (let i = 0; i < 10; i++) await client.step()
      if (state.state === 'settled') await bench.moves.act(unit, 'mirror', OPERATOR)
      await bench.until(
        unit,
        (each) => each.state === 'mirroring' && each.lag?.changes === 0 && each.verify?.running !== true,
      )
      await bench.moves.act(unit, 'verify', OPERATOR)
      const verified = await bench.until(
        unit,
        (each) => each.verify?.running === false && each.lag?.changes === 0,
      )
      await client.readAll()
      expect(client.problems).toEqual([])
      expect(verified.verify).toMatchObject({ differences: 0, clean: true })
      const { sqlite, postgres } = await bench.contents(unit)
      expect(sqlite).toEqual(postgres)
      // Back to where the next seed may begin anew.
      if (verified.placement === 'postgres') await bench.moves.act(unit, 'rollback', OPERATOR)
      await bench.moves.act(unit, 'abort', OPERATOR)
      for (const { shape } of rules.toReversed())
        await dbOf(shape.domain).execute(`DELETE FROM ${shape.table}`)
    },
  )
  it('had something to survive', () => {
    expect(survived).toBeGreaterThan(SEEDS)
    // On a busy machine a dozen of them may come to none between two faults.
    if (SEEDS >= 1_000) expect(flips).toBeGreaterThan(SEEDS / 100)
  })
})
