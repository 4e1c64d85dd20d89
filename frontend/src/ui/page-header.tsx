import { type ReactNode, useEffect } from 'react'
import { texts } from '../lib/texts.ts'

interface PageHeaderProps {
  title: string
  /** Badges right of the title. */
  status?: ReactNode
  /** One line below the title. */
  hint?: ReactNode
  actions?: ReactNode
}

/** The page's h1; also names the browser tab. */
export function PageHeader({ title, status, hint, actions }: PageHeaderProps) {
  useEffect(() => {
    document.title = `${title} · ${texts.app.name}`
  }, [title])
  return (
    <header className="mb-4 flex flex-wrap items-start gap-x-4 gap-y-2">
      <div className="min-w-0 flex-1 basis-60">
        <div className="flex min-h-8 flex-wrap items-center gap-2">
          <h1 className="min-w-0 break-words text-xl">{title}</h1>
          {status}
        </div>
        {hint ? <div className="text-ink-2 text-sm">{hint}</div> : null}
      </div>
      {actions ? <div className="flex flex-wrap items-center gap-2">{actions}</div> : null}
    </header>
  )
}
