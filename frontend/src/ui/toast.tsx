import { CircleAlert, CircleCheck, X } from 'lucide-react'
import { useSyncExternalStore } from 'react'
import { texts } from '../lib/texts.ts'
import { Button } from './button.tsx'

interface Toast {
  id: number
  tone: 'ok' | 'critical'
  text: string
}

const SHOWN_MS = { ok: 4000, critical: 10_000 }
const listeners = new Set<() => void>()
let toasts: readonly Toast[] = []
let nextId = 1

function set(next: readonly Toast[]) {
  toasts = next
  for (const listener of listeners) listener()
}

const dismiss = (id: number) => set(toasts.filter((each) => each.id !== id))

function show(tone: Toast['tone'], text: string) {
  const id = nextId++
  // Three at most: more would hide the page they are about.
  set([...toasts.slice(-2), { id, tone, text }])
  setTimeout(() => dismiss(id), SHOWN_MS[tone])
}

/** Says the outcome of an action that leaves no other trace on the page. */
export const toast = {
  done: (text: string) => show('ok', text),
  error: (text: string) => show('critical', text),
}

function subscribe(listener: () => void) {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function Toaster() {
  const shown = useSyncExternalStore(subscribe, () => toasts)
  return (
    <div
      role="status"
      aria-live="polite"
      className="pointer-events-none fixed right-3 bottom-3 left-3 z-50 flex flex-col items-end gap-2 sm:left-auto"
    >
      {shown.map((each) => (
        <div
          key={each.id}
          className="pointer-events-auto flex max-w-md animate-appear items-start gap-2 rounded-lg border border-line bg-raised py-1.5 pr-1.5 pl-3 text-sm shadow-(--popover-shadow)"
        >
          {each.tone === 'ok' ? (
            <CircleCheck className="mt-1.5 size-4 shrink-0 text-ok" aria-hidden />
          ) : (
            <CircleAlert className="mt-1.5 size-4 shrink-0 text-critical" aria-hidden />
          )}
          <p className="min-w-0 flex-1 break-words py-1">{each.text}</p>
          <Button
            variant="ghost"
            size="icon-sm"
            aria-label={texts.common.dismiss}
            onClick={() => dismiss(each.id)}
          >
            <X aria-hidden />
          </Button>
        </div>
      ))}
    </div>
  )
}
