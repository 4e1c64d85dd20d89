import { CircleAlert } from 'lucide-react'

/** What went wrong with a form as a whole; announced when it appears. */
export function FormError({ message }: { message: string | undefined }) {
  if (message === undefined) return null
  return (
    <p
      role="alert"
      className="flex items-start gap-2 rounded-md bg-critical-soft px-3 py-2 text-critical text-sm"
    >
      <CircleAlert className="mt-0.5 size-4 shrink-0" aria-hidden />
      <span className="min-w-0 break-words">{message}</span>
    </p>
  )
}
