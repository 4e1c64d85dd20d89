const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const pad = (value: number) => String(value).padStart(2, '0')
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Tick distances in ms that uPlot may choose from; days and more are aligned by it to local midnight. */
export const TIME_INCREMENTS = [
  1_000,
  5_000,
  10_000,
  15_000,
  30_000,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  5 * DAY,
  7 * DAY,
  14 * DAY,
  30 * DAY,
  60 * DAY,
  90 * DAY,
  180 * DAY,
  365 * DAY,
]

/**
 * Label of a tick in the viewer's zone: seconds only where ticks are closer than a minute, the date at midnight or when
 * ticks are days apart, the year at its turn.
 */
export function formatTimeTick(timeMs: number, incrementMs: number): string {
  const date = new Date(timeMs)
  const midnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0
  const day = `${date.getDate()} ${MONTHS[date.getMonth()] ?? ''}`
  if (incrementMs >= 28 * DAY) {
    return date.getMonth() === 0 ? String(date.getFullYear()) : (MONTHS[date.getMonth()] ?? '')
  }
  if (incrementMs >= DAY || midnight) return day
  const clock = `${pad(date.getHours())}:${pad(date.getMinutes())}`
  return incrementMs < MINUTE ? `${clock}:${pad(date.getSeconds())}` : clock
}

/** Time under the cursor: the clock for today's seconds, the date too for anything longer than a day. */
export function formatCursorTime(timeMs: number, spanMs: number): string {
  const date = new Date(timeMs)
  const clock = `${pad(date.getHours())}:${pad(date.getMinutes())}`
  const seconds = spanMs <= 6 * HOUR ? `:${pad(date.getSeconds())}` : ''
  if (spanMs <= DAY && date.toDateString() === new Date().toDateString()) return `${clock}${seconds}`
  return `${date.getDate()} ${MONTHS[date.getMonth()] ?? ''} ${date.getFullYear()} ${clock}${seconds}`
}
