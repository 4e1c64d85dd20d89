import { Database } from 'lucide-react'
import type { StoreInfo } from '../../lib/api/types.ts'
import { formatBytes } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Status } from '../../ui/badge.tsx'
import { Card, CardHeader } from '../../ui/card.tsx'

const t = texts.system

export function StoresCard({ stores }: { stores: readonly StoreInfo[] }) {
  return (
    <Card>
      <CardHeader title={t.stores} />
      <ul className="grid gap-3 px-4 pb-4">
        {stores.map((store) => (
          <li key={store.name} className="flex flex-wrap items-center gap-x-3 gap-y-0.5 text-sm">
            <Database className="size-4 text-ink-3" aria-hidden />
            <span className="min-w-0 flex-1">
              <span className="font-medium">{t.storeNames[store.name]}</span>
              {store.version ? <span className="text-ink-2"> {store.version}</span> : null}
              {store.timescaleVersion ? (
                <span className="text-ink-2"> · TimescaleDB {store.timescaleVersion}</span>
              ) : null}
            </span>
            {store.sizeBytes === null ? null : (
              <span className="tabular text-ink-2">{formatBytes(store.sizeBytes)}</span>
            )}
            <Status tone={store.reachable ? 'ok' : 'critical'} look="plain">
              {store.reachable ? t.reachable : t.away}
            </Status>
            {store.reason ? <p className="basis-full break-words text-ink-2">{store.reason}</p> : null}
          </li>
        ))}
      </ul>
    </Card>
  )
}
