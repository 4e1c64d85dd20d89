import { ChevronRight } from 'lucide-react'
import type { QuarantinedRow } from '../../lib/api/types.ts'
import { cn } from '../../lib/cn.ts'
import { texts } from '../../lib/texts.ts'
import { Status } from '../../ui/badge.tsx'
import { Time } from '../../ui/time.tsx'

const t = texts.storage.quarantine

type Value = QuarantinedRow['row'][string]

/** What is no text is shown as its bytes: a text with a NUL in it would look like one without. */
const isBytes = ({ class: kind, hex, text }: Value) => text !== null && (hex === true || kind === 'blob')

function Held({ value }: { value: Value }) {
  if (value.text === null) return <span className="text-ink-3">{t.noValue}</span>
  return isBytes(value) ? (value.text.match(/../g) ?? []).join(' ') : value.text
}

/** One row: what is wrong with it, what would help, and the row itself, whose values are shown as text. */
export function QuarantinedRowItem({ row }: { row: QuarantinedRow }) {
  return (
    <li>
      <details className="group">
        <summary className="flex list-none items-start gap-3 px-4 py-2.5 text-sm hover:bg-raised">
          <ChevronRight
            className="mt-0.5 size-4 shrink-0 text-ink-3 transition-transform group-open:rotate-90"
            aria-hidden
          />
          <span className="min-w-0 flex-1">
            <span className="flex flex-wrap items-baseline gap-x-2">
              <span className="font-medium">{row.table}</span>
              <code className="mono min-w-0 break-all text-ink-2">{row.key}</code>
            </span>
            <span className="block text-ink-2">
              {row.column === null ? null : <code className="mono">{row.column}: </code>}
              {row.message}
            </span>
          </span>
          <Status tone={row.state === 'open' ? 'warn' : 'unknown'}>
            {row.state === 'open' ? t.open : t.acknowledged}
          </Status>
        </summary>
        <div className="grid gap-3 border-line border-t bg-page px-4 py-3 text-sm md:pl-11">
          <p>
            <span className="text-ink-3">{t.suggestion}:</span> {row.suggestion}
          </p>
          <p className="text-ink-3">
            {row.unit} · <Time at={row.at} show="exact" />
            {row.acknowledgedBy === null ? null : ` · ${t.acknowledged} ${t.by(row.acknowledgedBy)}`}
          </p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by key. */}
          <section className="overflow-x-auto" aria-label={t.raw} tabIndex={0}>
            <table className="w-full text-xs">
              <caption className="mb-1 text-left text-ink-3">{t.raw}</caption>
              <thead>
                <tr className="text-left text-ink-3">
                  <th className="py-1 pr-4 font-medium">{t.column}</th>
                  <th className="py-1 pr-4 font-medium">{t.class}</th>
                  <th className="py-1 font-medium">{t.value}</th>
                </tr>
              </thead>
              <tbody>
                {Object.entries(row.row).map(([column, value]) => (
                  <tr
                    key={column}
                    className={cn('border-line border-t align-top', column === row.column && 'bg-warn-soft')}
                  >
                    <td className="mono py-1 pr-4">{column}</td>
                    <td className="py-1 pr-4 text-ink-2">
                      {value.class}
                      {isBytes(value) ? <span className="block text-ink-3">{t.hex}</span> : null}
                    </td>
                    <td className="mono break-all py-1">
                      <Held value={value} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        </div>
      </details>
    </li>
  )
}
