import { expect, it } from 'vitest'
import { createPace } from './pace.ts'

it.each([true, false])('rests after work only while others want the machine: %s', async (isWanted) => {
  const pace = createPace(0.5, () => isWanted)
  const untilMs = performance.now() + 10
  while (performance.now() < untilMs);
  let hadTheirTurn = false
  setTimeout(() => {
    hadTheirTurn = true
  }, 0)
  await pace.rest()
  expect(hadTheirTurn).toBe(isWanted)
})
