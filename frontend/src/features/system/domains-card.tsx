import type { DomainInfo } from '../../lib/api/types.ts'
import { cn } from '../../lib/cn.ts'
import { formatBytes, formatCount } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Badge, Status } from '../../ui/badge.tsx'
import { Card, CardHeader } from '../../ui/card.tsx'

const t = texts.system

const sum = (values: readonly (number | undefined)[]): number | null => {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0)
}

const rowsOf = (domain: DomainInfo) => sum(domain.tables.map((table) => table.rows))

const HEAD = 'px-3 py-2 text-left font-medium'

/** Where each domain lives, how much it holds and whether it answers. */
export function DomainsCard({ domains, className }: { domains: readonly DomainInfo[]; className?: string }) {
  // SQLite keeps no count of rows: where everything is there, a column of that would say nothing.
  const counted = domains.some((domain) => rowsOf(domain) !== null)
  return (
    <Card className={className ?? ''}>
      <CardHeader title={t.domains} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by key. */}
      <section className="relative overflow-x-auto" aria-label={t.domains} tabIndex={0}>
        <table className="w-full border-line border-t text-sm">
          <thead className="text-ink-3 text-xs">
            <tr>
              <th className={cn(HEAD, 'pl-4')}>{t.domain}</th>
              <th className={HEAD}>{t.placement}</th>
              <th className={cn(HEAD, 'text-right')}>{t.epoch}</th>
              {counted ? <th className={cn(HEAD, 'text-right')}>{t.rows}</th> : null}
              <th className={cn(HEAD, 'text-right')}>{t.size}</th>
              <th className={cn(HEAD, 'text-right')}>{t.retention}</th>
              <th className={cn(HEAD, 'pr-4')}>{t.state}</th>
            </tr>
          </thead>
          <tbody className="divide-y divide-line border-line border-t">
            {domains.map((domain) => (
              <DomainRow key={domain.domain} domain={domain} counted={counted} />
            ))}
          </tbody>
        </table>
      </section>
    </Card>
  )
}

function DomainRow({ domain, counted }: { domain: DomainInfo; counted: boolean }) {
  const rows = rowsOf(domain)
  const size = sum(domain.tables.map((table) => table.sizeBytes))
  return (
    <tr>
      <td className="py-1.5 pr-3 pl-4" title={domain.tables.map((table) => table.name).join(', ')}>
        {domain.title}
        {domain.reason ? <p className="text-critical text-xs">{domain.reason}</p> : null}
      </td>
      <td className="px-3">
        {domain.placement === null ? '–' : <Badge>{t.storeNames[domain.placement]}</Badge>}
      </td>
      <td className="tabular px-3 text-right text-ink-2">{domain.epoch}</td>
      {counted ? (
        <td className="tabular px-3 text-right">
          {rows === null ? <span className="text-ink-3">{t.notCounted}</span> : formatCount(rows)}
        </td>
      ) : null}
      <td className="tabular px-3 text-right">{size === null ? '–' : formatBytes(size)}</td>
      <td className="tabular whitespace-nowrap px-3 text-right">
        {domain.retentionDays === null ? t.forEver : t.days(domain.retentionDays)}
      </td>
      <td className="py-1.5 pr-4 pl-3">
        <Status tone={domain.available ? 'ok' : 'critical'} look="plain">
          {domain.available ? t.available : t.unavailable}
        </Status>
      </td>
    </tr>
  )
}
