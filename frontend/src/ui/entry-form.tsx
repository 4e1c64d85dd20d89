import type { FormEventHandler, ReactNode } from 'react'
import { texts } from '../lib/texts.ts'
import { Button } from './button.tsx'
import { CenteredPage } from './centered-page.tsx'
import { FormError } from './form-error.tsx'
import { TextField, type TextFieldProps } from './input.tsx'

interface EntryFormProps {
  title: string
  hint: ReactNode
  /** What went wrong with the form as a whole. */
  error: string | undefined
  submit: string
  busy: boolean
  onSubmit: FormEventHandler
  children: ReactNode
  /** Another way on, below the button. */
  aside?: ReactNode
}

/** The page and form through which somebody comes in. */
export function EntryForm({ title, hint, error, submit, busy, onSubmit, children, aside }: EntryFormProps) {
  return (
    <CenteredPage title={title} hint={hint}>
      <form noValidate className="grid gap-3" onSubmit={onSubmit} aria-label={title}>
        <FormError message={error} />
        {children}
        <Button type="submit" variant="primary" size="lg" busy={busy}>
          {submit}
        </Button>
        {aside}
      </form>
    </CenteredPage>
  )
}

export function UsernameField(field: Omit<TextFieldProps, 'label'>) {
  return (
    <TextField
      label={texts.login.username}
      autoComplete="username"
      autoCapitalize="none"
      spellCheck={false}
      className="h-9"
      {...field}
    />
  )
}

/** `autoComplete` tells a password manager whether it is to fill in a password or to make one. */
export function PasswordField(field: TextFieldProps & { autoComplete: 'current-password' | 'new-password' }) {
  return <TextField type="password" className="h-9" {...field} />
}
