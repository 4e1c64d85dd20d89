import { getRouteApi } from '@tanstack/react-router'
import { texts } from '../../lib/texts.ts'
import { PageHeader } from '../../ui/page-header.tsx'
import { ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { PlanTab } from './plan-tab.tsx'
import { QuarantineTab } from './quarantine-tab.tsx'
import { STORAGE_TABS } from './storage-search.ts'
import { TimelineTab } from './timeline.tsx'
import { UnitsTab } from './units-tab.tsx'
import { useStorage } from './use-storage.ts'

const t = texts.storage
const route = getRouteApi('/app/storage')

/** Which store holds what, and the moves between them. */
export function StoragePage() {
  const { tab = 'units', unit, what } = route.useSearch()
  const navigate = route.useNavigate()
  const { units, error, refetch, lags } = useStorage()
  const open = units?.reduce((sum, { quarantine }) => sum + quarantine.open, 0) ?? 0
  if (error && !units) {
    return (
      <>
        <PageHeader title={t.title} hint={t.hint} />
        <ErrorState error={error} onRetry={() => void refetch()} />
      </>
    )
  }
  return (
    <>
      <PageHeader title={t.title} hint={t.hint} />
      <Tabs
        label={t.title}
        items={STORAGE_TABS.map((value) => ({
          value,
          label: t.tabs[value],
          count: value === 'quarantine' && open > 0 ? open : undefined,
        }))}
        value={tab}
        onChange={(next) =>
          void navigate({
            search: (before) => ({ endpoint: before.endpoint, tab: next === 'units' ? undefined : next }),
          })
        }
      >
        {!units ? (
          <Loading className="grid grid-cols-1 gap-3 md:grid-cols-2">
            {[1, 2, 3, 4].map((card) => (
              <Skeleton key={card} className="h-44" />
            ))}
          </Loading>
        ) : tab === 'plan' ? (
          <PlanTab
            units={units}
            what={what}
            onWhat={(next) =>
              void navigate({ search: (before) => ({ ...before, what: next }), replace: true })
            }
          />
        ) : tab === 'quarantine' ? (
          <QuarantineTab
            units={units}
            unit={unit}
            onUnit={(next) =>
              void navigate({ search: (before) => ({ ...before, unit: next }), replace: true })
            }
          />
        ) : tab === 'timeline' ? (
          <TimelineTab />
        ) : (
          <UnitsTab units={units} lags={lags} />
        )}
      </Tabs>
    </>
  )
}
