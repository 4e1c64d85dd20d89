import { useSyncExternalStore } from 'react'

export type ThemeChoice = 'dark' | 'light' | 'system'

// The same key is read by public/theme.js before the first paint.
const KEY = 'holdfast.theme'
const prefersDark = matchMedia('(prefers-color-scheme: dark)')
const listeners = new Set<() => void>()
let choice: ThemeChoice = stored()

function stored(): ThemeChoice {
  try {
    const value = localStorage.getItem(KEY)
    return value === 'dark' || value === 'light' ? value : 'system'
  } catch {
    // Storage may be blocked by the browser; the choice then lasts until the page is closed.
    return 'system'
  }
}

const resolve = (): 'dark' | 'light' =>
  choice === 'system' ? (prefersDark.matches ? 'dark' : 'light') : choice

function apply() {
  document.documentElement.dataset.theme = resolve()
  for (const listener of listeners) listener()
}

prefersDark.addEventListener('change', apply)

export function setTheme(next: ThemeChoice) {
  choice = next
  try {
    localStorage.setItem(KEY, next)
  } catch {
    // As above: without storage the choice is not kept.
  }
  apply()
}

export const toggleTheme = () => setTheme(resolve() === 'dark' ? 'light' : 'dark')

function subscribe(listener: () => void) {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export const useThemeChoice = (): ThemeChoice => useSyncExternalStore(subscribe, () => choice)
