import { ChevronLeft, ChevronRight, ZoomOut } from 'lucide-react'
import { formatLocal } from '../../lib/format.ts'
import { chartTexts } from '../../lib/texts/charts.ts'
import { Button } from '../button.tsx'
import { Select } from '../input.tsx'
import {
  RANGE_PRESETS,
  type RangePreset,
  type RangeSearch,
  type ResolvedRange,
  rangeEnds,
  shiftRange,
  zoomOut,
} from './time-range.ts'

/** Presets, steps to either side and zooming out. The page keeps the choice in the URL. */
export function RangePicker(props: { range: ResolvedRange; onChange: (search: RangeSearch) => void }) {
  const { range, onChange } = props
  const choose = (id: RangePreset) => onChange({ range: id })
  const ends = () => rangeEnds(range, Date.now())
  const shift = (direction: -1 | 1) => {
    const { fromMs, toMs } = ends()
    onChange(shiftRange(fromMs, toMs, direction, Date.now()))
  }
  return (
    <div className="flex flex-wrap items-center gap-1.5">
      {range.fixed !== null && (
        <span className="tabular text-ink-2 text-xs">
          {formatLocal(new Date(range.fixed.fromMs))} – {formatLocal(new Date(range.fixed.toMs))}
        </span>
      )}
      <Button
        size="icon-sm"
        variant="ghost"
        aria-label={chartTexts.earlier}
        title={chartTexts.earlier}
        onClick={() => shift(-1)}
      >
        <ChevronLeft aria-hidden />
      </Button>
      {range.fixed !== null && (
        <Button
          size="icon-sm"
          variant="ghost"
          aria-label={chartTexts.later}
          title={chartTexts.later}
          onClick={() => shift(1)}
        >
          <ChevronRight aria-hidden />
        </Button>
      )}
      <Button
        size="icon-sm"
        variant="ghost"
        aria-label={chartTexts.zoomOut}
        title={chartTexts.zoomOut}
        onClick={() => {
          const { fromMs, toMs } = ends()
          onChange(zoomOut(fromMs, toMs, Date.now()))
        }}
      >
        <ZoomOut aria-hidden />
      </Button>
      <fieldset
        className="hidden rounded-md border border-line bg-card p-0.5 md:flex"
        aria-label={chartTexts.range}
      >
        {RANGE_PRESETS.map((preset) => (
          <button
            key={preset.id}
            type="button"
            title={preset.words}
            aria-pressed={range.preset === preset.id}
            onClick={() => choose(preset.id)}
            className="tabular h-6 rounded-sm px-2 font-medium text-ink-2 text-xs hover:text-ink aria-pressed:bg-accent-soft aria-pressed:text-accent"
          >
            {preset.label}
          </button>
        ))}
      </fieldset>
      <Select
        className="md:hidden"
        aria-label={chartTexts.range}
        value={range.preset ?? ''}
        onChange={(event) => {
          const preset = RANGE_PRESETS.find((candidate) => candidate.id === event.target.value)
          if (preset) choose(preset.id)
        }}
      >
        {range.preset === null && <option value="">{chartTexts.chosenRange}</option>}
        {RANGE_PRESETS.map((preset) => (
          <option key={preset.id} value={preset.id}>
            {preset.label}
          </option>
        ))}
      </Select>
    </div>
  )
}
