import type { LucideIcon } from 'lucide-react'
import { CircleAlert, CircleCheck, CircleHelp, Info, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { cn } from '../lib/cn.ts'

export type Tone = 'ok' | 'warn' | 'critical' | 'info' | 'unknown'

const SOFT: Record<Tone, string> = {
  ok: 'bg-ok-soft text-ok',
  warn: 'bg-warn-soft text-warn',
  critical: 'bg-critical-soft text-critical',
  info: 'bg-info-soft text-info',
  unknown: 'bg-unknown-soft text-unknown',
}

const INK: Record<Tone, string> = {
  ok: 'text-ok',
  warn: 'text-warn',
  critical: 'text-critical',
  info: 'text-info',
  unknown: 'text-unknown',
}

/** Background class of a status cell or dot. */
export const TONE_FILL: Record<Tone, string> = {
  ok: 'bg-ok-fill',
  warn: 'bg-warn-fill',
  critical: 'bg-critical-fill',
  info: 'bg-info-fill',
  unknown: 'bg-unknown-fill',
}

const ICONS: Record<Tone, LucideIcon> = {
  ok: CircleCheck,
  warn: TriangleAlert,
  critical: CircleAlert,
  info: Info,
  unknown: CircleHelp,
}

interface StatusProps {
  tone: Tone
  /** The word beside the colour. */
  children: ReactNode
  icon?: LucideIcon | undefined
  /** `soft` has a background, `plain` is for table cells. */
  look?: 'soft' | 'plain'
  className?: string
  title?: string
}

/** A status: colour, icon and word together, never the colour alone. */
export function Status({ tone, children, icon, look = 'soft', className, title }: StatusProps) {
  const Icon = icon ?? ICONS[tone]
  return (
    <span
      title={title}
      className={cn(
        'inline-flex max-w-full items-center gap-1 whitespace-nowrap align-middle font-medium text-xs',
        look === 'soft' ? cn('rounded-sm px-1.5 py-0.5', SOFT[tone]) : INK[tone],
        className,
      )}
    >
      <Icon className="size-3.5 shrink-0" aria-hidden />
      <span className="truncate">{children}</span>
    </span>
  )
}

interface BadgeProps {
  children: ReactNode
  className?: string
  title?: string
}

/** A neutral label: a tag, a kind, a count. */
export function Badge({ children, className, title }: BadgeProps) {
  return (
    <span
      title={title}
      className={cn(
        'tabular inline-flex max-w-full items-center gap-1 rounded-sm bg-unknown-soft px-1.5 py-0.5 font-medium text-ink-2 text-xs',
        className,
      )}
    >
      {children}
    </span>
  )
}
