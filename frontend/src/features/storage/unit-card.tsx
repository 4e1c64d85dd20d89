import { Link } from '@tanstack/react-router'
import { Circle, CircleCheck } from 'lucide-react'
import type { StorageUnit } from '../../lib/api/types.ts'
import { texts } from '../../lib/texts.ts'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { CopyProgress } from './copy-progress.tsx'
import { StoreFlow } from './store-flow.tsx'
import { UnitDetails } from './unit-details.tsx'
import {
  type Action,
  LOOK_TONE,
  lookOf,
  metGates,
  nextStep,
  permission,
  stepsOf,
  unitTitle,
  wasCutOver,
} from './unit-facts.ts'
import { UnitFacts } from './unit-facts-list.tsx'

const t = texts.storage

interface UnitCardProps {
  unit: StorageUnit
  lags: readonly (number | null)[]
  onAction: (action: Action) => void
  busy: boolean
}

export function UnitCard({ unit, lags, onAction, busy }: UnitCardProps) {
  const look = lookOf(unit)
  const name = unitTitle(unit)
  const beforeCutOver = unit.state === 'mirroring' && !wasCutOver(unit)
  return (
    <Card className="flex flex-col gap-3 p-4" aria-label={name} data-unit={unit.unit}>
      <header className="flex items-start gap-2">
        <div className="min-w-0 flex-1">
          <h3 className="text-base leading-6">{name}</h3>
          <p className="mono truncate text-ink-3 text-xs">
            {unit.domains.map(({ domain }) => domain).join(' + ')} · {t.epoch(unit.epoch)}
          </p>
        </div>
        {look === 'settled' ? null : <Status tone={LOOK_TONE[look]}>{t.state[look]}</Status>}
      </header>
      <StoreFlow unit={unit} />
      {unit.progress ? <CopyProgress unit={name} progress={unit.progress} /> : null}
      {unit.throttle === null ? null : <p className="text-warn text-xs">{t.throttled(unit.throttle)}</p>}
      {unit.error === null ? null : (
        <p role="alert" className="rounded-md bg-critical-soft px-2.5 py-1.5 text-critical text-sm">
          {unit.error}
        </p>
      )}
      <UnitFacts unit={unit} lags={lags} />
      {beforeCutOver ? <Gates unit={unit} /> : null}
      <div className="mt-auto flex flex-wrap items-center gap-2">
        <Steps unit={unit} onAction={onAction} busy={busy} />
        <UnitDetails unit={unit} />
      </div>
    </Card>
  )
}

function Gates({ unit }: { unit: StorageUnit }) {
  const { possible, reasons } = permission(unit, 'cutover')
  return (
    <div className="text-xs">
      <h4 className="mb-1 text-ink-3">{possible ? t.gates.ready : t.gates.title}</h4>
      <ul className="flex flex-wrap gap-x-4 gap-y-1">
        {metGates(unit).map((gate) => (
          <li key={gate} className="flex items-center gap-1 text-ok">
            <CircleCheck className="size-3.5 shrink-0" aria-hidden />
            {t.gates[gate]}
          </li>
        ))}
        {reasons.map((reason) => (
          <li key={reason} className="flex basis-full items-start gap-1 text-ink-2">
            <Circle className="mt-px size-3.5 shrink-0 text-ink-3" aria-hidden />
            <span className="min-w-0 break-words">{reason}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}

function Steps({ unit, onAction, busy }: Pick<UnitCardProps, 'unit' | 'onAction' | 'busy'>) {
  const steps = stepsOf(unit)
  const next = nextStep(unit)
  // The conditions of a cut over are listed above; what holds any other step back is said here.
  const held = steps.filter((action) => action !== 'cutover' && !permission(unit, action).possible)
  const reasons = [...new Set(held.flatMap((action) => permission(unit, action).reasons))]
  return (
    <>
      {steps.map((action) => (
        <Button
          key={action}
          size="sm"
          variant={action === next ? 'primary' : 'secondary'}
          disabled={busy || !permission(unit, action).possible}
          aria-label={`${t.action[action]} ${unit.unit}`}
          onClick={() => onAction(action)}
        >
          {t.action[action]}
        </Button>
      ))}
      {unit.state === 'settled' && !unit.archived ? (
        <Button size="sm" variant="ghost" asChild>
          <Link
            to="/storage"
            search={{ tab: 'plan', what: unit.unit }}
            aria-label={`${t.planPhase} ${unit.unit}`}
          >
            {t.planPhase}
          </Link>
        </Button>
      ) : null}
      {reasons.length === 0 ? null : (
        <ul className="order-last basis-full text-ink-3 text-xs">
          {reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
    </>
  )
}
