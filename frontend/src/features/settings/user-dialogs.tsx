import { useForm } from 'react-hook-form'
import { api, unwrap } from '../../lib/api/client.ts'
import type { Role, User } from '../../lib/api/types.ts'
import { showApiError } from '../../lib/form-errors.ts'
import { texts } from '../../lib/texts.ts'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { Field, Select, TextField } from '../../ui/input.tsx'
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
    <FormDialog
      open={open}
      onClose={close}
      title={t.addTitle}
      onSubmit={handleSubmit(add)}
      submit={t.add}
      busy={isSubmitting}
      error={errors.root?.message}
    >
      <TextField
        label={texts.login.username}
        error={errors.username?.message}
        {...register('username', { required: texts.forms.required })}
        autoComplete="off"
        autoCapitalize="none"
        autoFocus
      />
      <TextField
        label={texts.login.password}
        hint={texts.forms.passwordRule}
        error={errors.password?.message}
        {...register('password', passwordRule)}
        type="password"
        autoComplete="new-password"
      />
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
    </FormDialog>
  )
}

export function SetPasswordDialog({ user, onClose }: { user: User | null; onClose: () => void }) {
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
    <FormDialog
      open={user !== null}
      onClose={close}
      title={user ? t.setPasswordTitle(user.username) : ''}
      description={t.setPasswordHint}
      onSubmit={handleSubmit(save)}
      submit={t.setPassword}
      busy={isSubmitting}
      error={errors.root?.message}
    >
      <TextField
        label={texts.login.password}
        hint={texts.forms.passwordRule}
        error={errors.password?.message}
        {...register('password', passwordRule)}
        type="password"
        autoComplete="new-password"
        autoFocus
      />
    </FormDialog>
  )
}
