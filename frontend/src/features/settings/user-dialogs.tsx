import { useId } from 'react'
import { useForm } from 'react-hook-form'
import { api, unwrap } from '../../lib/api/client.ts'
import type { Role, User } from '../../lib/api/types.ts'
import { showApiError } from '../../lib/form-errors.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { FormError } from '../../ui/form-error.tsx'
import { Field, Input, Select } from '../../ui/input.tsx'
import { toast } from '../../ui/toast.tsx'
import { ROLES } from './roles.ts'

const t = texts.users
const passwordRule = {
  required: texts.forms.required,
  minLength: { value: 10, message: texts.forms.passwordRule },
}

interface AddUserDialogProps {
  open: boolean
  onClose: () => void
  onDone: () => void
}

interface UserForm {
  username: string
  password: string
  role: Role
}

export function AddUserDialog({ open, onClose, onDone }: AddUserDialogProps) {
  const formId = useId()
  const { register, handleSubmit, setError, reset, formState } = useForm<UserForm>({
    defaultValues: { username: '', password: '', role: 'viewer' },
  })
  const close = () => {
    reset()
    onClose()
  }
  const add = async (form: UserForm) => {
    try {
      const user = await unwrap(api.POST('/api/users', { body: form }))
      toast.done(t.added(user.username))
      onDone()
      close()
    } catch (error) {
      showApiError(error, setError, ['username', 'password', 'role'])
    }
  }
  const { errors, isSubmitting } = formState
  return (
    <Dialog
      open={open}
      onClose={close}
      title={t.addTitle}
      footer={
        <>
          <Button onClick={close}>{texts.common.cancel}</Button>
          <Button type="submit" form={formId} variant="primary" busy={isSubmitting}>
            {t.add}
          </Button>
        </>
      }
    >
      <form id={formId} noValidate className="grid gap-3" onSubmit={(event) => void handleSubmit(add)(event)}>
        <FormError message={errors.root?.message} />
        <Field label={texts.login.username} error={errors.username?.message}>
          {(control) => (
            <Input
              {...control}
              {...register('username', { required: texts.forms.required })}
              autoComplete="off"
              autoCapitalize="none"
              autoFocus
            />
          )}
        </Field>
        <Field label={texts.login.password} hint={texts.forms.passwordRule} error={errors.password?.message}>
          {(control) => (
            <Input
              {...control}
              {...register('password', passwordRule)}
              type="password"
              autoComplete="new-password"
            />
          )}
        </Field>
        <Field label={t.role} hint={t.hint} error={errors.role?.message}>
          {(control) => (
            <Select {...control} {...register('role')}>
              {ROLES.map((role) => (
                <option key={role} value={role}>
                  {t.roles[role]}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </form>
    </Dialog>
  )
}

export function SetPasswordDialog({ user, onClose }: { user: User | null; onClose: () => void }) {
  const formId = useId()
  const { register, handleSubmit, setError, reset, formState } = useForm<{ password: string }>({
    defaultValues: { password: '' },
  })
  const close = () => {
    reset()
    onClose()
  }
  const save = async (form: { password: string }) => {
    if (!user) return
    try {
      await unwrap(api.PATCH('/api/users/{id}', { params: { path: { id: user.id } }, body: form }))
      toast.done(t.saved(user.username))
      close()
    } catch (error) {
      showApiError(error, setError, ['password'])
    }
  }
  const { errors, isSubmitting } = formState
  return (
    <Dialog
      open={user !== null}
      onClose={close}
      title={user ? t.setPasswordTitle(user.username) : ''}
      description={t.setPasswordHint}
      footer={
        <>
          <Button onClick={close}>{texts.common.cancel}</Button>
          <Button type="submit" form={formId} variant="primary" busy={isSubmitting}>
            {t.setPassword}
          </Button>
        </>
      }
    >
      <form
        id={formId}
        noValidate
        className="mt-2 grid gap-3"
        onSubmit={(event) => void handleSubmit(save)(event)}
      >
        <FormError message={errors.root?.message} />
        <Field label={texts.login.password} hint={texts.forms.passwordRule} error={errors.password?.message}>
          {(control) => (
            <Input
              {...control}
              {...register('password', passwordRule)}
              type="password"
              autoComplete="new-password"
              autoFocus
            />
          )}
        </Field>
      </form>
    </Dialog>
  )
}
