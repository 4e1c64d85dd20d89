import { Search } from 'lucide-react'
import { type ReactNode, useEffect, useRef } from 'react'
import { texts } from '../lib/texts.ts'
import { Kbd } from '../ui/kbd.tsx'

export const PALETTE_INPUT = 'h-11 min-w-0 flex-1 bg-transparent outline-none placeholder:text-ink-3'

/** The dialog of the command palette. */
export function PaletteFrame({ onClose, children }: { onClose: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal()
    // The field may have been asked to take the focus while its dialog was still closed, when nothing in it can.
    dialog.current?.querySelector('input')?.focus()
  }, [])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the click is one on the backdrop; its key is Escape, which the browser handles.
    <dialog
      ref={dialog}
      aria-label={texts.keys.palette}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) onClose()
      }}
      className="mx-auto mt-[12dvh] mb-0 w-[calc(100vw-1.5rem)] max-w-xl animate-appear overflow-hidden rounded-lg border border-line bg-card p-0 text-ink"
    >
      {children}
    </dialog>
  )
}

export function PaletteField({ children }: { children: ReactNode }) {
  return (
    <div className="flex items-center gap-2 border-line border-b px-3">
      <Search className="size-4 shrink-0 text-ink-3" aria-hidden />
      {children}
      <Kbd>Esc</Kbd>
    </div>
  )
}

interface PaletteLoadingProps {
  text: string
  onText: (text: string) => void
  onClose: () => void
}

/** Takes the keys of somebody who types faster than the palette's code arrives. */
export function PaletteLoading({ text, onText, onClose }: PaletteLoadingProps) {
  return (
    <PaletteFrame onClose={onClose}>
      <PaletteField>
        <input
          // biome-ignore lint/a11y/noAutofocus: the dialog was opened to type into it.
          autoFocus
          value={text}
          onChange={(event) => onText(event.target.value)}
          aria-label={texts.palette.placeholder}
          placeholder={texts.palette.placeholder}
          className={PALETTE_INPUT}
        />
      </PaletteField>
    </PaletteFrame>
  )
}
