import { api, unwrap } from '../../lib/api/client.ts'
import type { BackupLoss } from '../../lib/api/types.ts'
import { formatCount } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { ConfirmDialog, Dialog } from '../../ui/dialog.tsx'
import { ErrorState } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { useAction, useLoss } from './use-backups.ts'

const t = texts.backups.confirm

interface RestoreDialogProps {
  name: string
  onClose: () => void
}

/** Counts what would be lost, shows it, and asks for a word. */
export function RestoreDialog({ name, onClose }: RestoreDialogProps) {
  const { data, error, refetch } = useLoss(name)
  const restore = useAction(() =>
    unwrap(api.POST('/api/backups/{name}/restore', { params: { path: { name } }, body: { confirm: name } })),
  )
  if (!data || data.obstacle) {
    return (
      <Dialog open onClose={onClose} title={t.title} description={name}>
        {error ? <ErrorState error={error} onRetry={() => void refetch()} /> : null}
        {data?.obstacle ? (
          <p role="alert" className="mt-2 text-critical text-sm">
            {data.obstacle.message}
          </p>
        ) : null}
        {!data && !error ? <p role="status">{t.counting}</p> : null}
      </Dialog>
    )
  }
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      onConfirm={() => restore.mutate(undefined, { onSuccess: onClose })}
      title={t.title}
      description={
        <>
          <p className="break-words">
            {name} · <Time at={data.since} show="exact" />
          </p>
          <Loss tables={data.tables} />
          <p className="mt-2 font-medium text-critical">{t.what}</p>
        </>
      }
      confirm={texts.backups.restore}
      danger
      busy={restore.isPending}
      error={restore.error?.message}
      typed={t.word}
    />
  )
}

function Loss({ tables }: { tables: BackupLoss['tables'] }) {
  if (tables.length === 0) return <p className="mt-2 text-ink">{t.nothing}</p>
  return (
    <>
      <p className="mt-2 text-ink">{t.loses}</p>
      <section
        aria-label={t.loses}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
        tabIndex={0}
        className="mt-1 max-h-48 overflow-auto rounded-md border border-line"
      >
        <table className="tabular w-full text-sm">
          <thead className="sticky top-0 bg-raised text-ink-2">
            <tr>
              <th className="px-2 py-1 text-left font-medium">{t.table}</th>
              <th className="px-2 py-1 text-right font-medium">{t.newer}</th>
              <th className="px-2 py-1 text-right font-medium">{t.now}</th>
              <th className="px-2 py-1 text-right font-medium">{t.restored}</th>
            </tr>
          </thead>
          <tbody>
            {tables.map(({ table, newer, current, restored }) => (
              <tr key={table} className="border-line border-t">
                <td className="mono px-2 py-1">{table}</td>
                <td className="px-2 py-1 text-right text-ink">{newer === null ? '–' : formatCount(newer)}</td>
                <td className="px-2 py-1 text-right">{formatCount(current)}</td>
                <td className="px-2 py-1 text-right">{formatCount(restored)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  )
}
