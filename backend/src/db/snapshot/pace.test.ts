import { expect, it } from 'vitest'
import { createPace } from './pace.ts'

function work(): void {
  const untilMs = performance.now() + 10
  while (performance.now() < untilMs);
}

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
  work()
  expect(await hasRested(pace.rest)).toBe(isWanted)
})

it('shares itself between two works, each of which has rests of its own', async () => {
  const [one, other] = createPace(0.5, () => true).halves()
  expect([one.share, other.share]).toEqual([0.25, 0.25])
  work()
  expect(await hasRested(one.rest)).toBe(true)
  expect(await hasRested(one.rest)).toBe(false)
  expect(await hasRested(other.rest)).toBe(true)
})
