import createCompression from 'compression'
import type { Response } from 'express'

/** Characters. Shorter answers hardly become smaller. */
export const compressFrom = 1_024

/** Compresses answers that are long enough, where the caller takes that. */
export const compression = createCompression({ threshold: compressFrom })

/**
 * The same for one answer, before it is begun. It wraps the answer in functions of its own, which costs time and garbage:
 * short ones are spared that.
 */
export function compress(res: Response): void {
  compression(res.req, res, () => undefined)
}
