import type { ReactNode } from 'react'

/** One key of a shortcut. */
export function Kbd({ children }: { children: ReactNode }) {
  return (
    <kbd className="inline-flex h-5 min-w-5 items-center justify-center rounded-sm border border-line bg-raised px-1 text-2xs text-ink-2">
      {children}
    </kbd>
  )
}
