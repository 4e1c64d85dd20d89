import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Archive } from 'lucide-react'
import { useState } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { StorageArchive, StorageUnit } from '../../lib/api/types.ts'
import { formatBytes, formatCount, shortId } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { Card, CardBody, CardHeader } from '../../ui/card.tsx'
import { CopyButton } from '../../ui/copy-button.tsx'
import { ConfirmDialog } from '../../ui/dialog.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'

const t = texts.storage.archives

const archivesQuery = queryOptions({
  queryKey: ['storage', 'archives'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/storage/archives', { signal })),
})

/** The end of the SQLite file: shown once everything is in PostgreSQL, and where a file was archived. */
export function ArchiveCard({ units }: { units: readonly StorageUnit[] }) {
  const { data } = useQuery(archivesQuery)
  const [asked, setAsked] = useState(false)
  const [doomed, setDoomed] = useState<StorageArchive | null>(null)
  const moved = units.every((unit) => unit.placement === 'postgres')
  if (!data || (data.items.length === 0 && !(data.file && moved))) return null
  return (
    <Card className="mb-4" aria-label={t.title}>
      <CardHeader
        title={t.title}
        hint={data.file ? data.file.path : t.none}
        actions={
          data.file && moved ? (
            <Button
              variant={data.possible ? 'primary' : 'secondary'}
              disabled={!data.possible}
              onClick={() => setAsked(true)}
            >
              <Archive className="size-4" aria-hidden />
              {t.action}
            </Button>
          ) : null
        }
      />
      {data.file && moved ? (
        <CardBody>
          <p className="text-ink-2 text-sm">{data.possible ? t.possible : t.notYet}</p>
          {data.possible ? null : (
            <ul className="mt-1 list-disc pl-5 text-ink-2 text-sm">
              {data.reasons.map((reason) => (
                <li key={reason}>{reason}</li>
              ))}
            </ul>
          )}
        </CardBody>
      ) : null}
      {data.items.length === 0 ? null : (
        <ul className="divide-y divide-line border-line border-t">
          {data.items.map((archive) => (
            <ArchiveRow key={archive.name} archive={archive} onDelete={() => setDoomed(archive)} />
          ))}
        </ul>
      )}
      <ArchiveDialog open={asked} onClose={() => setAsked(false)} />
      <DeleteDialog archive={doomed} onClose={() => setDoomed(null)} />
    </Card>
  )
}

function ArchiveRow({ archive, onDelete }: { archive: StorageArchive; onDelete: () => void }) {
  const { path, archivedAt, archivedBy, sizeBytes, sha256, tables, deletedAt } = archive
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2 text-sm">
      <div className="min-w-0 flex-1 basis-72">
        <p className={deletedAt === null ? 'mono break-all' : 'mono break-all text-ink-3 line-through'}>
          {path}
        </p>
        <p className="tabular flex flex-wrap items-center gap-x-2 text-ink-2 text-xs">
          <Time at={archivedAt} />
          <span>{archivedBy ?? texts.storage.timeline.product}</span>
          <span>{formatBytes(sizeBytes)}</span>
          <span>{t.rows(formatCount(rows), tables.length)}</span>
          <span className="inline-flex items-center gap-1">
            <span>
              {t.sha256} <span className="mono">{shortId(sha256)}</span>
            </span>
            <CopyButton text={sha256} />
          </span>
        </p>
      </div>
      {deletedAt === null ? (
        <Button size="sm" variant="ghost" onClick={onDelete}>
          {t.delete}
        </Button>
      ) : (
        <span className="text-ink-3">{t.deleted}</span>
      )}
    </li>
  )
}

function ArchiveDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { mutate, isPending, error, reset } = useChange(
    () => unwrap(api.POST('/api/storage/archive')),
    t.archived,
  )
  const close = () => {
    reset()
    onClose()
  }
  return (
    <ConfirmDialog
      open={open}
      onClose={close}
      onConfirm={() => mutate(undefined, { onSuccess: close })}
      title={t.confirm}
      description={
        <>
          <p>{t.what}</p>
          <p className="mt-2 font-medium text-ink">{t.undo}</p>
        </>
      }
      confirm={t.action}
      busy={isPending}
      error={error?.message}
    />
  )
}

function DeleteDialog({ archive, onClose }: { archive: StorageArchive | null; onClose: () => void }) {
  const { mutate, isPending, error, reset } = useChange(
    (name: string) => unwrap(api.DELETE('/api/storage/archives/{name}', { params: { path: { name } } })),
    t.wasDeleted,
  )
  if (!archive) return null
  const close = () => {
    reset()
    onClose()
  }
  return (
    <ConfirmDialog
      open
      onClose={close}
      onConfirm={() => mutate(archive.name, { onSuccess: close })}
      title={t.confirmDelete}
      description={
        <>
          <p className="mono break-all">{archive.path}</p>
          <p className="mt-2 font-medium text-critical">{t.undoDelete}</p>
        </>
      }
      confirm={t.delete}
      danger
      busy={isPending}
      error={error?.message}
      typed={t.deleteWord}
    />
  )
}

function useChange<Input>(work: (input: Input) => Promise<unknown>, done: string) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: work,
    onSuccess: () => toast.done(done),
    onSettled: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: ['storage'] }),
        queries.invalidateQueries({ queryKey: ['system'] }),
      ]),
  })
}
