import type { Pace } from '../db/snapshot/index.ts'

const PIECE = 32 * 1024
/** A piece that is taken sooner went into a buffer. */
const TAKEN_MS = 1
/** So many in a row that took longer tell what one takes. */
const MEASURED = 8
/** By then every buffer on the way is full, or nothing holds them up. */
const MOST_MEASURED = 256
const MEASURE_EVERY_MS = 10_000

/**
 * Cuts what a program writes into a database into pieces, some milliseconds of the server's work each, and rests after
 * each. The server works on what waits in the buffers on the way while nothing is handed on, so that the time until a
 * piece is taken says nothing of the work with it: that is measured now and then, with all buffers full.
 */
export async function* pacedPieces(source: AsyncIterable<Buffer>, pace: Pace): AsyncGenerator<Buffer> {
  let pieceMs = 0
  let measuredAtMs = Number.NEGATIVE_INFINITY
  let took: number[] = []
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      const startedMs = performance.now()
      yield chunk.subarray(at, at + PIECE)
      const nowMs = performance.now()
      if (nowMs - measuredAtMs < MEASURE_EVERY_MS) {
        await pace.rest(pieceMs)
        continue
      }
      took.push(nowMs - startedMs)
      const last = took.slice(-MEASURED)
      const isFull = last.length === MEASURED && last.every((ms) => ms >= TAKEN_MS)
      if (!isFull && took.length < MOST_MEASURED) continue
      pieceMs = last.reduce((sum, ms) => sum + ms, 0) / last.length
      measuredAtMs = nowMs
      await pace.rest(pieceMs * took.length)
      took = []
    }
  }
}
