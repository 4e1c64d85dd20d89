import { type ErrorComponentProps, Link, useRouter } from '@tanstack/react-router'
import { Compass } from 'lucide-react'
import { useEffect } from 'react'
import { texts } from '../lib/texts.ts'
import { Button } from '../ui/button.tsx'
import { CenteredPage } from '../ui/centered-page.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../ui/states.tsx'

/** Shown while the code of a page is on its way. */
export function PagePending() {
  return (
    <Loading className="grid gap-4">
      <Skeleton className="h-8 w-48" />
      <Skeleton className="h-64 w-full" />
    </Loading>
  )
}

const RELOADED = 'holdfast.reloaded'

/** After an upgrade an open page asks for code files that are gone; one reload gets the new ones. */
const isStaleCode = (error: unknown): error is Error =>
  error instanceof Error && /dynamically imported module|module script failed/i.test(error.message)

export function PageError({ error, reset }: ErrorComponentProps) {
  const router = useRouter()
  useEffect(() => {
    if (!isStaleCode(error) || sessionStorage.getItem(RELOADED) === error.message) return
    // Remembered by message: a file that is missing for good must not reload for ever.
    sessionStorage.setItem(RELOADED, error.message)
    location.reload()
  }, [error])
  return (
    <div className="mx-auto max-w-2xl pt-16">
      <ErrorState
        error={error}
        onRetry={() => {
          reset()
          void router.invalidate()
        }}
      />
    </div>
  )
}

/** An error outside of the frame with the navigation. */
export function RootError(props: ErrorComponentProps) {
  return (
    <main>
      <PageError {...props} />
    </main>
  )
}

const toOverview = (
  <Button asChild>
    <Link to="/">{texts.errors.toOverview}</Link>
  </Button>
)

export function PageNotFound() {
  return (
    <EmptyState icon={Compass} title={texts.errors.pageNotFound} actions={toOverview} className="pt-16">
      {texts.errors.pageNotFoundHint}
    </EmptyState>
  )
}

/** An address outside of the frame with the navigation. */
export function RootNotFound() {
  return (
    <CenteredPage title={texts.errors.pageNotFound} hint={texts.errors.pageNotFoundHint}>
      {toOverview}
    </CenteredPage>
  )
}
