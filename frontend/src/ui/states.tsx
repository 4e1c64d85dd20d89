import type { LucideIcon } from 'lucide-react'
import { CircleAlert, Inbox, Lock, RotateCw } from 'lucide-react'
import type { ReactNode } from 'react'
import { ApiError } from '../lib/api/problem.ts'
import { cn } from '../lib/cn.ts'
import { texts } from '../lib/texts.ts'
import { Button } from './button.tsx'
import { CopyButton } from './copy-button.tsx'

/** A block the size of what is being loaded. */
export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={cn('rounded-md bg-raised', className)} />
}

/** Wraps the skeletons of a page, so that a screen reader hears that it loads. */
export function Loading({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <div role="status" aria-label={texts.common.loading} className={className}>
      {children}
    </div>
  )
}

interface EmptyStateProps {
  icon?: LucideIcon
  title: ReactNode
  /** Why it is empty and what to do. */
  children?: ReactNode
  /** A command to run, shown with a copy button. */
  command?: string
  actions?: ReactNode
  className?: string
}

export function EmptyState({
  icon: Icon = Inbox,
  title,
  children,
  command,
  actions,
  className,
}: EmptyStateProps) {
  return (
    <div className={cn('flex flex-col items-center justify-center gap-2 px-4 py-12 text-center', className)}>
      <Icon className="size-6 text-ink-3" aria-hidden />
      <p className="font-medium text-ink">{title}</p>
      {children ? <div className="max-w-prose text-ink-2 text-sm">{children}</div> : null}
      {command === undefined ? null : (
        <div className="mt-1 flex max-w-full items-center gap-1 rounded-md border border-line bg-page py-1 pr-1 pl-3">
          <code className="mono truncate text-ink">{command}</code>
          <CopyButton text={command} />
        </div>
      )}
      {actions ? <div className="mt-2 flex flex-wrap justify-center gap-2">{actions}</div> : null}
    </div>
  )
}

interface ErrorStateProps {
  error: unknown
  /** Asks again; left out when that makes no sense. */
  onRetry?: (() => void) | undefined
  className?: string
}

/** What went wrong, the request id to quote, and "try again"; a refused permission is said as that. */
export function ErrorState({ error, onRetry, className }: ErrorStateProps) {
  const problem = error instanceof ApiError ? error : null
  if (problem && (problem.status === 403 || problem.status === 401)) {
    return (
      <EmptyState
        icon={Lock}
        title={problem.code === 'setup_required' ? texts.errors.setupRequired : texts.errors.noPermission}
        className={className ?? ''}
      >
        {problem.code === 'setup_required' ? texts.errors.setupRequiredHint : problem.message}
      </EmptyState>
    )
  }
  const title =
    problem?.status === 0
      ? texts.errors.unreachable
      : problem?.status === 404
        ? texts.errors.notFound
        : problem?.status === 503
          ? texts.errors.unavailable
          : texts.errors.failed
  return (
    <div
      role="alert"
      className={cn('flex flex-col items-center justify-center gap-2 px-4 py-12 text-center', className)}
    >
      <CircleAlert className="size-6 text-critical" aria-hidden />
      <p className="font-medium">{title}</p>
      <p className="max-w-prose break-words text-ink-2 text-sm">
        {error instanceof Error ? error.message : texts.errors.unexplained}
      </p>
      {problem?.requestId ? (
        <p className="flex items-center gap-1 text-ink-3 text-xs">
          {texts.errors.request} <code className="mono">{problem.requestId}</code>
          <CopyButton text={problem.requestId} />
        </p>
      ) : null}
      {onRetry ? (
        <Button className="mt-1" onClick={onRetry}>
          <RotateCw aria-hidden />
          {texts.common.tryAgain}
        </Button>
      ) : null}
    </div>
  )
}

/** Cards that are on their way. */
export function CardsSkeleton() {
  return (
    <Loading className="grid gap-3 xl:grid-cols-2">
      {[1, 2, 3, 4].map((each) => (
        <Skeleton key={each} className="h-56" />
      ))}
    </Loading>
  )
}
