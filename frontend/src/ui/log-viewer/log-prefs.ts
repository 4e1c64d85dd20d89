import { useSyncExternalStore } from 'react'

export const TIME_STYLES = ['none', 'clock', 'full', 'utc'] as const
export type TimeStyle = (typeof TIME_STYLES)[number]

export interface LogPrefs {
  wrap: boolean
  times: TimeStyle
  tags: boolean
}

const KEY = 'holdfast.logs'
/** On a phone a line that does not wrap shows little but its time. */
const NARROW = '(max-width: 640px)'
const DEFAULTS: LogPrefs = {
  wrap: globalThis.matchMedia?.(NARROW).matches ?? false,
  times: 'clock',
  tags: true,
}
const listeners = new Set<() => void>()
let prefs = load()

/** What was stored, as far as it makes sense; a hand-edited or older value falls back piece by piece. */
export function readPrefs(text: string | null): LogPrefs {
  let stored: unknown = null
  try {
    stored = JSON.parse(text ?? 'null')
  } catch {
    // Not ours, or damaged: the defaults are fine.
  }
  if (typeof stored !== 'object' || stored === null) return DEFAULTS
  const value = stored as Partial<Record<keyof LogPrefs, unknown>>
  return {
    wrap: typeof value.wrap === 'boolean' ? value.wrap : DEFAULTS.wrap,
    times: TIME_STYLES.find((style) => style === value.times) ?? DEFAULTS.times,
    tags: typeof value.tags === 'boolean' ? value.tags : DEFAULTS.tags,
  }
}

function load(): LogPrefs {
  try {
    return readPrefs(localStorage.getItem(KEY))
  } catch {
    // Storage may be blocked by the browser; the choice then lasts until the page is closed.
    return DEFAULTS
  }
}

export function setLogPrefs(change: Partial<LogPrefs>): void {
  prefs = { ...prefs, ...change }
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs))
  } catch {
    // As above: without storage the choice is not kept.
  }
  for (const listener of listeners) listener()
}

/** How this person likes to read logs; the same in every viewer, remembered in the browser. */
export const useLogPrefs = (): LogPrefs =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => prefs,
  )
