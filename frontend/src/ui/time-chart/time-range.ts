import { integerParam, oneOfParam } from '../../lib/search.ts'

/** Ranges a chart page can show, and their place in the URL: `?range=24h`, or `?from=…&to=…` in epoch milliseconds. */
export const RANGE_PRESETS = [
  { id: 'live', label: 'Live', words: 'last 5 minutes, every second', spanMs: 5 * 60_000 },
  { id: '15m', label: '15 min', words: 'last 15 minutes', spanMs: 15 * 60_000 },
  { id: '1h', label: '1 h', words: 'last hour', spanMs: 3_600_000 },
  { id: '6h', label: '6 h', words: 'last 6 hours', spanMs: 6 * 3_600_000 },
  { id: '24h', label: '24 h', words: 'last 24 hours', spanMs: 24 * 3_600_000 },
  { id: '7d', label: '7 d', words: 'last 7 days', spanMs: 7 * 86_400_000 },
  { id: '30d', label: '30 d', words: 'last 30 days', spanMs: 30 * 86_400_000 },
  { id: '90d', label: '90 d', words: 'last 90 days', spanMs: 90 * 86_400_000 },
  { id: '1y', label: '1 y', words: 'last year', spanMs: 365 * 86_400_000 },
] as const

export type RangePreset = (typeof RANGE_PRESETS)[number]['id']

export interface RangeSearch {
  range?: RangePreset | undefined
  /** epoch ms; only together with `to` */
  from?: number | undefined
  to?: number | undefined
}

export interface ResolvedRange {
  /** null when the range is an absolute piece of the past */
  preset: RangePreset | null
  spanMs: number
  /** fixed ends of an absolute range, else null: a relative range ends now */
  fixed: { fromMs: number; toMs: number } | null
  /** samples pushed by the server are appended at the right edge */
  followsLive: boolean
}

const MIN_SPAN_MS = 5_000
const MAX_SPAN_MS = 2 * 365 * 86_400_000

/** Search parameters of a page with charts, for `defineSearch`. */
export const rangeParams = {
  range: oneOfParam(RANGE_PRESETS.map((preset) => preset.id)),
  from: integerParam,
  to: integerParam,
}

/** A hand-edited or half-given absolute range that makes no sense falls back to the preset. */
export function resolveRange(search: RangeSearch, fallback: RangePreset): ResolvedRange {
  const { from, to } = search
  if (
    from !== undefined &&
    to !== undefined &&
    from > 0 &&
    to - from >= MIN_SPAN_MS &&
    to - from <= MAX_SPAN_MS
  ) {
    return { preset: null, spanMs: to - from, fixed: { fromMs: from, toMs: to }, followsLive: false }
  }
  const id = search.range ?? fallback
  const preset = RANGE_PRESETS.find((candidate) => candidate.id === id) ?? RANGE_PRESETS[0]
  return { preset: preset.id, spanMs: preset.spanMs, fixed: null, followsLive: preset.spanMs <= 3_600_000 }
}

/** Ends of the range in epoch ms at the moment `nowMs`. */
export function rangeEnds(range: ResolvedRange, nowMs: number): { fromMs: number; toMs: number } {
  return range.fixed ?? { fromMs: nowMs - range.spanMs, toMs: nowMs }
}

/** An interval picked with the mouse, widened to the shortest one that can be drawn. */
export function zoomTo(fromMs: number, toMs: number): RangeSearch {
  const low = Math.min(fromMs, toMs)
  const high = Math.max(fromMs, toMs)
  if (high - low >= MIN_SPAN_MS) return { from: Math.round(low), to: Math.round(high) }
  const middle = (low + high) / 2
  return { from: Math.round(middle - MIN_SPAN_MS / 2), to: Math.round(middle + MIN_SPAN_MS / 2) }
}

/** Twice the span around the same middle; never into the future. */
export function zoomOut(fromMs: number, toMs: number, nowMs: number): RangeSearch {
  const span = Math.min((toMs - fromMs) * 2, MAX_SPAN_MS)
  const middle = (fromMs + toMs) / 2
  const to = Math.min(Math.round(middle + span / 2), nowMs)
  return { from: to - Math.round(span), to }
}

/** Moves by half a span: -1 to the past, 1 to the future (stopping at now). */
export function shiftRange(fromMs: number, toMs: number, direction: -1 | 1, nowMs: number): RangeSearch {
  const span = toMs - fromMs
  const to = Math.min(Math.round(toMs + (direction * span) / 2), nowMs)
  return { from: to - span, to }
}

/** How long a fetched history stays good enough: a two-hundredth of the span, 10 s at least and 10 min at most. */
export function refreshEveryMs(range: ResolvedRange): number | false {
  if (range.fixed !== null) return false
  return Math.min(Math.max(range.spanMs / 200, 10_000), 600_000)
}
