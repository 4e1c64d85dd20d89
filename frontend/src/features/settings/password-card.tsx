import { useForm } from 'react-hook-form'
import { api } from '../../lib/api/client.ts'
import { useUser } from '../../lib/auth.ts'
import { showApiError } from '../../lib/form-errors.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { Card, CardBody, CardHeader } from '../../ui/card.tsx'
import { FormError } from '../../ui/form-error.tsx'
import { TextField } from '../../ui/input.tsx'
import { toast } from '../../ui/toast.tsx'

const t = texts.sessions

interface PasswordForm {
  currentPassword: string
  newPassword: string
}

export function PasswordCard() {
  const user = useUser()
  const { register, handleSubmit, setError, reset, formState } = useForm<PasswordForm>({
    defaultValues: { currentPassword: '', newPassword: '' },
  })
  const change = async (form: PasswordForm) => {
    try {
      await api.POST('/api/auth/password', { body: form })
      reset()
      toast.done(t.changed)
    } catch (error) {
      showApiError(error, setError, ['currentPassword', 'newPassword'])
    }
  }
  const { errors, isSubmitting } = formState
  return (
    <Card>
      <CardHeader title={t.password} hint={t.passwordHint} />
      <CardBody>
        <form
          noValidate
          className="grid max-w-sm gap-3"
          onSubmit={(event) => void handleSubmit(change)(event)}
        >
          {/* For password managers: which account this is about. */}
          <input
            type="text"
            name="username"
            autoComplete="username"
            value={user?.username ?? ''}
            readOnly
            hidden
          />
          <FormError message={errors.root?.message} />
          <TextField
            label={t.currentPassword}
            error={errors.currentPassword?.message}
            {...register('currentPassword', { required: texts.forms.required })}
            type="password"
            autoComplete="current-password"
          />
          <TextField
            label={t.newPassword}
            hint={texts.forms.passwordRule}
            error={errors.newPassword?.message}
            {...register('newPassword', { minLength: { value: 10, message: texts.forms.passwordRule } })}
            type="password"
            autoComplete="new-password"
          />
          <div>
            <Button type="submit" busy={isSubmitting}>
              {t.change}
            </Button>
          </div>
        </form>
      </CardBody>
    </Card>
  )
}
