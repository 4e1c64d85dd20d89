import { type ReactNode, useEffect } from 'react'
import { texts } from '../lib/texts.ts'
import { BrandMark } from './brand-mark.tsx'

interface CenteredPageProps {
  title: string
  hint?: ReactNode
  children: ReactNode
}

/** The frame of the pages before signing in. */
export function CenteredPage({ title, hint, children }: CenteredPageProps) {
  useEffect(() => {
    document.title = `${title} · ${texts.app.name}`
  }, [title])
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center p-4">
      <div className="w-full max-w-sm">
        <BrandMark className="mb-4 size-10" />
        <h1 className="text-xl">{title}</h1>
        {hint ? <div className="mt-1 text-ink-2">{hint}</div> : null}
        <div className="mt-5">{children}</div>
      </div>
    </main>
  )
}
