import { type FormEvent, type ReactNode, useId } from 'react'
import { texts } from '../lib/texts.ts'
import { Button } from './button.tsx'
import { Dialog } from './dialog.tsx'
import { FormError } from './form-error.tsx'

interface FormDialogProps {
  open: boolean
  onClose: () => void
  title: ReactNode
  description?: ReactNode
  shape?: 'center' | 'wide'
  onSubmit: (event: FormEvent) => unknown
  /** The verb on the button. */
  submit: string
  busy: boolean
  /** What went wrong with the form as a whole. */
  error: string | undefined
  /** A further button, apart from the two. */
  aside?: ReactNode
  children: ReactNode
}

/** A form in a modal, with the buttons that send it or give it up. */
export function FormDialog(props: FormDialogProps) {
  const formId = useId()
  return (
    <Dialog
      open={props.open}
      onClose={props.onClose}
      title={props.title}
      description={props.description}
      shape={props.shape ?? 'center'}
      footer={
        <>
          {props.aside}
          <Button onClick={props.onClose}>{texts.common.cancel}</Button>
          <Button type="submit" form={formId} variant="primary" busy={props.busy}>
            {props.submit}
          </Button>
        </>
      }
    >
      <form
        id={formId}
        noValidate
        className="grid gap-3 pt-1"
        onSubmit={(event) => void props.onSubmit(event)}
      >
        <FormError message={props.error} />
        {props.children}
      </form>
    </Dialog>
  )
}
