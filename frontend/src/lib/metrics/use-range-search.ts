import { useCallback, useMemo } from 'react'
import {
  type RangePreset,
  type RangeSearch,
  resolveRange,
  zoomOut,
  zoomTo,
} from '../../ui/time-chart/time-range.ts'

/** The range of a page's charts as it stands in the URL, and the ways to change it there. */
export function useRangeSearch(
  search: RangeSearch,
  fallback: RangePreset,
  change: (next: RangeSearch) => void,
) {
  const { range: preset, from, to } = search
  const range = useMemo(
    () => resolveRange({ range: preset, from, to }, fallback),
    [preset, from, to, fallback],
  )
  const set = useCallback(
    (next: RangeSearch) => change({ range: undefined, from: undefined, to: undefined, ...next }),
    [change],
  )
  const onZoom = useCallback((fromMs: number, toMs: number) => set(zoomTo(fromMs, toMs)), [set])
  const onZoomOut = useCallback(
    (fromMs: number, toMs: number) => set(zoomOut(fromMs, toMs, Date.now())),
    [set],
  )
  return { range, set, onZoom, onZoomOut }
}
