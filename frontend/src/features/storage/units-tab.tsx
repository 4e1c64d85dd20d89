import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { StorageUnit } from '../../lib/api/types.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { toast } from '../../ui/toast.tsx'
import { ArchiveCard } from './archive-card.tsx'
import { AT_ONCE, StepDialog } from './step-dialog.tsx'
import { StoresHeader } from './stores-header.tsx'
import { TimelineCard } from './timeline.tsx'
import { UnitCard } from './unit-card.tsx'
import { type Action, bulkStep } from './unit-facts.ts'
import { type Lags, useStep } from './use-storage.ts'

const t = texts.storage
const PHASES = [1, 2, 3, 4] as const

/** Every unit by phase, the stores above and what happened below. */
export function UnitsTab({ units, lags }: { units: readonly StorageUnit[]; lags: Lags }) {
  const [step, setStep] = useState<{ action: Action; units: readonly StorageUnit[] } | null>(null)
  const { mutate, isPending, variables } = useStep()
  const ask = (action: Action, chosen: readonly StorageUnit[]) => {
    if (!AT_ONCE.includes(action)) {
      setStep({ action, units: chosen })
      return
    }
    const names = chosen.map(({ unit }) => unit)
    mutate({ action, units: names }, { onError: (error) => toast.error(error.message) })
  }
  return (
    <>
      <StoresHeader units={units} />
      <ArchiveCard units={units} />
      {PHASES.map((phase) => (
        <Phase
          key={phase}
          phase={phase}
          units={units.filter((unit) => unit.phase === phase)}
          lags={lags}
          onAction={ask}
          busy={isPending ? (variables?.units ?? []) : []}
        />
      ))}
      <TimelineCard />
      <StepDialog step={step} onClose={() => setStep(null)} />
    </>
  )
}

interface PhaseProps {
  phase: 1 | 2 | 3 | 4
  units: readonly StorageUnit[]
  lags: Lags
  onAction: (action: Action, units: readonly StorageUnit[]) => void
  /** Units whose step is on its way. */
  busy: readonly string[]
}

function Phase({ phase, units, lags, onAction, busy }: PhaseProps) {
  const moved = units.filter((unit) => unit.placement === 'postgres').length
  const bulk = bulkStep(units)
  const title = `${t.phase(phase)} · ${t.phases[phase]}`
  if (units.length === 0) return null
  return (
    <section aria-label={title} className="mb-6">
      <header className="mb-2 flex min-h-8 flex-wrap items-center gap-x-3 gap-y-1">
        <h2 className="text-lg">{title}</h2>
        <span className="tabular flex-1 text-ink-3 text-sm">{t.inPostgres(moved, units.length)}</span>
        <div className="flex items-center gap-2">
          <Button size="sm" variant="ghost" asChild>
            <Link
              to="/storage"
              search={{ tab: 'plan', what: String(phase) }}
              aria-label={`${t.planPhase} ${title}`}
            >
              {t.planPhase}
            </Link>
          </Button>
          {bulk && bulk.units.length > 0 ? (
            <Button
              size="sm"
              aria-label={`${t.bulk[bulk.action](bulk.units.length)}, ${title}`}
              onClick={() => onAction(bulk.action, bulk.units)}
            >
              {t.bulk[bulk.action](bulk.units.length)}
            </Button>
          ) : null}
        </div>
      </header>
      <div className="grid grid-cols-1 gap-3 md:grid-cols-2 xl:grid-cols-3">
        {units.map((unit) => (
          <UnitCard
            key={unit.unit}
            unit={unit}
            lags={lags.get(unit.unit) ?? []}
            onAction={(action) => onAction(action, [unit])}
            busy={busy.includes(unit.unit)}
          />
        ))}
      </div>
    </section>
  )
}
