import { useMutation } from '@tanstack/react-query'
import { ChevronRight } from 'lucide-react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { MovePlan, Rehearsal } from '../../lib/api/types.ts'
import { formatBytes, formatCount, formatDuration, shortId } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Card, CardHeader } from '../../ui/card.tsx'

const t = texts.storage.plan
const stores = texts.storage.stores

type UnitPlan = MovePlan['units'][number]
type TablePlan = UnitPlan['tables'][number]

/** What moving one unit would take and find, and its rehearsal. */
export function PlanUnit({ unit, title }: { unit: UnitPlan; title: string }) {
  const rehearsal = useMutation({
    mutationFn: () =>
      unwrap(api.POST('/api/storage/units/{unit}/rehearse', { params: { path: { unit: unit.unit } } })),
  })
  const hint = [
    t.from(stores[unit.from], stores[unit.to]),
    texts.storage.phase(unit.phase),
    t.about(formatDuration(Math.max(1, unit.estimatedSeconds) * 1000)),
    t.needs(formatBytes(unit.estimatedBytes)),
  ].join(' · ')
  return (
    <Card>
      <CardHeader
        title={title}
        hint={hint}
        actions={
          <Button
            size="sm"
            title={t.rehearseHint}
            aria-label={`${t.rehearse} ${unit.unit}`}
            busy={rehearsal.isPending}
            disabled={unit.obstacles.length > 0}
            onClick={() => rehearsal.mutate()}
          >
            {rehearsal.isPending ? t.rehearsing : t.rehearse}
          </Button>
        }
      />
      {unit.obstacles.length === 0 ? null : (
        <ul
          className="mx-4 mb-3 rounded-md bg-critical-soft px-3 py-2 text-critical text-sm"
          aria-label={t.obstacles}
        >
          {unit.obstacles.map((obstacle) => (
            <li key={obstacle}>{obstacle}</li>
          ))}
        </ul>
      )}
      {rehearsal.error ? (
        <p role="alert" className="mx-4 mb-3 text-critical text-sm">
          {rehearsal.error.message}
        </p>
      ) : null}
      {rehearsal.data ? <RehearsalResult result={rehearsal.data} /> : null}
      <ul className="divide-y divide-line border-line border-t">
        {unit.tables.map((table) => (
          <TableRow key={table.table} table={table} />
        ))}
      </ul>
    </Card>
  )
}

function TableRow({ table }: { table: TablePlan }) {
  const dirty = table.forecast.reduce((sum, { rows }) => sum + rows, 0)
  return (
    <li>
      <details className="group text-sm">
        <summary className="flex list-none flex-wrap items-center gap-x-4 px-4 py-2 hover:bg-raised">
          <ChevronRight
            className="-mr-2 size-4 shrink-0 text-ink-3 transition-transform group-open:rotate-90"
            aria-hidden
          />
          <span className="flex min-w-0 flex-1 flex-wrap items-center gap-x-3">
            <code className="mono min-w-0 truncate">{table.table}</code>
            {dirty > 0 ? <Status tone="warn">{t.toQuarantine(formatCount(dirty))}</Status> : null}
          </span>
          <span className="tabular text-ink-2">{texts.storage.rows(formatCount(table.rows))}</span>
          <span className="tabular w-20 text-right text-ink-2">{formatBytes(table.bytes)}</span>
        </summary>
        <div className="grid gap-3 border-line border-t bg-page px-4 py-3">
          {table.forecast.map(({ reason, column, rows, examples, suggestion }) => (
            <p key={`${reason} ${column ?? ''}`} className="text-sm">
              <span className="font-medium text-warn">{texts.storage.rows(formatCount(rows))}</span>{' '}
              {column === null ? null : <code className="mono">{column}</code>} ({reason}) {suggestion}
              {examples.length === 0 ? null : (
                <span className="mono block break-all text-ink-3 text-xs">
                  {t.examples} {examples.join(', ')}
                </span>
              )}
            </p>
          ))}
          <Columns table={table} />
        </div>
      </details>
    </li>
  )
}

function Columns({ table }: { table: TablePlan }) {
  const label = t.columns(table.table)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by key.
    <section className="overflow-x-auto" aria-label={label} tabIndex={0}>
      <table className="w-full text-xs">
        <thead>
          <tr className="text-left text-ink-3">
            <th className="py-1 pr-4 font-medium">{t.column}</th>
            <th className="py-1 pr-4 font-medium">{t.found}</th>
            <th className="py-1 font-medium">{t.target}</th>
          </tr>
        </thead>
        <tbody>
          {table.columns.map(({ column, found, target }) => (
            <tr key={column} className="border-line border-t">
              <td className="mono py-1 pr-4">{column}</td>
              <td className="tabular py-1 pr-4 text-ink-2">
                {Object.entries(found)
                  .map(([kind, count]) => `${kind} ${formatCount(count)}`)
                  .join(', ')}
              </td>
              <td className="mono py-1 text-ink-2">{target}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function RehearsalResult({ result }: { result: Rehearsal }) {
  return (
    <section className="mx-4 mb-3 rounded-md border border-line bg-page px-3 py-2 text-sm" role="status">
      <p className="flex flex-wrap items-center gap-x-3">
        <Status tone={result.differences === 0 ? 'ok' : 'critical'} look="plain">
          {result.differences === 0 ? t.allEqual : t.differ(formatCount(result.differences))}
        </Status>
        <span className="tabular text-ink-2">
          {t.rehearsed(formatCount(result.rows), formatDuration(result.seconds * 1000))}
        </span>
      </p>
      <dl className="mt-1 grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5 text-xs">
        {result.tables.map((table) => (
          <div key={table.table} className="contents">
            <dt className="mono">{table.table}</dt>
            <dd className="tabular text-ink-2" title={t.sum}>
              {formatCount(table.sourceRows)} = {formatCount(table.targetRows)} +{' '}
              {formatCount(table.quarantined)}
              <span className="text-ink-3"> · {t.digest.toLowerCase()} </span>
              <code className="mono text-ink-3">{shortId(table.digest)}</code>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
