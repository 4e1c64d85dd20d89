import { useQuery } from '@tanstack/react-query'
import { BookOpen } from 'lucide-react'
import { api, unwrap } from '../../lib/api/client.ts'
import { ApiError } from '../../lib/api/problem.ts'
import type { Readiness, SystemInfo } from '../../lib/api/types.ts'
import { formatBytes, formatCount, formatDuration } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { PageHeader } from '../../ui/page-header.tsx'
import { ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { ChecksCard, healthTone } from './checks-card.tsx'
import { DomainsCard } from './domains-card.tsx'
import { Facts } from './facts.tsx'
import { StoresCard } from './stores-card.tsx'

const t = texts.system
const REFRESH_MS = 5000

export function SystemPage() {
  const { data, error, refetch } = useQuery({
    queryKey: ['system'],
    queryFn: ({ signal }) => unwrap(api.GET('/api/system', { signal })),
    refetchInterval: REFRESH_MS,
  })
  const ready = useQuery({ queryKey: ['ready'], queryFn: fetchReady, refetchInterval: REFRESH_MS })
  const actions = (
    <Button asChild>
      <a href="/api/docs">
        <BookOpen aria-hidden />
        {t.docs}
      </a>
    </Button>
  )
  if (error && !data) {
    return (
      <>
        <PageHeader title={t.title} hint={t.hint} />
        <ErrorState error={error} onRetry={() => void refetch()} />
      </>
    )
  }
  const overall = ready.data?.status
  return (
    <>
      <PageHeader
        title={t.title}
        hint={t.hint}
        status={
          overall === undefined ? null : (
            <Status tone={healthTone(overall)}>{t.status[overall] ?? overall}</Status>
          )
        }
        actions={actions}
      />
      {data ? (
        <div className="grid grid-cols-1 gap-3 lg:grid-cols-2 xl:grid-cols-3">
          <ProcessCard system={data} />
          <CollectorCard collector={data.collector} />
          <div className="grid content-start gap-3 lg:col-span-2 lg:grid-cols-2 xl:col-span-1 xl:grid-cols-1">
            <StoresCard stores={data.stores} />
            <ChecksCard checks={ready.data?.checks ?? {}} />
          </div>
          <DomainsCard domains={data.domains} className="lg:col-span-2 xl:col-span-3" />
        </div>
      ) : (
        <Loading className="grid grid-cols-1 gap-3 lg:grid-cols-2">
          {[1, 2, 3, 4].map((card) => (
            <Skeleton key={card} className="h-48" />
          ))}
        </Loading>
      )}
    </>
  )
}

/** Not ready is an answer too: its body says which check failed. */
async function fetchReady({ signal }: { signal: AbortSignal }) {
  const response = await fetch('/health/ready', { signal })
  const body: unknown = await response.json()
  if (!isReady(body))
    throw new ApiError({ status: response.status, code: 'not_ready', message: texts.errors.failed })
  return body
}

const isReady = (body: unknown): body is Readiness =>
  typeof body === 'object' && body !== null && 'status' in body && 'checks' in body

function ProcessCard({ system }: { system: SystemInfo }) {
  return (
    <Facts
      title={t.process}
      rows={[
        [t.version, system.version],
        [t.node, system.node],
        [t.uptime, formatDuration(system.uptimeSeconds * 1000)],
        [t.memory, formatBytes(system.rssBytes)],
        [t.loopDelay, `${system.eventLoopDelayP99Ms.toFixed(1)} ms`],
        [t.connections, formatCount(system.liveConnections)],
      ]}
    />
  )
}

function CollectorCard({ collector }: { collector: SystemInfo['collector'] }) {
  const { lastSampleAgeMs: age, droppedSamples } = collector
  return (
    <Facts
      title={t.collector}
      rows={[
        [t.endpoints, formatCount(collector.endpoints)],
        [t.containers, formatCount(collector.containers)],
        [t.sampleAge, age === null ? texts.common.noSamples : `${formatDuration(age)} ago`],
        [t.queue, t.samples(formatCount(collector.queueLength))],
        [
          t.dropped,
          droppedSamples > 0 ? (
            <Status key="dropped" tone="warn" look="plain">
              {formatCount(droppedSamples)}
            </Status>
          ) : (
            '0'
          ),
        ],
      ]}
    />
  )
}
