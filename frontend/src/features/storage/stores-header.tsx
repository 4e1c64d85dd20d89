import { useQuery } from '@tanstack/react-query'
import { Database } from 'lucide-react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { StorageUnit, StoreInfo } from '../../lib/api/types.ts'
import { cn } from '../../lib/cn.ts'
import { formatBytes } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Status } from '../../ui/badge.tsx'
import { Card } from '../../ui/card.tsx'
import { CopyButton } from '../../ui/copy-button.tsx'
import { STORES, type Store } from './unit-facts.ts'

const t = texts.storage
const REFRESH_MS = 10_000

/** The two stores in the order in which data is meant to move, and how far it has come. */
export function StoresHeader({ units }: { units: readonly StorageUnit[] }) {
  const { data } = useQuery({
    queryKey: ['system'],
    queryFn: ({ signal }) => unwrap(api.GET('/api/system', { signal })),
    refetchInterval: REFRESH_MS,
  })
  const moved = units.filter((unit) => unit.placement === 'postgres').length
  const underWay = units.filter((unit) => unit.placement === 'sqlite' && unit.mirror !== null).length
  return (
    <Card className="mb-4 grid gap-x-6 gap-y-3 p-4 lg:grid-cols-[1fr_17rem_1fr] lg:items-center">
      {STORES.map((store, i) => (
        <div key={store} className={i === 0 ? 'lg:order-1' : 'lg:order-3'}>
          <StoreLine
            store={store}
            info={data?.stores.find((each) => each.name === store)}
            known={data !== undefined}
            domains={units.filter((unit) => unit.placement === store).flatMap((unit) => unit.domains).length}
          />
        </div>
      ))}
      <div className="lg:order-2">
        <div
          role="progressbar"
          aria-label={t.moved(moved, units.length)}
          aria-valuemin={0}
          aria-valuemax={units.length}
          aria-valuenow={moved}
          className="flex gap-0.5"
        >
          {units.map((unit, i) => (
            <span
              key={unit.unit}
              className={cn(
                'h-2 flex-1 rounded-sm border',
                i < moved
                  ? 'border-transparent bg-accent-solid'
                  : i < moved + underWay
                    ? 'border-accent bg-accent-soft'
                    : 'border-transparent bg-raised',
              )}
            />
          ))}
        </div>
        <p className="tabular mt-1 text-center text-ink-2 text-xs">
          {t.moved(moved, units.length)}
          {underWay > 0 ? `, ${t.onTheWay(underWay)}` : ''}
        </p>
      </div>
    </Card>
  )
}

interface StoreLineProps {
  store: Store
  info: StoreInfo | undefined
  /** Whether it is known yet which stores there are. */
  known: boolean
  domains: number
}

function StoreLine({ store, info, known, domains }: StoreLineProps) {
  if (!info && known)
    return store === 'postgres' ? <NotConfigured /> : <p className="text-ink-3 text-sm">{t.noFile}</p>
  return (
    <div className="flex min-w-0 items-start gap-3">
      <Database className="mt-0.5 size-5 shrink-0 text-ink-3" aria-hidden />
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-2">
          <span className="font-semibold">{t.stores[store]}</span>
          {info?.version ? <span className="text-ink-2 text-sm">{info.version}</span> : null}
          {info?.timescaleVersion ? (
            <span className="text-ink-2 text-sm">{t.timescale(info.timescaleVersion)}</span>
          ) : null}
        </p>
        <p className="tabular flex flex-wrap items-center gap-x-2 text-ink-2 text-sm">
          {info ? (
            <Status tone={info.reachable ? 'ok' : 'critical'} look="plain">
              {info.reachable ? t.reachable : t.away}
            </Status>
          ) : null}
          {info && info.sizeBytes !== null ? <span>{formatBytes(info.sizeBytes)}</span> : null}
          <span>{t.domainsHere(domains)}</span>
        </p>
        {info?.reason ? <p className="break-words text-critical text-sm">{info.reason}</p> : null}
      </div>
    </div>
  )
}

function NotConfigured() {
  return (
    <div className="min-w-0">
      <p className="font-semibold">{t.notConfigured}</p>
      <p className="text-ink-2 text-sm">{t.notConfiguredHint}</p>
      <div className="mt-1 flex items-center gap-1 rounded-md border border-line bg-page py-0.5 pr-1 pl-2.5">
        <code className="mono min-w-0 flex-1 break-all text-xs">{t.notConfiguredLine}</code>
        <CopyButton text={t.notConfiguredLine} />
      </div>
    </div>
  )
}
