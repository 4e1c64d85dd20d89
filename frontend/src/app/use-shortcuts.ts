import { useNavigate } from '@tanstack/react-router'
import { useEffect, useEffectEvent, useRef } from 'react'
import { toggleTheme } from '../lib/theme.ts'
import { useNav } from './nav.ts'

/** How long `g` waits for its second key. */
const SEQUENCE_MS = 1200

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))

interface Shortcuts {
  onPalette: () => void
  onHelp: () => void
}

/** Keys of the whole page. Single keys are left alone while somebody types or a dialog is open. */
export function useShortcuts({ onPalette, onHelp }: Shortcuts) {
  const navigate = useNavigate()
  const nav = useNav()
  const startedAt = useRef(0)

  const handle = useEffectEvent((event: KeyboardEvent) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault()
      onPalette()
      return
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
    if (document.querySelector('dialog[open]')) return
    const follows = event.timeStamp - startedAt.current < SEQUENCE_MS && startedAt.current > 0
    startedAt.current = 0
    if (follows) {
      const item = nav.flatMap((group) => group.items).find((each) => each.key === event.key)
      if (!item) return
      event.preventDefault()
      void navigate({ to: item.to })
      return
    }
    if (event.key === 'g') startedAt.current = event.timeStamp
    else if (event.key === '?') onHelp()
    else if (event.key === 't') toggleTheme()
    else if (event.key === '/') {
      const field = document.querySelector<HTMLInputElement>('main [data-search-field]')
      if (!field) return
      event.preventDefault()
      field.focus()
      field.select()
    }
  })

  useEffect(() => {
    const listener = (event: KeyboardEvent) => handle(event)
    document.addEventListener('keydown', listener)
    return () => document.removeEventListener('keydown', listener)
  }, [])
}
