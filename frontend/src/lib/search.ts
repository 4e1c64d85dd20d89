/** Reads one search parameter; undefined when it is absent or makes no sense, so that a mistyped URL still opens the page. */
export type Param<T> = (value: unknown) => T | undefined

export const textParam: Param<string> = (value) =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined

export const integerParam: Param<number> = (value) => {
  const number =
    typeof value === 'number' ? value : typeof value === 'string' && value !== '' ? Number(value) : NaN
  return Number.isSafeInteger(number) ? number : undefined
}

/** `1` or `true` in the URL; false is left out of it. */
export const flagParam: Param<true> = (value) =>
  value === true || value === '1' || value === 'true' ? true : undefined

export const oneOfParam =
  <const T extends string>(values: readonly T[]): Param<T> =>
  (value) =>
    values.find((candidate) => candidate === value)

/** Several values of a known set, written `a,b` in the URL, in the order of the set. */
export const manyOfParam =
  <const T extends string>(values: readonly T[]): Param<T[]> =>
  (value) => {
    const given = Array.isArray(value) ? value.map(String) : typeof value === 'string' ? value.split(',') : []
    const known = values.filter((candidate) => given.includes(candidate))
    return known.length > 0 ? known : undefined
  }

type Shape = Record<string, Param<unknown>>
type SearchOf<S extends Shape> = { [K in keyof S]?: Exclude<ReturnType<S[K]>, undefined> | undefined }

/** Makes a route's `validateSearch` of its parameters: `defineSearch({ q: textParam, state: oneOfParam(STATES) })`. */
export function defineSearch<S extends Shape>(shape: S): (raw: Record<string, unknown>) => SearchOf<S> {
  return (raw) => {
    const result: SearchOf<S> = {}
    for (const name in shape) {
      const value = shape[name]?.(raw[name])
      if (value !== undefined) result[name] = value as SearchOf<S>[typeof name]
    }
    return result
  }
}

/** `?a=1&b=x,y` → `{ a: '1', b: 'x,y' }`: plain text, the parameters give it types. */
export const parseSearch = (search: string): Record<string, string> =>
  Object.fromEntries(new URLSearchParams(search))

/** The inverse of parseSearch; empty, absent and false values leave the URL. */
export function stringifySearch(search: Record<string, unknown>): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(search)) {
    if (value === undefined || value === null || value === '' || value === false) continue
    params.set(name, Array.isArray(value) ? value.join(',') : value === true ? '1' : String(value))
  }
  // Commas need no escape in a query and read better without it.
  const text = params.toString().replaceAll('%2C', ',')
  return text === '' ? '' : `?${text}`
}
