import { X } from 'lucide-react'
import { type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { cn } from '../lib/cn.ts'
import { texts } from '../lib/texts.ts'
import { Button } from './button.tsx'
import { Input } from './input.tsx'

interface DialogProps {
  open: boolean
  onClose: () => void
  title: ReactNode
  /** What it is about, or what follows from agreeing. */
  description?: ReactNode
  children?: ReactNode
  /** The row of buttons at the bottom. */
  footer?: ReactNode
  /** `sheet` slides to the left edge on a phone: the navigation. */
  shape?: 'center' | 'wide' | 'sheet'
}

/**
 * A modal on the browser's own `<dialog>`: focus stays inside, Escape closes it, focus returns to where it was,
 * and no style element has to be injected, which the content security policy would refuse.
 */
export function Dialog({
  open,
  onClose,
  title,
  description,
  children,
  footer,
  shape = 'center',
}: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  useEffect(() => {
    const dialog = ref.current
    if (!dialog) return
    if (open && !dialog.open) dialog.showModal()
    else if (!open && dialog.open) dialog.close()
  }, [open])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the click is one on the backdrop; its key is Escape, which the browser handles.
    <dialog
      ref={ref}
      aria-labelledby={titleId}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === ref.current) onClose()
      }}
      className={cn(
        'm-auto max-h-[calc(100dvh-2rem)] w-[calc(100vw-1.5rem)] overflow-hidden rounded-lg border border-line bg-card p-0 text-ink',
        'open:flex open:animate-appear open:flex-col',
        shape === 'center' && 'max-w-md',
        shape === 'wide' && 'max-w-2xl',
        shape === 'sheet' && 'my-0 ml-0 h-dvh max-h-dvh w-72 max-w-[85vw] rounded-none border-y-0 border-l-0',
      )}
    >
      {open ? (
        <>
          <header className="flex items-start gap-3 px-4 pt-4 pb-2">
            <div className="min-w-0 flex-1">
              <h2 id={titleId} className="text-lg">
                {title}
              </h2>
              {description ? <div className="mt-1 text-ink-2 text-sm">{description}</div> : null}
            </div>
            <Button variant="ghost" size="icon-sm" aria-label={texts.common.close} onClick={onClose}>
              <X aria-hidden />
            </Button>
          </header>
          <div className="min-h-0 flex-1 overflow-y-auto px-4 pb-4">{children}</div>
          {footer ? (
            <footer className="flex flex-wrap justify-end gap-2 border-line border-t px-4 py-3">
              {footer}
            </footer>
          ) : null}
        </>
      ) : null}
    </dialog>
  )
}

interface ConfirmDialogProps {
  open: boolean
  onClose: () => void
  onConfirm: () => void
  title: ReactNode
  /** The consequences, in plain words. */
  description: ReactNode
  /** The verb on the button. */
  confirm: string
  danger?: boolean
  busy?: boolean
  /** What went wrong with the last try. */
  error?: string | undefined
  /** The word that has to be typed first, for what cannot be undone. */
  typed?: string
}

export function ConfirmDialog(props: ConfirmDialogProps) {
  const [text, setText] = useState('')
  const typedId = useId()
  const close = () => {
    setText('')
    props.onClose()
  }
  const blocked = props.typed !== undefined && text !== props.typed
  return (
    <Dialog
      open={props.open}
      onClose={close}
      title={props.title}
      description={props.description}
      footer={
        <>
          <Button onClick={close}>{texts.common.cancel}</Button>
          <Button
            variant={props.danger ? 'danger' : 'primary'}
            busy={props.busy ?? false}
            disabled={blocked}
            onClick={props.onConfirm}
          >
            {props.confirm}
          </Button>
        </>
      }
    >
      {props.typed === undefined ? null : (
        <div className="mt-2">
          <label htmlFor={typedId} className="block text-ink-2 text-sm">
            {texts.common.typeToConfirm(props.typed)}
          </label>
          <Input
            id={typedId}
            className="mt-1"
            value={text}
            autoComplete="off"
            onChange={(event) => setText(event.target.value)}
          />
        </div>
      )}
      {props.error ? (
        <p role="alert" className="mt-2 text-critical text-sm">
          {props.error}
        </p>
      ) : null}
    </Dialog>
  )
}
