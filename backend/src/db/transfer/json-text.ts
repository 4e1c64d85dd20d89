import { Rejection } from './rejection.ts'

/** PostgreSQL gives up somewhere beyond, depending on its stack. */
const deepest = 1_000
/** What a NUMERIC can have before and after its point. */
const mostWholeDigits = 131_072
const mostFractionDigits = 16_383

const control = /[^ -\uffff]/
const surrogate = /\p{Surrogate}/u

/**
 * A JSON document as PostgreSQL prints it after storing it as jsonb: keys ordered by length in bytes and then by
 * bytes, the last of equal keys, numbers exact and without exponent, `": "` and `", "`.
 *
 * @throws Rejection for what is no JSON, or has what jsonb cannot hold.
 */
export function jsonText(text: string): string {
  const reader = new JsonReader(text)
  return reader.document()
}

class JsonReader {
  readonly #text: string
  readonly #hasControl: boolean
  #at = 0
  #depth = 0
  /** The next backslash from here on; most documents have none. */
  #backslash: number

  constructor(text: string) {
    this.#text = text
    this.#hasControl = control.test(text)
    this.#backslash = text.indexOf('\\')
  }

  document(): string {
    this.#space()
    const value = this.#value()
    this.#space()
    if (this.#at < this.#text.length) throw this.#broken()
    return value
  }

  #value(): string {
    switch (this.#text.charCodeAt(this.#at)) {
      case 123: // {
        return this.#object()
      case 91: // [
        return this.#array()
      case 34: // "
        return this.#string()
      case 116: // t
        return this.#word('true')
      case 102: // f
        return this.#word('false')
      case 110: // n
        return this.#word('null')
      default:
        return this.#number()
    }
  }

  #object(): string {
    this.#enter()
    if (this.#takes(125)) return this.#leave('{}')
    const keys: string[] = []
    const values: string[] = []
    for (;;) {
      if (this.#text.charCodeAt(this.#at) !== 34) throw this.#broken()
      const key = this.#string()
      this.#space()
      if (!this.#takes(58)) throw this.#broken()
      this.#space()
      values.push(this.#value())
      keys.push(key)
      this.#space()
      if (this.#takes(125)) break
      if (!this.#takes(44)) throw this.#broken()
      this.#space()
    }
    return this.#leave(members(keys, values))
  }

  #array(): string {
    this.#enter()
    if (this.#takes(93)) return this.#leave('[]')
    const items: string[] = []
    for (;;) {
      items.push(this.#value())
      this.#space()
      if (this.#takes(93)) return this.#leave(`[${items.join(', ')}]`)
      if (!this.#takes(44)) throw this.#broken()
      this.#space()
    }
  }

  /** A string with its quotes. What has no escapes is printed as it is written. */
  #string(): string {
    const text = this.#text
    const start = this.#at
    let end = text.indexOf('"', start + 1)
    if (this.#backslash >= 0 && this.#backslash <= start) this.#backslash = text.indexOf('\\', start)
    const escaped = this.#backslash >= 0 && this.#backslash < end
    if (escaped) while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
    if (end < 0) throw this.#broken()
    this.#at = end + 1
    const raw = text.slice(start, end + 1)
    if (this.#hasControl && control.test(raw)) throw this.#broken()
    return escaped ? this.#unescaped(raw) : raw
  }

  #unescaped(raw: string): string {
    let value: string
    try {
      value = JSON.parse(raw)
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
    return JSON.stringify(value)
  }

  #word(word: string): string {
    if (!this.#text.startsWith(word, this.#at)) throw this.#broken()
    this.#at += word.length
    return word
  }

  #number(): string {
    const start = this.#at
    if (this.#text.charCodeAt(this.#at) === 45) this.#at++
    const whole = this.#at
    const digits = this.#digits()
    // No leading zeros, and at least one digit.
    if (digits === 0 || (digits > 1 && this.#text.charCodeAt(whole) === 48)) throw this.#broken()
    if (this.#text.charCodeAt(this.#at) === 46) {
      this.#at++
      const fraction = this.#digits()
      if (fraction === 0) throw this.#broken()
      if (fraction > mostFractionDigits) throw tooLarge()
    }
    const letter = this.#text.charCodeAt(this.#at)
    if (letter !== 101 && letter !== 69) {
      const text = this.#text.slice(start, this.#at)
      if (digits > mostWholeDigits) throw tooLarge()
      return whole > start && !/[1-9]/.test(text) ? text.slice(1) : text
    }
    const mantissa = this.#text.slice(start, this.#at)
    this.#at++
    const sign = this.#text.charCodeAt(this.#at)
    const from = this.#at
    if (sign === 43 || sign === 45) this.#at++
    if (this.#digits() === 0) throw this.#broken()
    return withoutExponent(mantissa, Number(this.#text.slice(from, this.#at)))
  }

  #digits(): number {
    const start = this.#at
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (!(code >= 48 && code <= 57)) return this.#at - start
      this.#at++
    }
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return
      this.#at++
    }
  }

  #takes(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false
    this.#at++
    return true
  }

  #enter(): void {
    this.#at++
    if (++this.#depth > deepest) {
      throw new Rejection('json', `The document is nested deeper than ${deepest} levels`)
    }
    this.#space()
  }

  #leave(text: string): string {
    this.#depth--
    return text
  }

  #broken(): Rejection {
    return new Rejection('json', `The document is no valid JSON (position ${this.#at})`)
  }
}

const tooLarge = () =>
  new Rejection('range', 'The document has a number with more digits than jsonb can hold')

/** An odd number of backslashes before it makes a quotation mark part of the text. */
function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(at - 1 - backslashes) === 92) backslashes++
  return backslashes % 2 === 1
}

function withoutExponent(mantissa: string, exponent: number): string {
  const negative = mantissa.startsWith('-')
  const [whole = '', fraction = ''] = mantissa.slice(negative ? 1 : 0).split('.')
  const scale = Math.max(0, fraction.length - exponent)
  const digits = (whole + fraction).replace(/^0+/, '')
  if (scale > mostFractionDigits) throw tooLarge()
  if (digits === '') return scale > 0 ? `0.${'0'.repeat(scale)}` : '0'
  const point = digits.length - fraction.length + exponent
  if (point > mostWholeDigits) throw tooLarge()
  const sign = negative ? '-' : ''
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  const head = digits.slice(0, point).padEnd(point, '0')
  const tail = digits.slice(point)
  return tail ? `${sign}${head}.${tail}` : `${sign}${head}`
}

/** Documents of one origin have the same keys in the same order: how to sort them is found out once. */
const orders = new Map<string, readonly number[]>()
const mostOrders = 1_000

function members(keys: readonly string[], values: readonly string[]): string {
  const name = keys.join()
  let order = orders.get(name)
  if (!order) {
    order = orderOf(keys)
    if (orders.size >= mostOrders) orders.clear()
    orders.set(name, order)
  }
  const parts: string[] = []
  for (const i of order) parts.push(`${keys[i]}: ${values[i]}`)
  return `{${parts.join(', ')}}`
}

/** Positions of the keys as they are printed; of equal ones the last. */
function orderOf(keys: readonly string[]): number[] {
  const last = new Map<string, number>()
  for (const [i, key] of keys.entries()) last.set(key, i)
  return [...last].sort(([a], [b]) => compareKeys(a, b)).map(([, i]) => i)
}

/** By length in bytes, then by bytes, of what the printed keys stand for. */
function compareKeys(a: string, b: string): number {
  const left = Buffer.from(JSON.parse(a))
  const right = Buffer.from(JSON.parse(b))
  return left.length - right.length || Buffer.compare(left, right)
}
