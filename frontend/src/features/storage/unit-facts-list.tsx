import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { StorageUnit } from '../../lib/api/types.ts'
import { formatCount, formatDuration } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { Status } from '../../ui/badge.tsx'
import { Sparkline } from '../../ui/sparkline.tsx'
import { Time } from '../../ui/time.tsx'

const t = texts.storage.facts

/** Lag, last verify, quarantine and last flip: those that the unit has. */
export function UnitFacts({ unit, lags }: { unit: StorageUnit; lags: readonly (number | null)[] }) {
  const { lag, verify, quarantine, lastFlip, mirror, shadow } = unit
  const hasQuarantine = quarantine.open + quarantine.acknowledged > 0
  if (!lag && !verify && !hasQuarantine && !lastFlip) return null
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 text-xs">
      {lag ? (
        <Fact label={t.lag}>
          <span className="tabular">{formatDuration(lag.seconds * 1000)}</span>
          {lag.changes > 0 ? (
            <span className="tabular text-ink-3">{t.changes(formatCount(lag.changes))}</span>
          ) : null}
          {lags.length > 1 ? <Sparkline values={lags} label={t.lagLine} className="h-4 w-20" /> : null}
        </Fact>
      ) : null}
      {verify || (mirror !== null && unit.state === 'mirroring') ? (
        <Fact label={t.verified}>
          <Verdict verify={verify} />
        </Fact>
      ) : null}
      {shadow && shadow.share > 0 ? (
        <Fact label={t.shadow}>
          <ShadowFact shadow={shadow} />
        </Fact>
      ) : null}
      {hasQuarantine ? (
        <Fact label={t.quarantine}>
          <Link
            to="/storage"
            search={{ tab: 'quarantine', unit: unit.unit }}
            className="text-accent hover:underline"
          >
            {[
              ...(quarantine.open > 0 ? [t.quarantineOpen(formatCount(quarantine.open))] : []),
              ...(quarantine.acknowledged > 0
                ? [t.quarantineAccepted(formatCount(quarantine.acknowledged))]
                : []),
            ].join(', ')}
          </Link>
        </Fact>
      ) : null}
      {lastFlip ? <Flip flip={lastFlip} /> : null}
    </dl>
  )
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="contents">
      <dt className="text-ink-3">{label}</dt>
      <dd className="flex min-w-0 flex-wrap items-center gap-x-2">{children}</dd>
    </div>
  )
}

function Verdict({ verify }: Pick<StorageUnit, 'verify'>) {
  if (!verify || (verify.at === null && !verify.running))
    return <span className="text-ink-3">{t.notVerified}</span>
  return (
    <>
      {verify.running ? (
        <Status tone="info" look="plain">
          {t.verifying}
        </Status>
      ) : null}
      {verify.at === null ? null : (
        <>
          <Status tone={verify.clean ? 'ok' : 'critical'} look="plain">
            {verify.clean ? t.equal(formatCount(verify.rows)) : t.differ(formatCount(verify.differences))}
          </Status>
          <Time at={verify.at} className="text-ink-3" />
        </>
      )}
    </>
  )
}

function ShadowFact({ shadow }: { shadow: NonNullable<StorageUnit['shadow']> }) {
  const { share, compared, mismatches, undecided, p95Ms } = shadow
  const s = texts.storage.shadow
  const time = (ms: number | null) => (ms === null ? s.above : s.below(formatDuration(ms)))
  return (
    <>
      <span className="tabular">{s.share(share)}</span>
      {compared === 0 ? (
        <span className="text-ink-3">{s.none}</span>
      ) : (
        <>
          <Status tone={mismatches === 0 ? 'ok' : 'critical'} look="plain">
            {mismatches === 0
              ? s.equal(formatCount(compared))
              : s.differ(formatCount(mismatches), formatCount(compared))}
          </Status>
          <span className="tabular text-ink-3">{s.p95(time(p95Ms.source), time(p95Ms.mirror))}</span>
        </>
      )}
      {undecided > 0 ? (
        <span className="tabular text-ink-3">{s.undecided(formatCount(undecided))}</span>
      ) : null}
    </>
  )
}

function Flip({ flip }: { flip: NonNullable<StorageUnit['lastFlip']> }) {
  const pause = t.pause(formatDuration(flip.pauseMs))
  return (
    <Fact label={t.lastFlip}>
      {flip.outcome === 'aborted' ? (
        <Status tone="warn" look="plain">
          {t.flipAborted}
        </Status>
      ) : (
        <span>{t.flipTo(texts.storage.stores[flip.to])}</span>
      )}
      <span className="tabular">{pause}</span>
      <Time at={flip.at} className="text-ink-3" />
      {flip.confirmed ? null : <span className="basis-full text-warn">{t.flipUnconfirmed}</span>}
      {flip.reason === null ? null : <span className="basis-full text-ink-2">{flip.reason}</span>}
    </Fact>
  )
}
