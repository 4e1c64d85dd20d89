const words = new BigUint64Array(1)
const doubles = new Float64Array(words.buffer)

/** A double as PostgreSQL prints it: the shortest digits that give it back, exponents below 1e-4 and from 1e15. */
export function floatText(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e-4 && size < 1e15) return String(value)
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  if (!Number.isFinite(value)) return String(value)
  const digits = size > Number.MAX_SAFE_INTEGER ? strictDigits(value) : value.toExponential()
  // At least two digits of exponent, as C prints them.
  return digits.at(-2) === '+' || digits.at(-2) === '-'
    ? `${digits.slice(0, -1)}0${digits.slice(-1)}`
    : digits
}

/**
 * JavaScript takes a text that lies exactly between two doubles when reading rounds it to the right one; PostgreSQL
 * does not rely on rounding and prints more digits. Only whole numbers beyond 2^53 can have such a text.
 */
function strictDigits(value: number): string {
  const shortest = value.toExponential()
  if (!isHalfway(shortest, value)) return shortest
  const length = shortest.replace(/e.*$/, '').replace(/[-.]/g, '').length
  for (let precision = length + 1; precision < 17; precision++) {
    const longer = value.toExponential(precision - 1)
    if (Number(longer) === value && !isHalfway(longer, value)) return longer
  }
  return value.toExponential(16)
}

function isHalfway(text: string, value: number): boolean {
  const [digits = '', exponent = '0'] = text.replace('-', '').split('e')
  const [whole = '', fraction = ''] = digits.split('.')
  const written = BigInt(whole + fraction) * 10n ** BigInt(Number(exponent) - fraction.length)
  const exact = BigInt(Math.abs(value))
  doubles[0] = Math.abs(value)
  const bits = words[0] ?? 0n
  const step = 1n << ((bits >> 52n) - 1075n)
  if (written > exact) return (written - exact) * 2n === step
  const powerOfTwo = (bits & ((1n << 52n) - 1n)) === 0n
  return (exact - written) * 2n === (powerOfTwo ? step / 2n : step)
}
