import { MoveLeft, MoveRight } from 'lucide-react'
import type { StorageUnit } from '../../lib/api/types.ts'
import { cn } from '../../lib/cn.ts'
import { formatBytes, formatCount } from '../../lib/format.ts'
import { texts } from '../../lib/texts.ts'
import { amountIn, holdingOf, lookOf, type Store } from './unit-facts.ts'

const t = texts.storage

/** SQLite at the left and PostgreSQL at the right, always: the arrow tells which way changes run. */
export function StoreFlow({ unit }: { unit: StorageUnit }) {
  return (
    <div className="grid grid-cols-[1fr_2.5rem_1fr] items-stretch">
      <StoreBox unit={unit} store="sqlite" />
      <Arrow unit={unit} />
      <StoreBox unit={unit} store="postgres" />
    </div>
  )
}

const BOX = {
  truth: 'border-accent bg-accent-soft',
  mirror: 'border-dashed border-line-strong bg-card',
  archive: 'border-dotted border-line-strong bg-page',
  empty: 'border-dashed border-line bg-transparent',
} as const

function StoreBox({ unit, store }: { unit: StorageUnit; store: Store }) {
  const holding = holdingOf(unit, store)
  const { rows, bytes } = amountIn(unit, store)
  return (
    <div className={cn('min-w-0 rounded-md border px-2.5 py-1.5', BOX[holding])}>
      <p className="flex flex-wrap items-baseline justify-between gap-x-2">
        <span className={cn('font-medium text-sm', holding === 'empty' && 'text-ink-3')}>
          {t.stores[store]}
        </span>
        <span className={cn('text-2xs', holding === 'truth' ? 'font-semibold text-accent' : 'text-ink-3')}>
          {t[holding]}
        </span>
      </p>
      <p className="tabular flex min-h-5 flex-wrap justify-between gap-x-2 text-ink-2 text-xs leading-5">
        {holding === 'empty' ? null : (
          <span>{rows === null ? t.rowsUnknown : t.rows(formatCount(rows))}</span>
        )}
        {bytes === null ? null : <span>{formatBytes(bytes)}</span>}
      </p>
    </div>
  )
}

function Arrow({ unit }: { unit: StorageUnit }) {
  const { placement, mirror } = unit
  if (placement === null || mirror === null) {
    return <span aria-hidden className="mx-2 self-center border-line border-t border-dashed" />
  }
  const Icon = mirror === 'postgres' ? MoveRight : MoveLeft
  const stopped = unit.paused || lookOf(unit) === 'stuck'
  return (
    <span
      role="img"
      aria-label={t.flowTo(t.stores[placement], t.stores[mirror])}
      className={cn('grid place-items-center', stopped ? 'text-ink-3' : 'text-accent')}
    >
      <Icon
        className="size-6"
        strokeWidth={stopped ? 1.25 : 2.25}
        strokeDasharray={stopped ? '3 3' : undefined}
        aria-hidden
      />
    </span>
  )
}
