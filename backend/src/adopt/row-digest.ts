import { createHash } from 'node:crypto'
import type { CanonicalRow } from '../db/transfer/index.ts'

/** A fingerprint of a set of rows that does not depend on their order. Equal digests mean equal rows. */
export class RowDigest {
  rows = 0
  #low = 0n
  #high = 0n

  add(row: CanonicalRow): void {
    const hash = createHash('sha256').update(JSON.stringify(row)).digest()
    this.#low = BigInt.asUintN(64, this.#low + hash.readBigUInt64LE(0))
    this.#high = BigInt.asUintN(64, this.#high + hash.readBigUInt64LE(8))
    this.rows++
  }

  toString(): string {
    return [this.#high, this.#low].map((part) => part.toString(16).padStart(16, '0')).join('')
  }
}
