import { api } from '../../lib/api/client.ts'
import type { BackupOperation } from '../../lib/api/types.ts'
import { formatPercent } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { Time } from '../../ui/time.tsx'
import { Progress } from './progress.tsx'
import { useAction } from './use-backups.ts'

const t = texts.backups.operation

/** What is under way, how far it is, and how to end it. */
export function OperationCard({ operation }: { operation: BackupOperation }) {
  const cancel = useAction(() => api.POST('/api/backups/cancel'))
  const { kind, name, step, share, startedAt, by } = operation
  return (
    <Card className="mb-4 px-4 py-3" aria-live="polite" aria-label={t[kind]}>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <div className="min-w-0 flex-1 basis-60">
          <p className="break-words font-medium">{name === null ? t[kind] : `${t[kind]} ${name}`}</p>
          <p className="text-ink-2 text-sm">
            {t.steps[step]}
            {share === null ? null : ` · ${formatPercent(share * 100)}`}
            {by === null ? null : ` · ${t.by(by)}`} · <Time at={startedAt} />
          </p>
        </div>
        <Button busy={cancel.isPending} onClick={() => cancel.mutate()}>
          {t.cancel}
        </Button>
      </div>
      <div className="mt-2">
        <Progress share={share} label={t[kind]} />
      </div>
    </Card>
  )
}
