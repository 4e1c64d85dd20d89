const canonical = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?:\d{3})?Z$/
const readable =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?)?\s*(Z|[+-]\d\d(?::?\d\d)?(?::?\d\d)?)?$/i

/**
 * The one form in which timestamps enter and leave a store: `2026-11-21T03:04:05.123Z`, with six digits
 * (`….123456Z`) when the microseconds are not zero. Digits beyond microseconds are cut off.
 *
 * Every timestamp parameter must have this form. PostgreSQL would take others; SQLite keeps and compares
 * the text as it is. Text order is time order down to the millisecond; within one millisecond a value
 * without microseconds sorts last in SQLite, which is still a total order, so keyset paging is exact.
 *
 * @param value a Date or an ISO 8601 text; a text without zone is UTC (SQLite's `datetime('now')`).
 * @throws RangeError when it is no point in time between the years 0001 and 9999.
 */
export function timestamp(value: string | Date): string {
  if (typeof value === 'string' && canonical.test(value)) {
    return value.length === 27 && value.endsWith('000Z') ? `${value.slice(0, 23)}Z` : value
  }
  const text = value instanceof Date ? dateText(value) : parse(value)
  if (text === undefined) throw new RangeError(`Not a timestamp: ${String(value)}`)
  return text
}

/**
 * Any timestamp text an engine gives, in canonical form. What is no timestamp (`infinity`, a year beyond
 * 9999, garbage in a legacy row) is returned as it is: reading must not fail on one bad row.
 */
export function decodeTimestamp(text: string): string {
  // PostgreSQL with timezone UTC: 2026-11-21 03:04:05[.123456]+00, without trailing zeros.
  if (text.length >= 22 && text.length <= 29 && text.charCodeAt(10) === 32 && text.endsWith('+00')) {
    const fraction = text.length > 22 ? text.slice(20, -3) : ''
    return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fractionDigits(fraction)}Z`
  }
  if (canonical.test(text))
    return text.endsWith('000Z') && text.length === 27 ? `${text.slice(0, 23)}Z` : text
  return parse(text) ?? text
}

function fractionDigits(fraction: string): string {
  const micros = fraction.slice(0, 6).padEnd(6, '0')
  return micros.endsWith('000') ? micros.slice(0, 3) : micros
}

function dateText(date: Date): string | undefined {
  if (Number.isNaN(date.getTime())) return undefined
  const text = date.toISOString()
  return text.length === 24 && !text.startsWith('0000') ? text : undefined
}

function parse(text: string): string | undefined {
  const match = readable.exec(text)
  if (!match) return undefined
  const [, day = '', clock = '00:00', fraction = '', zone = 'Z'] = match
  const seconds = clock.length === 5 ? `${clock}:00` : clock
  const milliseconds = Date.parse(`${day}T${seconds}Z`)
  // Date.parse rolls 30 February over instead of refusing it.
  if (Number.isNaN(milliseconds) || !new Date(milliseconds).toISOString().startsWith(day)) return undefined
  const whole = dateText(new Date(milliseconds - zoneOffsetMs(zone)))
  return whole && `${whole.slice(0, 20)}${fractionDigits(fraction)}Z`
}

function zoneOffsetMs(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0
  const digits = zone.slice(1).replaceAll(':', '').padEnd(6, '0')
  const seconds =
    Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2, 4)) * 60 + Number(digits.slice(4, 6))
  return (zone.startsWith('-') ? -1000 : 1000) * seconds
}
