import { expect, it } from 'vitest'
import { createPace } from './pace.ts'

/** Whether somebody else came to do something while it rested. */
async function hasRested(rest: () => Promise<void>): Promise<boolean> {
  let hadTheirTurn = false
  setTimeout(() => {
    hadTheirTurn = true
  }, 0)
  await rest()
  return hadTheirTurn
}

it.each([true, false])('rests after work only while others want the machine: %s', async (isWanted) => {
  const pace = createPace(0.5, () => isWanted)
  expect(await hasRested(() => pace.rest(10))).toBe(isWanted)
})

it('shares itself between two works, each of which has rests of its own', async () => {
  const [one, other] = createPace(0.5, () => true).halves()
  expect([one.share, other.share]).toEqual([0.25, 0.25])
  expect(await hasRested(() => one.rest(10))).toBe(true)
  expect(await hasRested(() => one.rest(0))).toBe(false)
  expect(await hasRested(() => other.rest(10))).toBe(true)
})

it('rests once small pieces add up', async () => {
  const pace = createPace(0.5, () => true)
  expect(await hasRested(() => pace.rest(1.5))).toBe(false)
  expect(await hasRested(() => pace.rest(1.5))).toBe(true)
})
