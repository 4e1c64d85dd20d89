const iso =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)? ?(Z|[+-]\d\d(?::?\d\d)?(?::?\d\d)?)?$/i
const decimal = /^(-?\d+)(?:\.(\d+))?$/
/** Smaller numbers could mean anything; from here to `firstMilliseconds` they are seconds since 1970. */
const firstSeconds = 1e8
const firstMilliseconds = 1e11
/** The year 1; `Date.UTC` would take it for 1901. */
const firstMs = Date.parse('0001-01-01T00:00:00Z')
const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/**
 * A timestamp as PostgreSQL prints it in UTC, `2026-11-21 03:04:05.123+00`; undefined where the value is no point in
 * time between the years 1 and 9999. Text without a zone is UTC; digits beyond microseconds are cut off; a number
 * is seconds or milliseconds since 1970. A date alone, `now` and `infinity` are no point in time.
 */
export function timestampText(value: string | number | bigint): string | undefined {
  if (typeof value === 'string') return fromCanonical(value) ?? fromIso(value) ?? fromDecimal(value)
  return fromDecimal(String(value))
}

/** What {@link readTime} has read last: whole seconds since the year 2000, and microseconds behind them. */
export const timeRead = { seconds: 0, micros: 0 }

/** Longer than whatever {@link readTime} takes. */
const longest = 32
const textBytes = new Uint8Array(longest + 1)

/** {@link readTime} of a text, all of it. */
export function readTimeText(text: string): boolean {
  const { length } = text
  if (length > longest) return false
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 127) return false
    textBytes[i] = code
  }
  // No time goes on behind it.
  textBytes[length] = 0
  return length > 0 && readTime(textBytes, 0) === length
}

/**
 * Reads what the product writes into SQLite, `2026-11-21T03:04:05.123Z`, and what PostgreSQL prints in UTC. Without a
 * regular expression: there are millions of them.
 *
 * @returns where it ends, 0 for other forms. Whatever stands behind it is left alone.
 */
export function readTime(bytes: Uint8Array, start: number): number {
  const year = pair(bytes, start) * 100 + pair(bytes, start + 2)
  const month = pair(bytes, start + 5)
  const day = pair(bytes, start + 8)
  const hour = pair(bytes, start + 11)
  const minute = pair(bytes, start + 14)
  const second = pair(bytes, start + 17)
  const valid =
    year >= 1 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    (day <= 28 || day <= daysIn(year, month)) &&
    hour <= 23 &&
    minute <= 59 &&
    second <= 59
  const mark = bytes[start + 10]
  const marks =
    bytes[start + 4] === 45 &&
    bytes[start + 7] === 45 &&
    (mark === 84 || mark === 32) &&
    bytes[start + 13] === 58 &&
    bytes[start + 16] === 58
  if (!valid || !marks) return 0
  let at = start + 19
  let micros = 0
  if (bytes[at] === 46) {
    let unit = 100_000
    for (at++; unit >= 1 && isDigit(bytes[at]); at++, unit /= 10) micros += digit(bytes, at) * unit
    if (at === start + 20) return 0
  }
  const isEnd =
    mark === 84
      ? at === start + 23 && bytes[at] === 90
      : bytes[at] === 43 && bytes[at + 1] === 48 && bytes[at + 2] === 48
  if (!isEnd) return 0
  timeRead.seconds = (daysSince2000(year, month, day) * 24 + hour) * 3_600 + minute * 60 + second
  timeRead.micros = micros
  return mark === 84 ? at + 1 : at + 3
}

const digit = (bytes: Uint8Array, at: number) => (bytes[at] ?? 0) - 48

const isDigit = (byte = 0) => byte >= 48 && byte <= 57

function pair(bytes: Uint8Array, at: number): number {
  const high = digit(bytes, at)
  const low = digit(bytes, at + 1)
  return high < 0 || high > 9 || low < 0 || low > 9 ? Number.NaN : high * 10 + low
}

/** In the Gregorian calendar; years begin in March, so that leap days are their last. */
function daysSince2000(year: number, month: number, day: number): number {
  const years = month > 2 ? year : year - 1
  const century = Math.floor(years / 100)
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return years * 365 + Math.floor(years / 4) - century + Math.floor(century / 4) + dayOfYear - 730_425
}

function fromCanonical(text: string): string | undefined {
  if (text.charCodeAt(10) !== 84 || !readTimeText(text)) return undefined
  const end =
    text.charCodeAt(22) !== 48 ? 23 : text.charCodeAt(21) !== 48 ? 22 : text.charCodeAt(20) !== 48 ? 21 : 19
  return `${text.slice(0, 10)} ${text.slice(11, end)}+00`
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

function fromIso(text: string): string | undefined {
  const match = iso.exec(text)
  if (!match) return undefined
  const [
    ,
    year = '',
    month = '',
    day = '',
    hour = '',
    minute = '',
    second = '00',
    fraction = '',
    zone = 'Z',
  ] = match
  const valid =
    Number(month) >= 1 &&
    Number(month) <= 12 &&
    Number(day) >= 1 &&
    Number(day) <= daysIn(Number(year), Number(month)) &&
    Number(hour) <= 23 &&
    Number(minute) <= 59 &&
    Number(second) <= 59
  const offset = offsetMs(zone)
  if (!valid || offset === undefined) return undefined
  const wholeMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) - offset
  return textOf(wholeMs, fraction.slice(0, 6))
}

function offsetMs(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0
  const digits = zone.slice(1).replaceAll(':', '').padEnd(6, '0')
  const hours = Number(digits.slice(0, 2))
  const minutes = Number(digits.slice(2, 4))
  const seconds = Number(digits.slice(4, 6))
  // PostgreSQL takes no zone further away.
  if (hours > 15 || minutes > 59 || seconds > 59) return undefined
  return (zone.startsWith('-') ? -1_000 : 1_000) * (hours * 3_600 + minutes * 60 + seconds)
}

function fromDecimal(text: string): string | undefined {
  const match = decimal.exec(text)
  if (!match) return undefined
  const [, whole = '', fraction = ''] = match
  const number = Number(whole)
  const size = Math.abs(number)
  if (size < firstSeconds || size > lastMs) return undefined
  const digits = size < firstMilliseconds ? 6 : 3
  const micros = BigInt(whole + fraction.slice(0, digits).padEnd(digits, '0')) // of milliseconds, or seconds
  const seconds = floorDiv(micros, 1_000_000n)
  return textOf(Number(seconds) * 1_000, String(micros - seconds * 1_000_000n).padStart(6, '0'))
}

function floorDiv(value: bigint, by: bigint): bigint {
  return value >= 0n ? value / by : -((-value + by - 1n) / by)
}

/** @param fraction digits after the second, at most six. */
function textOf(wholeMs: number, fraction: string): string | undefined {
  if (!(wholeMs >= firstMs && wholeMs <= lastMs)) return undefined
  const text = new Date(wholeMs).toISOString()
  const digits = fraction.replace(/0+$/, '')
  return `${text.slice(0, 10)} ${text.slice(11, 19)}${digits && `.${digits}`}+00`
}
