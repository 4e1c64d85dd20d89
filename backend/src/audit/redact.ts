const SECRET_NAME =
  /(pass(word|wd)?|(password|token)_?hash|secret|token|(api|private|tls|secret)_?key|authorization|cookie|credential)s?$/i
const MAX_DEPTH = 8
const MAX_TEXT = 2000

/** Details as they may be kept: values under names of secrets replaced, long texts cut, deep nesting ended. */
export function redactDetails(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) return '…'
  if (Array.isArray(value)) return value.slice(0, 200).map((item) => redactDetails(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      const secret =
        SECRET_NAME.test(name) && item !== null && typeof item !== 'boolean' && !Array.isArray(item)
      return [name, secret && typeof item !== 'object' ? '***' : redactDetails(item, depth + 1)]
    }),
  )
}
