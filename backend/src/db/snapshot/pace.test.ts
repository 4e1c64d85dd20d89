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

it('does not take the rest of one work for that of another beside it', async () => {
  const pace = createPace(0.5, () => true)
  const other = pace.beside()
  work()
  expect(await hasRested(pace.rest)).toBe(true)
  expect(await hasRested(pace.rest)).toBe(false)
  expect(await hasRested(other.rest)).toBe(true)
})
