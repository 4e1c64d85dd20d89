import { isUtf8 } from 'node:buffer'
import { mostFractionDigits, mostWholeDigits, tooLarge, withoutExponent } from './json-number.ts'
import { characterLength, firstOf, highest, ones, valueEnd, viewOf } from './line-text.ts'
import { Rejection } from './rejection.ts'

/** PostgreSQL gives up somewhere beyond, depending on its stack. */
const deepest = 1_000
/** Objects of more members are not sorted by insertion. */
const fewMembers = 32
/** Four quotation marks, backslashes, and spaces, the first of what is no control character. */
const quotes = 0x22222222
const backslashes = 0x5c5c5c5c
const spaces = 0x20202020
const surrogate = /\p{Surrogate}/u

/**
 * A JSON document as PostgreSQL prints it after storing it as jsonb: keys ordered by length in bytes and then by
 * bytes, the last of equal keys, numbers exact and without exponent, `": "` and `", "`.
 *
 * @throws Rejection for what is no JSON, or has what jsonb cannot hold.
 */
export function jsonText(text: string): string {
  printer.read(text)
  printer.print()
  return printer.bytes.toString('utf8', 0, printer.length)
}

/** Prints documents as {@link jsonText} does, each over the last, as UTF-8: there are millions of them. */
export class JsonPrinter {
  /** The document is in the first `length` of these. */
  bytes = Buffer.alloc(1 << 12)
  length = 0
  #out = viewOf(this.bytes)
  /** Where the source ends, once it is printed. */
  end = 0
  /** The document stands in it from `#start` on, and the end of a value behind it, before `#limit`. */
  #source: Buffer = Buffer.alloc(1 << 11)
  #view = viewOf(this.#source)
  #own = this.#source
  #start = 0
  #limit = 0
  #at = 0
  #depth = 0
  /** Some key has a backslash: it is longer than what it stands for. */
  #escaped = false
  /** Of each member of the objects that are open: where its key and its value begin, and where it ends. */
  #members: number[] = []
  /** How many numbers of these are in use: cut off, the array would be made anew for the next document. */
  #memberEnd = 0

