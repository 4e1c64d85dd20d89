import type { StorageUnit } from '../../lib/api/types.ts'
import { formatCount, formatDuration } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'

const t = texts.storage

interface CopyProgressProps {
  unit: string
  progress: NonNullable<StorageUnit['progress']>
}

export function CopyProgress({ unit, progress }: CopyProgressProps) {
  const { copiedRows, totalRows, rowsPerSecond, etaSeconds } = progress
  const ratio = totalRows === 0 ? 1 : Math.min(1, copiedRows / totalRows)
  return (
    <div>
      <div
        role="progressbar"
        aria-label={t.progressLabel(unit)}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.floor(ratio * 100)}
        className="h-2 overflow-hidden rounded-full bg-raised"
      >
        <div className="h-full rounded-full bg-accent-solid" style={{ width: `${ratio * 100}%` }} />
      </div>
      <p className="tabular mt-1 flex flex-wrap justify-between gap-x-3 text-ink-2 text-xs">
        <span>
          <span className="font-medium text-ink">{Math.floor(ratio * 100)} %</span> ·{' '}
          {t.progress(formatCount(copiedRows), formatCount(totalRows))}
        </span>
        <span>
          {t.rate(formatCount(rowsPerSecond))}
          {etaSeconds === null ? null : ` · ${t.left(formatDuration(Math.max(1, etaSeconds) * 1000))}`}
        </span>
      </p>
    </div>
  )
}
