/** The two halves of what {@link hashBytes} gave last, as unsigned numbers. */
export const hashed = { high: 0, low: 0 }

/**
 * PostgreSQL's `hash_bytes_extended`, Bob Jenkins' lookup3, over some bytes of `view`. The four bytes behind them must
 * be zero: words are read whole.
 *
 * @param seed above zero and below 2^31.
 */
export function hashBytes(view: DataView, start: number, length: number, seed: number): void {
  let a = (0x9e3779b9 + length + 3923095) | 0
  let b = (a + seed) | 0
  let c = a
  let at = start
  let left = length
  for (;;) {
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
    if (left < 12) break
    a = (a + view.getInt32(at, true)) | 0
    b = (b + view.getInt32(at + 4, true)) | 0
    c = (c + view.getInt32(at + 8, true)) | 0
    left -= 12
    at += 12
  }
  if (left > 0) a = (a + view.getInt32(at, true)) | 0
  if (left > 4) b = (b + view.getInt32(at + 4, true)) | 0
  // The lowest byte of c is kept for the length.
  if (left > 8) c = (c + (view.getInt32(at + 8, true) << 8)) | 0
  c = (c ^ b) - ((b << 14) | (b >>> 18))
  a = (a ^ c) - ((c << 11) | (c >>> 21))
  b = (b ^ a) - ((a << 25) | (a >>> 7))
  c = (c ^ b) - ((b << 16) | (b >>> 16))
  a = (a ^ c) - ((c << 4) | (c >>> 28))
  b = (b ^ a) - ((a << 14) | (a >>> 18))
  c = (c ^ b) - ((b << 24) | (b >>> 8))
  hashed.high = b >>> 0
  hashed.low = c >>> 0
}

const scratch = new DataView(new ArrayBuffer(16))

/** `hashint4extended` of a number of 32 bits. */
export function hashWord(word: number, seed: number): void {
  scratch.setInt32(0, word, true)
  hashBytes(scratch, 0, 4, seed)
}

/**
 * `hashint8extended(n, seed) # hashint8extended(n >> 32, seed + 1)` of the number of 64 bits whose halves these are.
 * PostgreSQL folds the halves into one, which alone would not tell -1 from 2^32 - 1.
 */
export function hashHalves(high: number, low: number, seed: number): void {
  hashWord(high < 0 ? low ^ ~high : low ^ high, seed)
  const { high: foldedHigh, low: foldedLow } = hashed
  hashWord(high, seed + 1)
  hashed.high = (hashed.high ^ foldedHigh) >>> 0
  hashed.low = (hashed.low ^ foldedLow) >>> 0
}

/** `hashfloat8extended`. */
export function hashDouble(value: number, seed: number): void {
  if (value === 0) {
    hashed.high = 0
    hashed.low = seed
    return
  }
  scratch.setFloat64(0, value, true)
  hashBytes(scratch, 0, 8, seed)
}
