import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { api } from '../../lib/api/client.ts'
import type { BackupList } from '../../lib/api/types.ts'
import { formatBytes } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { Card, CardHeader } from '../../ui/card.tsx'
import { ConfirmDialog } from '../../ui/dialog.tsx'
import { Time } from '../../ui/time.tsx'
import { scheduleWords } from './schedule-words.ts'
import { useAction } from './use-backups.ts'

const t = texts.backups

/** When the next one is made, where they are kept, and whether anybody could read them. */
export function ScheduleCard({ list }: { list: BackupList }) {
  const { nextAt, schedule, timeZone, freeBytes, folder, encrypts } = list
  const words = schedule === null ? undefined : scheduleWords(schedule)
  return (
    <Card className="mb-4 flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3 text-sm">
      <div className="min-w-0 flex-1 basis-72 text-ink-2">
        {nextAt === null || schedule === null ? (
          <p>{t.schedule.off}</p>
        ) : (
          <p className="flex flex-wrap gap-x-3">
            <span>
              {t.schedule.next} <Time at={nextAt} show="exact" className="font-medium text-ink" />
            </span>
            <span title={schedule}>
              {words ?? <code className="mono">{schedule}</code>} {timeZone}
            </span>
          </p>
        )}
        <p className="flex flex-wrap gap-x-3">
          <span className="break-words">
            {t.schedule.free(formatBytes(freeBytes))} <code className="mono">{folder}</code>
          </span>
          <span>{encrypts ? t.schedule.encrypted : t.schedule.plain}</span>
        </p>
      </div>
      <Button asChild>
        <Link to="/settings" search={{ tab: 'backups' }}>
          {t.schedule.change}
        </Link>
      </Button>
    </Card>
  )
}

/** What lies in the folder and is no backup: named, not hidden. */
export function OthersCard({ others }: { others: BackupList['others'] }) {
  if (others.length === 0) return null
  return (
    <Card className="mt-4">
      <CardHeader title={t.others.title} />
      <ul className="divide-y divide-line border-line border-t">
        {others.map(({ name, bytes, kind, modifiedAt }) => (
          <li key={name} className="flex flex-wrap gap-x-4 gap-y-0.5 px-4 py-2 text-sm">
            <span className="mono min-w-0 flex-1 basis-60 break-all">{name}</span>
            <span className="text-ink-2">{t.others.kinds[kind]}</span>
            <span className="tabular text-ink-2">
              {formatBytes(bytes)} · <Time at={modifiedAt} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  )
}

/** What restores have replaced, until somebody drops it. */
export function SetAsideCard({ setAside }: { setAside: BackupList['setAside'] }) {
  const [dropping, setDropping] = useState<string | null>(null)
  const drop = useAction(
    (name: string) => api.DELETE('/api/backups/set-aside/{name}', { params: { path: { name } } }),
    t.setAside.dropped,
  )
  const close = () => {
    drop.reset()
    setDropping(null)
  }
  if (setAside.length === 0) return null
  return (
    <Card className="mt-4">
      <CardHeader title={t.setAside.title} hint={t.setAside.hint} />
      <ul className="divide-y divide-line border-line border-t">
        {setAside.map(({ name, kind, bytes }) => (
          <li key={name} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2 text-sm">
            <span className="mono min-w-0 flex-1 basis-60 break-all">{name}</span>
            <span className="tabular text-ink-2">
              {t.setAside.kinds[kind]}
              {bytes === null ? null : ` · ${formatBytes(bytes)}`}
            </span>
            <Button size="sm" aria-label={t.setAside.dropOf(name)} onClick={() => setDropping(name)}>
              {t.setAside.drop}
            </Button>
          </li>
        ))}
      </ul>
      {dropping === null ? null : (
        <ConfirmDialog
          open
          onClose={close}
          onConfirm={() => drop.mutate(dropping, { onSuccess: close })}
          title={t.setAside.dropTitle}
          description={t.setAside.dropWhat(dropping)}
          confirm={t.setAside.drop}
          danger
          busy={drop.isPending}
          error={drop.error?.message}
        />
      )}
    </Card>
  )
}
