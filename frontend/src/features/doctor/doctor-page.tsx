import { useQuery } from '@tanstack/react-query'
import { CircleCheck, RotateCw } from 'lucide-react'
import { useState } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { DoctorReport } from '../../lib/api/types.ts'
import { formatDuration } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Card, CardHeader } from '../../ui/card.tsx'
import { PageHeader } from '../../ui/page-header.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { Switch } from '../../ui/switch.tsx'
import { Time } from '../../ui/time.tsx'
import { FindingItem, TONES } from './finding-item.tsx'
import { byCategory } from './findings.ts'

const t = texts.doctor
const SEVERITIES = ['error', 'warning', 'info'] as const

export function DoctorPage() {
  const [showFine, setShowFine] = useState(false)
  // Looking is work: it is done when the page is opened and when somebody asks, not while it stays open.
  const { data, error, refetch, isFetching } = useQuery({
    queryKey: ['doctor'],
    queryFn: ({ signal }) => unwrap(api.GET('/api/doctor', { signal })),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    retry: false,
  })
  const again = () => void refetch()
  return (
    <>
      <PageHeader
        title={t.title}
        hint={t.hint}
        status={data ? <Counts counts={data.counts} /> : null}
        actions={
          // Without a report, "Try again" or the refusal stands below.
          error && !data && !isFetching ? null : (
            <Button busy={isFetching} onClick={again}>
              {isFetching ? null : <RotateCw aria-hidden />}
              {isFetching ? t.running : t.again}
            </Button>
          )
        }
      />
      {error && !isFetching ? (
        <Card>
          <ErrorState error={error} onRetry={again} />
        </Card>
      ) : data ? (
        <Findings report={data} showFine={showFine} onShowFine={setShowFine} />
      ) : (
        <Loading className="grid gap-3">
          {[1, 2, 3].map((card) => (
            <Skeleton key={card} className="h-32" />
          ))}
        </Loading>
      )}
    </>
  )
}

function Counts({ counts }: Pick<DoctorReport, 'counts'>) {
  const some = SEVERITIES.filter((severity) => counts[severity] > 0)
  if (counts.error + counts.warning === 0) return <Status tone="ok">{t.nothing}</Status>
  return some.map((severity) => (
    <Status key={severity} tone={TONES[severity]}>
      {t.counts[severity](counts[severity])}
    </Status>
  ))
}

interface FindingsProps {
  report: DoctorReport
  showFine: boolean
  onShowFine: (show: boolean) => void
}

function Findings({ report, showFine, onShowFine }: FindingsProps) {
  const { counts, at, durationMs } = report
  const groups = byCategory(report.findings, showFine)
  return (
    <>
      <div className="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2 text-ink-2 text-sm">
        <span className="flex items-center gap-2">
          <Switch id="doctor-fine" checked={showFine} onCheckedChange={onShowFine} />
          <label htmlFor="doctor-fine">{t.showFine(counts.ok)}</label>
        </span>
        <p className="text-ink-3">
          {t.lookedAt} <Time at={at} />, {t.took(formatDuration(durationMs))}
        </p>
      </div>
      <div className="grid gap-3">
        {groups.length === 0 ? (
          <Card>
            <EmptyState icon={CircleCheck} title={t.nothing}>
              {t.nothingHint(counts.ok)}
            </EmptyState>
          </Card>
        ) : null}
        {groups.map(({ category, findings }) => (
          <Card key={category} data-category={category}>
            <CardHeader title={report.titles[category]} />
            <ul className="divide-y divide-line border-line border-t">
              {findings.map((finding) => (
                <FindingItem
                  key={`${finding.id} ${finding.subject ?? ''} ${finding.seen ?? ''}`}
                  finding={finding}
                />
              ))}
            </ul>
          </Card>
        ))}
      </div>
    </>
  )
}
