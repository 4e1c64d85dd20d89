/** Bytes that no UTF-8 has: behind each value of a line, in place of a null, and of a row that needs a second look. */
export const valueEnd = 0xff
export const nullMark = 0xfe
export const oddMark = 0xfd

/** A one in each of four bytes, and the highest bit of each. */
export const ones = 0x01010101
export const highest = 0x80808080

/**
 * Copies a text of a line, from `at` to the end of the value.
 *
 * @param start where `to` has room for as many bytes, and four more.
 * @returns where the value ends; -1 where it is no UTF-8 or has the NUL character.
 */
export function copyText(from: DataView, at: number, to: DataView, start: number): number {
  const last = from.byteLength - 4
  const shift = start - at
  let place = at
  for (;;) {
    while (place <= last) {
      const four = from.getInt32(place, true)
      to.setInt32(place + shift, four, true)
      // A byte without its highest bit gets it from one less only where it is zero; those behind that do not count.
      const odd = ((four - ones) | four) & highest
      if (odd !== 0) {
        place += firstOf(odd)
        break
      }
      place += 4
    }
    const byte = from.getUint8(place)
    if (byte === valueEnd) return place
    const length = characterLength(from, place)
    if (byte === 0 || length === 0) return -1
    for (const next = place + length; place < next; place++) to.setUint8(place + shift, from.getUint8(place))
  }
}

/** Which of four bytes is the first with its highest bit set in `bits`, which has no others. */
export const firstOf = (bits: number) => (31 - Math.clz32(bits & -bits)) >> 3

/** How many bytes the character at `at` has; 0 where it is no UTF-8. The end of the value is behind it. */
export function characterLength(from: DataView, at: number): number {
  const first = from.getUint8(at)
  if (first < 0x80) return 1
  if (first < 0xc2 || first > 0xf4) return 0
  const second = from.getUint8(at + 1)
  if (!isContinued(second)) return 0
  if (first < 0xe0) return 2
  if (!isContinued(from.getUint8(at + 2))) return 0
  // Nothing that fits into fewer bytes, no surrogates, nothing beyond the last character.
  if (first < 0xf0) return (first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f) ? 0 : 3
  if (!isContinued(from.getUint8(at + 3))) return 0
  return (first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f) ? 0 : 4
}

const isContinued = (byte: number) => (byte & 0xc0) === 0x80

export const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
