import { formatAge, formatLocal, formatRelative, formatUtc } from '../lib/format.ts'
import { useNow } from '../lib/use-now.ts'

/** Clocks of server and browser differ a little, and `now` moves in steps: this much future is "just now". */
const SLACK_MS = 15_000

interface TimeProps {
  /** ISO 8601 or epoch ms. */
  at: string | number
  /**
   * `relative` counts ("3 min ago"), `age` does in a column that is known to be of the past ("3 min"), `exact` is the
   * local date and time; both times are on hover.
   */
  show?: 'relative' | 'age' | 'exact'
  className?: string
}

export function Time({ at, show = 'relative', className }: TimeProps) {
  const now = useNow()
  const date = new Date(at)
  const atMs = date.getTime()
  const reference = atMs > now && atMs - now < SLACK_MS ? atMs : now
  return (
    <time
      dateTime={date.toISOString()}
      title={`${formatLocal(date)}\n${formatUtc(date)}`}
      className={`tabular whitespace-nowrap ${className ?? ''}`}
    >
      {show === 'exact'
        ? formatLocal(date)
        : show === 'age'
          ? formatAge(atMs, reference)
          : formatRelative(atMs, reference)}
    </time>
  )
}
