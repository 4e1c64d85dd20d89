import { createHash } from 'node:crypto'
import { hashedSql, type RowBytes } from './row-bytes.ts'
import { BUCKETS, type TableDigest, type TableShape } from './types.ts'

/** Collects rows. Those of a page count only when the page is kept. */
export class DigestBuilder {
  rejected = 0
  #rows = 0
  readonly #counts = new Uint32Array(BUCKETS)
  readonly #sums = new Uint32Array(BUCKETS * 2)
  #page = new Uint32Array(3 * 1024)
  #pageRows = 0

  /** Adds the row that was written last. */
  add({ bucket, low, high }: Pick<RowBytes, 'bucket' | 'low' | 'high'>): void {
    const at = this.#pageRows * 3
    if (at + 3 > this.#page.length) {
      const larger = new Uint32Array(this.#page.length * 2)
      larger.set(this.#page)
      this.#page = larger
    }
    this.#page[at] = bucket
    this.#page[at + 1] = low
    this.#page[at + 2] = high
    this.#pageRows++
  }

  keepPage(): void {
    const page = this.#page
    for (let i = 0; i < this.#pageRows; i++) {
      this.#put(page[i * 3] ?? 0, 1, page[i * 3 + 1] ?? 0, page[i * 3 + 2] ?? 0)
    }
    this.dropPage()
  }

  dropPage(): void {
    this.#pageRows = 0
  }

  /** Adds what a server has summed up. @param sum of the signed hashes. */
  addBucket(bucket: number, rows: number, sum: bigint): void {
    const total = BigInt.asUintN(64, sum)
    this.#put(bucket, rows, Number(total & 0xffffffffn), Number(total >> 32n))
  }

  result(): TableDigest {
    return { rows: this.#rows, rejected: this.rejected, counts: this.#counts, sums: this.#sums }
  }

  #put(bucket: number, rows: number, lowWord: number, highWord: number): void {
    this.#rows += rows
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + rows
    const sum = (this.#sums[bucket * 2] ?? 0) + lowWord
    this.#sums[bucket * 2] = sum
    this.#sums[bucket * 2 + 1] = (this.#sums[bucket * 2 + 1] ?? 0) + highWord + (sum > 0xffffffff ? 1 : 0)
  }
}

/** The buckets whose rows are not the same. */
export function compareDigests(a: TableDigest, b: TableDigest): number[] {
  const different: number[] = []
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const same =
      a.counts[bucket] === b.counts[bucket] &&
      a.sums[bucket * 2] === b.sums[bucket * 2] &&
      a.sums[bucket * 2 + 1] === b.sums[bucket * 2 + 1]
    if (!same) different.push(bucket)
  }
  return different
}

/** One hash for people: 32 hex digits. */
export function digestHex(digest: TableDigest): string {
  return createHash('sha256').update(digest.counts).update(digest.sums).digest('hex').slice(0, 32)
}

/** A 64-bit hash as the signed number that PostgreSQL gives. */
export function hash64({ high, low }: Pick<RowBytes, 'low' | 'high'>): bigint {
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))
}

/** Hash and bucket of the row `t`, as SQL: a server digests its own rows without sending them. */
export function digestSql(shape: TableShape): { readonly row: string; readonly bucket: string } {
  const hash = (columns: TableShape['columns']) =>
    columns.map((column) => hashedSql(shape, column)).join(' # ')
  const key = shape.key.flatMap((name) => shape.columns.filter((column) => column.name === name))
  return { row: `(${hash(shape.columns)})`, bucket: `((${hash(key)}) & ${BUCKETS - 1})` }
}
