import { cn } from '../lib/cn.ts'

interface MeterProps {
  /** 0 to 1; more is drawn as full. */
  ratio: number
  /** What is measured, for screen readers. */
  label: string
  className?: string
}

/** A thin bar of how full something is; amber from 80 %, red from 95 %. */
export function Meter({ ratio, label, className }: MeterProps) {
  const filled = Math.min(1, Math.max(0, ratio))
  return (
    // biome-ignore lint/a11y/useSemanticElements: browsers draw <meter> each their own way and refuse most styling.
    <div
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(filled * 100)}
      className={cn('h-1.5 overflow-hidden rounded-full bg-raised', className)}
    >
      <div
        className={cn(
          'h-full rounded-full',
          filled >= 0.95 ? 'bg-critical-fill' : filled >= 0.8 ? 'bg-warn-fill' : 'bg-chart-1',
        )}
        style={{ width: `${filled * 100}%` }}
      />
    </div>
  )
}
