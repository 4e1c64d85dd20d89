import { ChartLine, Check, FileSpreadsheet, Image, Table2 } from 'lucide-react'
import { type ComponentType, useEffect, useState } from 'react'
import { chartTexts } from '../../lib/texts/charts.ts'
import type { CopyOutcome } from './clipboard.ts'

function ActionButton(props: {
  icon: ComponentType<{ size?: number; 'aria-hidden'?: boolean }>
  label: string
  pressed?: boolean
  onAct: () => Promise<CopyOutcome> | undefined
}) {
  const [outcome, setOutcome] = useState<CopyOutcome | null>(null)
  useEffect(() => {
    if (outcome === null) return
    const timer = setTimeout(() => setOutcome(null), 2000)
    return () => clearTimeout(timer)
  }, [outcome])
  const Icon = outcome === null ? props.icon : Check
  const said = outcome === 'copied' ? chartTexts.copied : chartTexts.downloaded
  return (
    <button
      type="button"
      className="grid size-6 place-items-center rounded-sm text-ink-3 hover:bg-raised hover:text-ink"
      aria-label={props.label}
      aria-pressed={props.pressed}
      title={outcome === null ? props.label : said}
      onClick={() => {
        const acted = props.onAct()
        if (acted !== undefined) void acted.then(setOutcome, () => setOutcome(null))
      }}
    >
      <Icon size={14} aria-hidden />
      <span className="sr-only" aria-live="polite">
        {outcome === null ? '' : said}
      </span>
    </button>
  )
}

/** Small buttons in a chart's head: table or chart, copy as CSV, copy as picture. */
export function ChartActions(props: {
  title: string
  asTable: boolean
  onToggleTable: () => void
  onCopyCsv: () => Promise<CopyOutcome>
  onCopyPng: (() => Promise<CopyOutcome>) | null
}) {
  return (
    <div className="flex items-center opacity-0 transition-opacity duration-120 group-focus-within/chart:opacity-100 group-hover/chart:opacity-100 [@media(hover:none)]:opacity-100">
      <ActionButton
        icon={props.asTable ? ChartLine : Table2}
        label={props.asTable ? chartTexts.showChart(props.title) : chartTexts.showTable(props.title)}
        pressed={props.asTable}
        onAct={() => {
          props.onToggleTable()
          return undefined
        }}
      />
      <ActionButton icon={FileSpreadsheet} label={chartTexts.copyCsv(props.title)} onAct={props.onCopyCsv} />
      {props.onCopyPng && (
        <ActionButton icon={Image} label={chartTexts.copyPng(props.title)} onAct={props.onCopyPng} />
      )}
    </div>
  )
}
