import type { ComponentProps, ReactNode } from 'react'
import { cn } from '../lib/cn.ts'

/** A bordered surface. Without padding of its own when it holds a table. */
export function Card({ className, ...rest }: ComponentProps<'section'>) {
  return <section className={cn('min-w-0 rounded-lg border border-line bg-card', className)} {...rest} />
}

interface CardHeaderProps {
  title: ReactNode
  /** Second line below the title. */
  hint?: ReactNode
  /** Buttons or links at the right. */
  actions?: ReactNode
  className?: string
}

export function CardHeader({ title, hint, actions, className }: CardHeaderProps) {
  return (
    <header className={cn('flex min-h-11 flex-wrap items-center gap-x-3 gap-y-2 px-4 py-2.5', className)}>
      <div className={cn('min-w-0 grow', hint && 'basis-60')}>
        <h2 className="truncate text-base">{title}</h2>
        {hint ? <p className="text-ink-3 text-sm">{hint}</p> : null}
      </div>
      {actions ? <div className="flex max-w-full shrink-0 items-center gap-1.5">{actions}</div> : null}
    </header>
  )
}

export function CardBody({ className, ...rest }: ComponentProps<'div'>) {
  return <div className={cn('px-4 pb-4', className)} {...rest} />
}
