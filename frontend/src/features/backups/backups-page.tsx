import { Archive, RotateCw, Upload } from 'lucide-react'
import { useRef, useState } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { BackupList } from '../../lib/api/types.ts'
import { texts } from '../../lib/texts.ts'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { ConfirmDialog } from '../../ui/dialog.tsx'
import { PageHeader } from '../../ui/page-header.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { BackupRow } from './backup-row.tsx'
import { OperationCard } from './operation-card.tsx'
import { Progress } from './progress.tsx'
import { RestoreDialog } from './restore-dialog.tsx'
import { OthersCard, ScheduleCard, SetAsideCard } from './side-cards.tsx'
import { isRestarting, useAction, useBackups, useUpload } from './use-backups.ts'

const t = texts.backups

/** Every backup, what is under way, and how to go back to one. */
export function BackupsPage() {
  const { data: list, error, refetch } = useBackups()
  const create = useAction(() => unwrap(api.POST('/api/backups')))
  const fail = (failure: Error) => toast.error(failure.message)
  if (list && isRestarting(error)) {
    return (
      <>
        <PageHeader title={t.title} hint={t.hint} />
        <EmptyState icon={RotateCw} title={t.away.title}>
          {t.away.hint}
        </EmptyState>
      </>
    )
  }
  const busy = (list?.operation ?? null) !== null
  const createButton = (
    <Button
      variant="primary"
      disabled={!list || busy}
      busy={create.isPending}
      onClick={() => create.mutate(undefined, { onError: fail })}
    >
      {t.create}
    </Button>
  )
  return (
    <>
      <PageHeader
        title={t.title}
        hint={t.hint}
        actions={
          // Who may not see backups is not offered to make one.
          error && !list ? null : (
            <>
              <UploadButton />
              {createButton}
            </>
          )
        }
      />
      {list ? (
        <>
          <Last last={list.last} />
          {list.operation ? <OperationCard operation={list.operation} /> : null}
          <ScheduleCard list={list} />
          <List list={list} busy={busy} />
          <SetAsideCard setAside={list.setAside} />
          <OthersCard others={list.others} />
        </>
      ) : error ? (
        <ErrorState error={error} onRetry={() => void refetch()} />
      ) : (
        <Loading>
          <Skeleton className="mb-4 h-16" />
          <Skeleton className="h-64" />
        </Loading>
      )}
    </>
  )
}

function List({ list: { items }, busy }: { list: BackupList; busy: boolean }) {
  const [restoring, setRestoring] = useState<string | null>(null)
  const [removing, setRemoving] = useState<string | null>(null)
  const remove = useAction(
    (name: string) => api.DELETE('/api/backups/{name}', { params: { path: { name } } }),
    t.removed,
  )
  const close = () => {
    remove.reset()
    setRemoving(null)
  }
  return (
    <Card aria-label={t.list}>
      {items.length === 0 ? (
        <EmptyState icon={Archive} title={t.empty}>
          {t.emptyHint}
        </EmptyState>
      ) : (
        <ul className="divide-y divide-line">
          {items.map((backup) => (
            <BackupRow
              key={backup.name}
              backup={backup}
              busy={busy}
              onRestore={() => setRestoring(backup.name)}
              onRemove={() => setRemoving(backup.name)}
            />
          ))}
        </ul>
      )}
      {restoring === null ? null : <RestoreDialog name={restoring} onClose={() => setRestoring(null)} />}
      {removing === null ? null : (
        <ConfirmDialog
          open
          onClose={close}
          onConfirm={() => remove.mutate(removing, { onSuccess: close })}
          title={t.removeTitle}
          description={t.removeWhat(removing)}
          confirm={t.remove}
          danger
          busy={remove.isPending}
          error={remove.error?.message}
        />
      )}
    </Card>
  )
}

/** How the last operation ended, where that is more than a new line in the list. */
function Last({ last }: { last: BackupList['last'] }) {
  if (!last || last.outcome === 'cancelled') return null
  const failed = last.outcome === 'failed'
  if (!failed && last.kind !== 'restore') return null
  const title = failed ? t.last.failed[last.kind] : t.last.restored(last.name ?? '')
  const why = failed ? last.message : last.safety === null ? null : t.last.safety(last.safety)
  return (
    <Card className="mb-4 px-4 py-3" role={failed ? 'alert' : undefined}>
      <div className="flex flex-wrap items-center gap-2">
        <Status tone={failed ? 'critical' : 'ok'} className="whitespace-normal break-all">
          {title}
        </Status>
        <Time at={last.at} className="text-ink-2 text-sm" />
      </div>
      {why ? <p className="mt-1 break-words text-ink-2 text-sm">{why}</p> : null}
    </Card>
  )
}

function UploadButton() {
  const file = useRef<HTMLInputElement>(null)
  const { upload, share } = useUpload()
  return (
    <>
      <input
        ref={file}
        type="file"
        accept=".tar"
        hidden
        aria-label={t.upload}
        onChange={({ target }) => {
          const [chosen] = target.files ?? []
          target.value = ''
          if (chosen) {
            upload.mutate(chosen, {
              onSuccess: () => toast.done(t.uploaded(chosen.name)),
              onError: (error) => toast.error(error.message),
            })
          }
        }}
      />
      {upload.isPending ? (
        <div className="w-24">
          <Progress share={share} label={t.upload} />
        </div>
      ) : null}
      <Button busy={upload.isPending} onClick={() => file.current?.click()}>
        <Upload aria-hidden />
        {t.upload}
      </Button>
    </>
  )
}
