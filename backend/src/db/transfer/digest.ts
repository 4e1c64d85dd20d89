import { createHash } from 'node:crypto'
import { quoteName } from '../sql-text.ts'
import { columnList } from './rows-sql.ts'
import { BUCKETS, type TableDigest, type TableShape } from './types.ts'

// The hash is PostgreSQL's hashtextextended(text, 0), so that a server digests its own rows without sending them.

let bytes = Buffer.alloc(1 << 16)
let words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
/** The two halves of the last hash. */
let high = 0
let low = 0

/** Bob Jenkins' lookup3 over the UTF-8 bytes of `text`; leaves its result in `high` and `low`. */
function hash(text: string): void {
  if (text.length * 3 + 16 > bytes.length) {
    bytes = Buffer.alloc(text.length * 4 + 64)
    words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
  }
  const length = bytes.write(text, 0, 'utf8')
  // Words are read whole: what is behind the text must not count.
  bytes[length] = bytes[length + 1] = bytes[length + 2] = 0
  let a = (0x9e3779b9 + length + 3923095) | 0
  let b = a
  let c = a
  let at = 0
  let left = length
  for (; left >= 12; left -= 12, at += 3) {
    a = (a + (words[at] ?? 0)) | 0
    b = (b + (words[at + 1] ?? 0)) | 0
    c = (c + (words[at + 2] ?? 0)) | 0
    a = (a - c) ^ ((c << 4) | (c >>> 28))
    c = (c + b) | 0
    b = (b - a) ^ ((a << 6) | (a >>> 26))
    a = (a + c) | 0
    c = (c - b) ^ ((b << 8) | (b >>> 24))
    b = (b + a) | 0
    a = (a - c) ^ ((c << 16) | (c >>> 16))
    c = (c + b) | 0
    b = (b - a) ^ ((a << 19) | (a >>> 13))
    a = (a + c) | 0
    c = (c - b) ^ ((b << 4) | (b >>> 28))
    b = (b + a) | 0
  }
  if (left > 0) a = (a + (words[at] ?? 0)) | 0
  if (left > 4) b = (b + (words[at + 1] ?? 0)) | 0
  // The lowest byte of c is kept for the length.
  if (left > 8) c = (c + ((words[at + 2] ?? 0) << 8)) | 0
  c = (c ^ b) - ((b << 14) | (b >>> 18))
  a = (a ^ c) - ((c << 11) | (c >>> 21))
  b = (b ^ a) - ((a << 25) | (a >>> 7))
  c = (c ^ b) - ((b << 16) | (b >>> 16))
  a = (a ^ c) - ((c << 4) | (c >>> 28))
  b = (b ^ a) - ((a << 14) | (a >>> 18))
  c = (c ^ b) - ((b << 24) | (b >>> 8))
  high = b >>> 0
  low = c >>> 0
}

/** The hash as the signed number that PostgreSQL gives. */
export function hash64(text: string): bigint {
  hash(text)
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))
}

/** @param key the text of the key's columns, joined by commas. */
export function bucketOf(key: string): number {
  hash(key)
  return low % BUCKETS
}

/** Collects rows. Those of a page count only when the page is kept. */
export class DigestBuilder {
  rejected = 0
  #rows = 0
  readonly #counts = new Uint32Array(BUCKETS)
  readonly #sums = new Uint32Array(BUCKETS * 2)
  #page = new Uint32Array(3 * 1024)
  #pageRows = 0

  /** @param key as for {@link bucketOf}. @param record the row as PostgreSQL prints a composite value. */
  add(key: string, record: string): void {
    const at = this.#pageRows * 3
    if (at + 3 > this.#page.length) {
      const larger = new Uint32Array(this.#page.length * 2)
      larger.set(this.#page)
      this.#page = larger
    }
    this.#page[at] = bucketOf(key)
    hash(record)
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

/** Hash and bucket of the row `t`, as SQL. */
export function digestSql(shape: TableShape): { readonly row: string; readonly bucket: string } {
  const key = shape.key.map((name) => `t.${quoteName(name)}::text`).join(` || ',' || `)
  return {
    row: `hashtextextended(ROW(${columnList(shape)})::text, 0)`,
    bucket: `(hashtextextended(${key}, 0) & ${BUCKETS - 1})`,
  }
}
