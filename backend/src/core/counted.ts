/** `1 row`, `2 rows`, `1,234 rows`: the one place where numbers meet nouns. */
export function counted(count: number, one: string): string {
  const whole = Math.round(count)
  return `${whole.toLocaleString('en')} ${whole === 1 ? one : `${one}s`}`
}
