import { cn } from '../lib/cn.ts'
import { sparklinePoints } from './sparkline-points.ts'

interface SparklineProps {
  values: readonly (number | null)[]
  /** Says what the line shows, for screen readers; without it the line is decoration beside its figure. */
  label?: string
  /** CSS colour */
  color?: string
  /** top of the scale; fits the values when left out */
  maximum?: number
  className?: string
}

const WIDTH = 100
const HEIGHT = 24

/** A small line without axes, stretched to the size its classes give it. */
export function Sparkline({ values, label, color = 'var(--chart-1)', maximum, className }: SparklineProps) {
  const runs = sparklinePoints(values, WIDTH, HEIGHT, maximum)
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: it has a label, or is hidden from screen readers beside its figure.
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      className={cn('h-6 w-24 overflow-visible', className)}
      {...(label === undefined ? { 'aria-hidden': true } : { role: 'img', 'aria-label': label })}
    >
      {runs.map((points) => (
        <polyline
          key={points}
          points={points}
          fill="none"
          stroke={color}
          strokeWidth={1.5}
          strokeLinejoin="round"
          strokeLinecap="round"
          vectorEffect="non-scaling-stroke"
        />
      ))}
    </svg>
  )
}
