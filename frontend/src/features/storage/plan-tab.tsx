import { useQuery } from '@tanstack/react-query'
import { ClipboardList } from 'lucide-react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { MovePlan, StorageUnit } from '../../lib/api/types.ts'
import { formatBytes, formatCount, formatDuration } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { Select } from '../../ui/input.tsx'
import { EmptyState, ErrorState } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { PlanUnit } from './plan-unit.tsx'
import { unitTitle } from './unit-facts.ts'

const t = texts.storage.plan
const PHASES = ['1', '2', '3', '4'] as const

interface PlanTabProps {
  units: readonly StorageUnit[]
  /** `all`, a phase or a unit. */
  what: string | undefined
  onWhat: (what: string) => void
}

/** Units of the choice that have not begun to move. A unit that is named is planned wherever it is. */
function unitsOf(units: readonly StorageUnit[], what: string): string[] {
  const chosen = units.filter(
    (unit) =>
      unit.unit === what ||
      (unit.placement === 'sqlite' &&
        unit.mirror === null &&
        (what === 'all' || String(unit.phase) === what)),
  )
  return chosen.map(({ unit }) => unit)
}

export function PlanTab({ units, what = 'all', onWhat }: PlanTabProps) {
  const names = unitsOf(units, what)
  // Reading every row is work: it is done when somebody asks, and what was found stays while the page is open.
  const { data, error, refetch, isFetching } = useQuery({
    queryKey: ['storage-plan', what],
    queryFn: ({ signal }) => unwrap(api.POST('/api/storage/plan', { body: { units: names }, signal })),
    enabled: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
    retry: false,
  })
  const make = () => void refetch()
  const titleOf = (name: string) => {
    const unit = units.find((each) => each.unit === name)
    return unit ? unitTitle(unit) : name
  }
  return (
    <>
      <p className="mb-3 text-ink-2 text-sm">{t.hint}</p>
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <Select
          aria-label={t.what}
          className="max-w-52"
          value={what}
          onChange={(event) => onWhat(event.target.value)}
        >
          <option value="all">{t.all}</option>
          {PHASES.map((phase) => (
            <option key={phase} value={phase}>
              {texts.storage.phase(Number(phase))}
            </option>
          ))}
          {units.map((unit) => (
            <option key={unit.unit} value={unit.unit}>
              {unitTitle(unit)}
            </option>
          ))}
        </Select>
        <Button variant="primary" busy={isFetching} disabled={names.length === 0} onClick={make}>
          {data ? t.again : t.make}
        </Button>
        {data ? <Time at={data.generatedAt} className="text-ink-3 text-sm" /> : null}
      </div>
      {error && !isFetching ? (
        <Card>
          <ErrorState error={error} onRetry={make} />
        </Card>
      ) : data ? (
        <div className="grid items-start gap-3 xl:grid-cols-2">
          <Summary plan={data} />
          {data.units.map((unit) => (
            <PlanUnit key={unit.unit} unit={unit} title={titleOf(unit.unit)} />
          ))}
        </div>
      ) : (
        <Card>
          <EmptyState icon={ClipboardList} title={names.length === 0 ? t.nothing : t.none} />
        </Card>
      )}
    </>
  )
}

const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)

function Summary({ plan }: { plan: MovePlan }) {
  const tables = plan.units.flatMap((unit) => unit.tables)
  const dirty = total(tables.flatMap(({ forecast }) => forecast.map(({ rows }) => rows)))
  const figures = [
    [t.rows, formatCount(total(tables.map(({ rows }) => rows)))],
    [t.bytes, formatBytes(total(tables.map(({ bytes }) => bytes)))],
    [t.dirty, dirty === 0 ? t.dirtyNone : formatCount(dirty)],
    [
      t.time,
      formatDuration(Math.max(1, total(plan.units.map(({ estimatedSeconds }) => estimatedSeconds))) * 1000),
    ],
    [t.disk, formatBytes(total(plan.units.map(({ estimatedBytes }) => estimatedBytes)))],
    ...(plan.freeBytes === null ? [] : [[t.free, formatBytes(plan.freeBytes)] as const]),
  ] as const
  return (
    <Card className="grid grid-cols-3 gap-x-4 gap-y-3 p-4 sm:flex sm:flex-wrap sm:gap-x-8 xl:col-span-2">
      {figures.map(([label, value]) => (
        <dl key={label}>
          <dt className="text-ink-3 text-xs">{label}</dt>
          <dd className="tabular font-semibold text-xl">{value}</dd>
        </dl>
      ))}
    </Card>
  )
}
