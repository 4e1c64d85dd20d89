import type { StorageUnit } from '../../lib/api/types.ts'
import { formatCount } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Select } from '../../ui/input.tsx'
import { Time } from '../../ui/time.tsx'
import { useShadow } from './use-storage.ts'

const t = texts.storage.shadow
const SHARES = [0, 1, 5, 25, 100]

type Shadow = NonNullable<StorageUnit['shadow']>

/** How many reads run on the mirror too, and the statements that it answered otherwise. */
export function ShadowReads({ unit, shadow }: { unit: string; shadow: Shadow }) {
  const { mutate, isPending } = useShadow(unit)
  // The API takes any share: one that is not on offer is shown as it is.
  const shares = SHARES.includes(shadow.share) ? SHARES : [...SHARES, shadow.share].sort((a, b) => a - b)
  return (
    <div>
      <h3 className="font-medium text-ink-3 text-xs">{t.label}</h3>
      <p className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1">
        <Select
          aria-label={`${t.label}: ${unit}`}
          value={String(shadow.share)}
          disabled={isPending}
          onChange={(event) => mutate(Number(event.target.value))}
        >
          {shares.map((share) => (
            <option key={share} value={share}>
              {share === 0 ? t.off : t.share(share)}
            </option>
          ))}
        </Select>
        <span className="min-w-40 flex-1 text-ink-2">{t.hint}</span>
      </p>
      {shadow.statements.length === 0 ? null : (
        <ul className="mt-2 grid gap-2">
          {shadow.statements.map((found) => (
            <li key={found.statement}>
              <code className="mono block break-words rounded-sm bg-critical-soft px-2 py-1 text-ink">
                {found.statement}
              </code>
              <span className="tabular text-ink-2">{describe(found)}</span>{' '}
              <Time at={found.at} className="text-ink-3" />
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

function describe({ kind, columns, sourceRows, mirrorRows, count }: Shadow['statements'][number]): string {
  const how =
    kind === 'fails'
      ? [t.fails]
      : [
          t.rowsOfBoth(formatCount(sourceRows), formatCount(mirrorRows)),
          ...(columns.length > 0 ? [t.columns(columns.join(', '))] : []),
        ]
  return [t.times(formatCount(count)), ...how].join(' · ')
}
