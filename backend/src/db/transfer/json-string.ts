/** What {@link unquote} has written last, in bytes, and where the string ends: behind its second quotation mark. */
export const unquoted = { length: 0, end: 0 }

/** What stands behind the backslash of an escape, as the byte that is meant. */
const escapes = new Uint8Array(128)
for (const [letter, meant] of Object.entries({
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
})) {
  escapes[letter.charCodeAt(0)] = meant.charCodeAt(0)
}

/** A quotation mark, a backslash and a one in each of four bytes, and the highest bit of each. */
const quotes = 0x22222222
const backslashes = 0x5c5c5c5c
const ones = 0x01010101
const highest = 0x80808080

/**
 * Writes what a JSON string of SQLite stands for, which has escapes of ASCII characters alone, as UTF-8.
 *
 * @param at behind its first quotation mark. @param start where `to` has room for as many bytes.
 * @returns false where it has the NUL character.
 */
export function unquote(from: DataView, at: number, to: DataView, start: number): boolean {
  const last = from.byteLength - 4
  let place = at
  let end = start
  for (;;) {
    while (place <= last) {
      const four = from.getInt32(place, true)
      // A byte that is zero is less than one and has no highest bit.
      const quote = four ^ quotes
      const backslash = four ^ backslashes
      if ((((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) & highest) break
      to.setInt32(end, four, true)
      place += 4
      end += 4
    }
    const byte = from.getUint8(place++)
    if (byte === 34) {
      unquoted.length = end - start
      unquoted.end = place
      return true
    }
    if (byte !== 92) {
      to.setUint8(end++, byte)
      continue
    }
    const letter = from.getUint8(place++)
    let meant = escapes[letter]
    if (letter === 117) {
      meant = hexDigit(from.getUint8(place + 2)) * 16 + hexDigit(from.getUint8(place + 3))
      place += 4
    }
    if (!meant) return false
    to.setUint8(end++, meant)
  }
}

const hexDigit = (letter: number) => (letter < 58 ? letter - 48 : (letter | 32) - 87)

export const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
