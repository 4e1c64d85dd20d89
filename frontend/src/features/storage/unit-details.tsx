import { Ellipsis } from 'lucide-react'
import { useState } from 'react'
import type { StorageUnit } from '../../lib/api/types.ts'
import { formatBytes, formatCount } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { ShadowReads } from './shadow-reads.tsx'
import { stepsOf, unitTitle } from './unit-facts.ts'

const t = texts.storage

/** What there is no room for on a card: tables, the tie, shadow reads, and why the remaining steps are not possible. */
export function UnitDetails({ unit }: { unit: StorageUnit }) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button
        size="icon-sm"
        variant="ghost"
        className="ml-auto"
        title={t.details}
        aria-label={`${t.details} ${unit.unit}`}
        onClick={() => setOpen(true)}
      >
        <Ellipsis aria-hidden />
      </Button>
      <Dialog
        open={open}
        onClose={() => setOpen(false)}
        shape="wide"
        title={unitTitle(unit)}
        description={unit.tie === null ? undefined : `${t.tie}: ${unit.tie}`}
      >
        <div className="mt-2 grid gap-5 text-sm">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by key. */}
          <section className="overflow-x-auto" aria-label={t.tables(unit.tables.length)} tabIndex={0}>
            <TableList unit={unit} />
          </section>
          {unit.shadow ? <ShadowReads unit={unit.unit} shadow={unit.shadow} /> : null}
          <OtherSteps unit={unit} />
        </div>
      </Dialog>
    </>
  )
}

function OtherSteps({ unit }: { unit: StorageUnit }) {
  const shown = stepsOf(unit)
  const others = unit.actions.filter(({ action, possible }) => !possible && !shown.includes(action))
  if (others.length === 0) return null
  return (
    <div>
      <h3 className="font-medium text-ink-3 text-xs">{t.otherSteps}</h3>
      <dl className="mt-1 grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5">
        {others.map(({ action, reasons }) => (
          <div key={action} className="contents">
            <dt>{t.action[action]}</dt>
            <dd className="text-ink-2">{reasons.join('. ')}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

const HEAD = 'py-1 pl-6 text-right font-medium'
const CELL = 'tabular py-1.5 pl-6 text-right whitespace-nowrap'

function TableList({ unit }: { unit: StorageUnit }) {
  const { placement } = unit
  const other =
    unit.mirror ?? (unit.archived && placement ? (placement === 'sqlite' ? 'postgres' : 'sqlite') : null)
  return (
    <table className="w-full">
      <thead className="text-ink-3 text-xs">
        <tr>
          <th className="py-1 text-left font-medium">{t.table}</th>
          {placement === null ? null : <th className={HEAD}>{t.stores[placement]}</th>}
          {other === null ? null : <th className={HEAD}>{t.stores[other]}</th>}
        </tr>
      </thead>
      <tbody>
        {unit.tables.map((table) => (
          <tr key={table.table} className="border-line border-t">
            <td className="mono py-1.5">{table.table}</td>
            {placement === null ? null : <td className={CELL}>{amount(table.rows, table.bytes)}</td>}
            {other === null ? null : <td className={CELL}>{amount(table.mirrorRows, table.mirrorBytes)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function amount(rows: number | null, bytes: number | null): string {
  if (rows === null) return '–'
  const counted = t.rows(formatCount(rows))
  return bytes === null ? counted : `${counted} · ${formatBytes(bytes)}`
}
