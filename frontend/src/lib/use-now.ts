import { useSyncExternalStore } from 'react'

const TICK_MS = 5000
const listeners = new Set<() => void>()
let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined

function subscribe(listener: () => void) {
  listeners.add(listener)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const each of listeners) each()
  }, TICK_MS)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

function snapshot() {
  // Without a timer the last reading may be old; within a tick it must not change, or React renders without end.
  if (!timer && Date.now() - now > TICK_MS) now = Date.now()
  return now
}

/** The current time in epoch ms, moving every five seconds with one timer for the whole page. */
export const useNow = (): number => useSyncExternalStore(subscribe, snapshot)
