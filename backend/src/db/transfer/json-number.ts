import { Rejection } from './rejection.ts'

/** What a NUMERIC can have before and after its point. */
export const mostWholeDigits = 131_072
export const mostFractionDigits = 16_383

export const tooLarge = () =>
  new Rejection('range', 'The document has a number with more digits than jsonb can hold')

/** A number as PostgreSQL prints it that was written as `mantissa` times ten to the `exponent`. @throws Rejection. */
export function withoutExponent(mantissa: string, exponent: number): string {
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
