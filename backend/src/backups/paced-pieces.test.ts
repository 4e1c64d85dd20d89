import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { pacedPieces } from './paced-pieces.ts'

const PIECE_MS = 4
const PIECES = 40
/** What the buffers on the way hold. */
const BUFFERED = 10

it('counts what waits in buffers as work, and leaves no byte out', async () => {
  const source = Buffer.alloc(PIECES * 32 * 1024 + 5, 'abcdefg')
  const worked: number[] = []
  const pace = {
    rest: async (ms = Number.NaN) => {
      worked.push(ms)
    },
    beside: () => pace,
  }
  const chunks = async function* () {
    yield source.subarray(0, 300_000)
    yield source.subarray(300_000)
  }
  const taken: Buffer[] = []
  for await (const piece of pacedPieces(chunks(), pace)) {
    taken.push(piece)
    // Buffers take the first ones at once, those that follow wait for the server, until it had time to catch up.
    if (taken.length > BUFFERED && worked.length === 0) await sleep(PIECE_MS)
  }
  expect(Buffer.concat(taken).equals(source)).toBe(true)
  // The first rest is for all that was handed on until then; each later one for a piece, although it was taken at once.
  const leastMs = PIECE_MS - 1 // a timer may be early by a part of a millisecond
  expect(worked[0]).toBeGreaterThan((BUFFERED + 8) * leastMs)
  expect(worked.length).toBeGreaterThan(20)
  expect(Math.min(...worked.slice(1))).toBeGreaterThanOrEqual(leastMs)
})
