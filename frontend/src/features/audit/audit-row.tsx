import { ChevronRight } from 'lucide-react'
import type { ReactNode } from 'react'
import type { AuditEntry } from '../../lib/api/types.ts'
import { cn } from '../../lib/cn.ts'
import { texts } from '../../lib/texts.ts'
import { Time } from '../../ui/time.tsx'
import { auditTarget } from './audit-target.ts'

const t = texts.audit

const COLUMNS = 'gap-x-3 px-4 md:grid-cols-[1rem_9.5rem_9rem_13rem_1fr_9rem]'

/** Names of the columns; a record on a phone needs none. */
export function AuditHead() {
  return (
    <p
      aria-hidden
      className={cn('hidden border-line border-b py-2 font-medium text-ink-3 text-xs md:grid', COLUMNS)}
    >
      <span />
      <span>{t.at}</span>
      <span>{t.user}</span>
      <span>{t.action}</span>
      <span>{t.target}</span>
      <span>{t.address}</span>
    </p>
  )
}

interface AuditRowProps {
  entry: AuditEntry
  endpointName: (id: number) => string | undefined
}

/** One record; opens to its details, which may quote anything and are shown as text. */
export function AuditRow({ entry, endpointName }: AuditRowProps) {
  const target = auditTarget(entry, endpointName)
  const exact = [entry.targetType, entry.targetId].filter((part) => part !== null && part !== '').join(' ')
  return (
    <li>
      <details className="group">
        <summary
          className={cn(
            'grid list-none grid-cols-[1rem_1fr_auto] items-center gap-y-0.5 py-2 text-sm hover:bg-raised',
            COLUMNS,
          )}
        >
          <ChevronRight className="size-4 text-ink-3 transition-transform group-open:rotate-90" aria-hidden />
          <span className="order-3 text-right text-ink-2 md:order-none md:text-left">
            <Time at={entry.at} show="exact" className="hidden md:inline" />
            <Time at={entry.at} className="md:hidden" />
          </span>
          <span className="order-2 min-w-0 truncate font-medium md:order-none">
            {entry.username ?? <span className="font-normal text-ink-3">{t.nobody}</span>}
            <span className="mono ml-2 font-normal text-ink-2 md:hidden">{entry.action}</span>
          </span>
          <span className="mono hidden truncate md:inline">{entry.action}</span>
          <span className="order-last col-span-2 col-start-2 min-w-0 truncate text-ink-2 empty:hidden md:order-none md:col-span-1 md:col-start-auto md:empty:inline">
            {target}
          </span>
          <span className="mono hidden truncate text-ink-3 md:inline">{entry.ipAddress}</span>
        </summary>
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 border-line border-t bg-page px-4 py-3 text-sm md:pl-11">
          <Detail label={t.at}>
            <Time at={entry.at} show="exact" />
          </Detail>
          <Detail label={t.action}>
            <code className="mono">{entry.action}</code>
          </Detail>
          {exact === '' ? null : <Detail label={t.target}>{exact}</Detail>}
          {entry.ipAddress ? (
            <Detail label={t.address}>
              <code className="mono">{entry.ipAddress}</code>
            </Detail>
          ) : null}
          {entry.requestId ? (
            <Detail label={t.request}>
              <code className="mono">{entry.requestId}</code>
            </Detail>
          ) : null}
          {entry.details === null ? null : (
            <Detail label={t.details}>
              <pre className="mono overflow-x-auto whitespace-pre-wrap break-words">
                {JSON.stringify(entry.details, null, 2)}
              </pre>
            </Detail>
          )}
        </dl>
      </details>
    </li>
  )
}

function Detail({ label, children }: { label: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-ink-3">{label}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  )
}
