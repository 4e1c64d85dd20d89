import { hashBytes, hashDouble, hashHalves, hashWord } from './hash.ts'
import { copyText, viewOf } from './line-text.ts'
import { timeRead } from './timestamp-text.ts'

/** Longer texts are better written by the engine. */
const shortText = 48
const firstBytes = 320 * 1024
const mostBytesKept = 4 * 1024 * 1024
/** Room for a value that is no text, with its length and the zeros behind it. */
const smallValue = 24
const word = 2 ** 32

/**
 * Rows in the binary format of COPY, one behind the other in one buffer. Each value is hashed when it is written, into
 * `hashed`; a null is left to the caller.
 */
export class CopyFields {
  /** Of what was written. */
  length = 0
  /** Of the hash of the next value. */
  seed = 1
  #bytes = Buffer.alloc(firstBytes)
  #view = viewOf(this.#bytes)

  /** What was written, until more is. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
    // A row of many megabytes was there.
    if (this.#bytes.length > mostBytesKept) this.#bytes = Buffer.allocUnsafeSlow(firstBytes)
    this.#view = viewOf(this.#bytes)
  }

  beginRow(columns: number): void {
    this.#reserve(smallValue)
    this.#view.setInt16(this.length, columns)
    this.length += 2
  }

  null(): void {
    this.#reserve(smallValue)
    this.#view.setInt32(this.length, -1)
    this.length += 4
  }

  /** A short text of ASCII characters; false for others. */
  ascii(text: string): boolean {
    const { length } = text
    if (length > shortText) return false
    this.#reserve(shortText + smallValue)
    const bytes = this.#bytes
    const start = this.length + 4
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code === 0 || code > 127) return false
      bytes[start + i] = code
    }
    this.#end(length)
    return true
  }

  utf8(text: string): void {
    this.#reserve(text.length * 3 + smallValue)
    this.#end(this.#bytes.write(text, this.length + 4))
  }

  /** A text of a line, as {@link copyText} takes it; `most` bytes long. @returns where it ends, -1 where it is none. */
  lineText(from: DataView, at: number, most: number): number {
    this.#reserve(most + smallValue)
    const end = copyText(from, at, this.#view, this.length + 4)
    if (end >= 0) this.#end(end - at)
    return end
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length + smallValue)
    this.#bytes.set(value, this.length + 4)
    this.#end(value.length)
  }

  /** A safe integer, of four bytes or of eight. */
  integer(value: number, isWide: boolean): void {
    this.#reserve(smallValue)
    if (isWide) this.#halves(Math.floor(value / word), value)
    else {
      this.#view.setInt32(this.length + 4, value)
      this.#close(4)
      hashWord(value, this.seed)
    }
  }

  large(value: bigint): void {
    this.#reserve(smallValue)
    this.#halves(Number(value >> 32n), Number(value & 0xffffffffn))
  }

  float(value: number): void {
    this.#reserve(smallValue)
    this.#view.setFloat64(this.length + 4, value)
    this.#close(8)
    hashDouble(value, this.seed)
  }

  boolean(value: number): void {
    this.#reserve(smallValue)
    this.#bytes[this.length + 4] = value
    this.#close(1)
    hashWord(value, this.seed)
  }

  /** What is in `timeRead`, as microseconds since 2000, which doubles do not hold. */
  time(): void {
    this.#reserve(smallValue)
    const high = Math.floor(timeRead.seconds / word)
    const low = (timeRead.seconds - high * word) * 1e6 + timeRead.micros
    this.#view.setInt32(this.length + 4, high * 1e6 + Math.floor(low / word))
    this.#view.setInt32(this.length + 8, low)
    this.#end(8)
  }

  /** A document in its normal form: the first `length` of `bytes`, behind the version of the format. */
  document(bytes: Buffer, length: number): void {
    this.#reserve(length + smallValue)
    this.#bytes[this.length + 4] = 1
    bytes.copy(this.#bytes, this.length + 5, 0, length)
    this.#end(length + 1, 1)
  }

  documentText(text: string): void {
    this.#reserve(text.length * 3 + smallValue)
    this.#bytes[this.length + 4] = 1
    this.#end(this.#bytes.write(text, this.length + 5) + 1, 1)
  }

  /** An integer of eight bytes. */
  #halves(high: number, low: number): void {
    this.#view.setInt32(this.length + 4, high)
    this.#view.setInt32(this.length + 8, low)
    this.#close(8)
    hashHalves(high, low, this.seed)
  }

  /** Ends a field of `length` bytes behind the place of its length, and hashes them, without the first `version`. */
  #end(length: number, version = 0): void {
    const start = this.length + 4 + version
    this.#close(length)
    this.#view.setInt32(this.length, 0)
    hashBytes(this.#view, start, length - version, this.seed)
  }

  #close(length: number): void {
    this.#view.setInt32(this.length, length)
    this.length += 4 + length
  }

  #reserve(more: number): void {
    if (this.length + more <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow((this.length + more) * 2)
    this.#bytes.copy(larger, 0, 0, this.length)
    this.#bytes = larger
    this.#view = viewOf(larger)
  }
}