  /** What is to be printed. */
  read(text: string): void {
    const most = text.length * 3
    if (most >= this.#own.length) this.#own = Buffer.alloc(most + (most >> 1) + 1)
    const end = this.#own.write(text, 0)
    this.#own[end] = valueEnd
    this.readLine(this.#own, 0, end)
  }

  /** The same as a value of a line that begins at `at` and ends before `limit`. */
  readLine(line: Buffer, at: number, limit: number): void {
    if (line !== this.#source) {
      this.#source = line
      this.#view = viewOf(line)
    }
    this.#start = at
    this.#limit = limit
  }

  /** @throws Rejection as {@link jsonText} does. */
  print(): void {
    this.#at = this.#start
    this.#depth = this.length = this.#memberEnd = 0
    this.#escaped = false
    this.#reserve(0)
    this.#space()
    this.#value()
    this.#space()
    this.end = this.#at
    if (this.#source[this.#at] !== valueEnd) throw this.#broken()
  }

  #value(): void {
    switch (this.#source[this.#at]) {
      case 34: // "
        this.#string()
        return
      case 123: // {
        this.#object()
        return
      case 91: // [
        this.#array()
        return
      case 116: // t
        this.#word('true')
        return
      case 102: // f
        this.#word('false')
        return
      case 110: // n
        this.#word('null')
        return
      default:
        this.#number()
    }
  }

  #object(): void {
    this.#enter(123)
    const first = this.#memberEnd
    for (let more = !this.#takes(125); more; more = !this.#takes(125)) {
      if (this.#memberEnd > first) this.#separator()
      if (this.#source[this.#at] !== 34) throw this.#broken()
      const start = this.length
      if (this.#string()) this.#escaped = true
      this.#space()
      if (!this.#takes(58)) throw this.#broken()
      this.#space()
      this.#put(58)
      this.#put(32)
      const value = this.length
      this.#value()
      const members = this.#members
      members[this.#memberEnd++] = start
      members[this.#memberEnd++] = value
      members[this.#memberEnd++] = this.length
      this.#space()
    }
    this.#order(first)
    this.#memberEnd = first
    this.#leave(125)
  }

  #array(): void {
    this.#enter(91)
    const start = this.length
    for (let more = !this.#takes(93); more; more = !this.#takes(93)) {
      if (this.length > start) this.#separator()
      this.#value()
      this.#space()
    }
    this.#leave(93)
  }

  /** A string with its quotes. Short escapes are printed as they are written. True when it has escapes. */
  #string(): boolean {
    const { bytes } = this
    const out = this.#out
    const view = this.#view
    const last = view.byteLength - 4
    const start = this.#at
    let to = this.length
    let at = start + 1
    let escapes = false
    bytes[to++] = 34
    for (;;) {
      while (at <= last) {
        const four = view.getInt32(at, true)
        out.setInt32(to, four, true)
        // As in `copyText`: each of these is less than one, or than a space, or not ASCII.
        const odd =
          (((four ^ quotes) - ones) | ((four ^ backslashes) - ones) | (four - spaces) | four) & highest
        if (odd !== 0) {
          const plain = firstOf(odd)
          at += plain
          to += plain
          break
        }
        at += 4
        to += 4
      }
      const byte = view.getUint8(at)
      if (byte === 34) break
      if (byte < 32) throw this.#broken()
      let length = 1
      if (byte === 92) {
        if (!isShort(view.getUint8(at + 1))) {
          this.#unescaped(start)
          return true
        }
        length = 2
        escapes = true
      } else if (byte >= 128) length = characterLength(view, at)
      if (length === 0) throw this.#broken()
      for (const next = at + length; at < next; ) bytes[to++] = view.getUint8(at++)
    }
    bytes[to++] = 34
    this.length = to
    this.#at = at + 1
    return escapes
  }

  #unescaped(start: number): void {
    let end = this.#source.indexOf(34, start + 1)
    while (end >= 0 && isEscaped(this.#source, end)) end = this.#source.indexOf(34, end + 1)
    const written = this.#source.subarray(start, end + 1)
    // Behind the end of the value it is none either.
    if (end < 0 || !isUtf8(written)) throw this.#broken()
    let value: string
    try {
      value = JSON.parse(written.toString())
    } catch (error) {
      if (error instanceof SyntaxError) throw this.#broken()
      throw error
    }
    if (value.includes('\0')) {
      throw new Rejection('nul', 'The document has the NUL character (\\u0000), which jsonb cannot hold')
    }
    if (surrogate.test(value)) {
      throw new Rejection('surrogate', 'The document has an unpaired surrogate, which jsonb cannot hold')
    }
    this.#at = end + 1
    this.#print(JSON.stringify(value))
  }

  #word(word: string): void {
    for (let i = 0; i < word.length; i++) {
      if (this.#source[this.#at + i] !== word.charCodeAt(i)) throw this.#broken()
    }
    this.#at += word.length
    this.#print(word)
  }

  #number(): void {
    const source = this.#source
    const start = this.#at
    if (source[start] === 45) this.#at++
    const whole = this.#at
    const digits = this.#digits()
    // No leading zeros, and at least one digit.
    if (digits === 0 || (digits > 1 && source[whole] === 48)) throw this.#broken()
    if (source[this.#at] === 46) {
      this.#at++
      const fraction = this.#digits()
      if (fraction === 0) throw this.#broken()
      if (fraction > mostFractionDigits) throw tooLarge()
    }
    const letter = source[this.#at]
    if (letter === 101 || letter === 69) {
      this.#exponent(start)
      return
    }
    if (digits > mostWholeDigits) throw tooLarge()
    // There is no negative zero.
    const from = whole > start && this.#isZero(whole) ? whole : start
    for (let i = from; i < this.#at; i++) this.#put(source[i] ?? 0)
  }

  #exponent(start: number): void {
    const mantissa = this.#source.toString('latin1', start, this.#at)
    this.#at++
    const from = this.#at
    const sign = this.#source[from]
    if (sign === 43 || sign === 45) this.#at++
    if (this.#digits() === 0) throw this.#broken()
    const text = withoutExponent(mantissa, Number(this.#source.toString('latin1', from, this.#at)))
    this.#reserve(text.length)
    this.#print(text)
  }

  #isZero(start: number): boolean {
    for (let i = start; i < this.#at; i++) {
      const byte = this.#source[i]
      if (byte !== 48 && byte !== 46) return false
    }
    return true
  }

  #digits(): number {
    const start = this.#at
    for (;;) {
      const byte = this.#source[this.#at] ?? 0
      if (byte < 48 || byte > 57) return this.#at - start
      this.#at++
    }
  }

  #space(): void {
    for (;;) {
      const byte = this.#source[this.#at]
      if (byte !== 32 && byte !== 10 && byte !== 13 && byte !== 9) return
      this.#at++
    }
  }

  #takes(byte: number): boolean {
    if (this.#source[this.#at] !== byte) return false
    this.#at++
    return true
  }

  #enter(bracket: number): void {
    this.#at++
    if (++this.#depth > deepest) {
      throw new Rejection('json', `The document is nested deeper than ${deepest} levels`)
    }
    this.#space()
    this.#put(bracket)
  }

  #leave(bracket: number): void {
    this.#depth--
    this.#put(bracket)
  }

  /** A comma, and something behind it. */
  #separator(): void {
    if (!this.#takes(44)) throw this.#broken()
    this.#space()
    this.#put(44)
    this.#put(32)
  }

  #put(byte: number): void {
    this.bytes[this.length++] = byte
  }

  #print(text: string): void {
    this.length += this.bytes.write(text, this.length)
  }

  /** Room for `more` bytes, and for the rest of the source: a comma or colon becomes two, nothing else grows. */
  #reserve(more: number): void {
    const needed = this.length + more + (this.#limit - this.#at) * 2 + 4
    if (needed <= this.bytes.length) return
    const larger = Buffer.alloc(needed * 2)
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
    this.#out = viewOf(larger)
  }

  /** Puts the members of an object, which are printed as they came, into order. */
  #order(first: number): void {
    const members = this.#members
    let sorted = true
    for (let i = first + 3; i < this.#memberEnd && sorted; i += 3) sorted = this.#compare(i - 3, i) < 0
    if (sorted) return
    const order: number[] = []
    for (let i = first; i < this.#memberEnd; i += 3) {
      let to = order.push(i) - 1
      if (this.#memberEnd - first > fewMembers * 3) continue
      for (; to > 0 && this.#compare(order[to - 1] ?? 0, i) > 0; to--) order[to] = order[to - 1] ?? 0
      order[to] = i
    }
    if (order.length > fewMembers) order.sort((a, b) => this.#compare(a, b) || a - b)
    const start = members[first] ?? 0
    const size = this.length - start
    this.#reserve(size)
    const { bytes } = this
    let to = this.length
    for (const [place, member] of order.entries()) {
      const next = order[place + 1]
      // Of equal keys the last one counts.
      if (next !== undefined && this.#compare(member, next) === 0) continue
      if (to > this.length) {
        bytes[to++] = 44
        bytes[to++] = 32
      }
      const from = members[member] ?? 0
      const end = members[member + 2] ?? 0
      bytes.copyWithin(to, from, end)
      to += end - from
    }
    bytes.copyWithin(start, this.length, to)
    this.length = start + to - this.length
  }

  /** By length in bytes, then by bytes, of what the printed keys stand for. */
  #compare(a: number, b: number): number {
    const { bytes } = this
    const left = this.#members[a] ?? 0
    const right = this.#members[b] ?? 0
    const length = (this.#members[a + 1] ?? 0) - left
    const difference = length - ((this.#members[b + 1] ?? 0) - right)
    if (this.#escaped) return compareKeys(this.#key(a), this.#key(b))
    if (difference !== 0) return difference
    for (let i = 0; i < length; i++) {
      const step = (bytes[left + i] ?? 0) - (bytes[right + i] ?? 0)
      if (step !== 0) return step
    }
    return 0
  }

  #key(member: number): Buffer {
    const end = (this.#members[member + 1] ?? 0) - ': '.length
    return Buffer.from(JSON.parse(this.bytes.toString('utf8', this.#members[member], end)))
  }

  #broken(): Rejection {
    return new Rejection('json', `The document is no valid JSON (byte ${this.#at - this.#start})`)
  }
}

const compareKeys = (a: Buffer, b: Buffer) => a.length - b.length || Buffer.compare(a, b)

/** One of `"\\bfnrt`. */
const isShort = (byte: number) =>
  byte === 34 || byte === 92 || byte === 110 || byte === 116 || byte === 114 || byte === 98 || byte === 102

/** An odd number of backslashes before it makes a quotation mark part of the text. */
function isEscaped(text: Uint8Array, at: number): boolean {
  let backslashes = 0
  while (text[at - 1 - backslashes] === 92) backslashes++
  return backslashes % 2 === 1
}

const printer = new JsonPrinter()
