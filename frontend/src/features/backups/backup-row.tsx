import { MoreHorizontal } from 'lucide-react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { Backup } from '../../lib/api/types.ts'
import { formatBytes, formatCount } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Badge, Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Menu, MenuItem } from '../../ui/menu.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { useAction } from './use-backups.ts'

const t = texts.backups

interface BackupRowProps {
  backup: Backup
  /** Nothing can be begun while something runs. */
  busy: boolean
  onRestore: () => void
  onRemove: () => void
}

/** One backup: when, what, how large, whether it was proved, and what can be done with it. */
export function BackupRow({ backup, busy, onRestore, onRemove }: BackupRowProps) {
  const { name, bytes, createdAt, reason, stores, rows, encrypted, problem } = backup
  const prove = useAction(() => unwrap(api.POST('/api/backups/{name}/prove', { params: { path: { name } } })))
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3" data-backup={name}>
      <div className="min-w-0 flex-1 basis-64">
        <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <Time at={createdAt} show="exact" className="font-medium text-ink" />
          {reason === null ? null : <Badge>{t.reason[reason]}</Badge>}
          {encrypted ? <Badge>{t.encrypted}</Badge> : null}
        </div>
        <p className="mono mt-0.5 break-all text-ink-3 text-xs">{name}</p>
        <p className="tabular mt-0.5 text-ink-2 text-sm">
          {[
            formatBytes(bytes),
            stores.map((store) => t.stores[store]).join(' + '),
            rows > 0 ? t.rows(formatCount(rows)) : '',
          ]
            .filter((text) => text !== '')
            .join(' · ')}
        </p>
      </div>
      <div className="min-w-0 basis-56">
        <Proof backup={backup} />
      </div>
      <div className="flex items-center gap-1.5">
        <Button disabled={busy || problem !== null} aria-label={t.restoreOf(name)} onClick={onRestore}>
          {t.restore}
        </Button>
        <Menu
          trigger={
            <Button variant="ghost" size="icon" aria-label={t.actions(name)}>
              <MoreHorizontal aria-hidden />
            </Button>
          }
        >
          <MenuItem asChild>
            <a href={`/api/backups/${encodeURIComponent(name)}/file`} download={name}>
              {t.download}
            </a>
          </MenuItem>
          <MenuItem
            disabled={busy || problem !== null}
            onSelect={() => prove.mutate(undefined, { onError: (error) => toast.error(error.message) })}
          >
            {t.prove}
          </MenuItem>
          <MenuItem disabled={busy} onSelect={onRemove}>
            {t.remove}
          </MenuItem>
        </Menu>
      </div>
    </li>
  )
}

function Proof({ backup: { problem, provedAt, proveProblem } }: { backup: Backup }) {
  if (problem) return <Trouble tone="critical" word={t.unreadable} why={problem.message} />
  if (proveProblem !== null) return <Trouble tone="warn" word={t.proofFailed} why={proveProblem} />
  if (provedAt === null) return <Status tone="unknown">{t.unproved}</Status>
  return (
    <span className="inline-flex items-center gap-2 text-ink-2 text-sm">
      <Status tone="ok">{t.proved}</Status>
      <Time at={provedAt} />
    </span>
  )
}

function Trouble({ tone, word, why }: { tone: 'critical' | 'warn'; word: string; why: string }) {
  return (
    <>
      <Status tone={tone}>{word}</Status>
      <p className="mt-1 break-words text-ink-2 text-sm">{why}</p>
    </>
  )
}
