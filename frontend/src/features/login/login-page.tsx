import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Navigate } from '@tanstack/react-router'
import { useForm } from 'react-hook-form'
import { api, unwrap } from '../../lib/api/client.ts'
import { authQuery } from '../../lib/api/queries.ts'
import { showApiError } from '../../lib/form-errors.ts'
import { landingOf } from '../../lib/landing.ts'
import { texts } from '../../lib/texts.ts'
import { useEntered } from '../../lib/use-entered.ts'
import { EntryForm, PasswordField, UsernameField } from '../../ui/entry-form.tsx'

const route = getRouteApi('/login')
const t = texts.login

interface LoginForm {
  username: string
  password: string
}

export function LoginPage() {
  const { next } = route.useSearch()
  const goOn = useEntered()
  const auth = useQuery(authQuery).data
  const { register, handleSubmit, setError, formState } = useForm<LoginForm>({
    defaultValues: { username: '', password: '' },
  })

  if (auth?.setupRequired) return <Navigate to="/setup" search={{}} />

  const signIn = async (form: LoginForm) => {
    try {
      const user = await unwrap(api.POST('/api/auth/login', { body: form }))
      goOn(landingOf(next, user))
    } catch (error) {
      showApiError(error, setError, ['username', 'password'])
    }
  }

  const { errors, isSubmitting } = formState
  return (
    <EntryForm
      title={t.title}
      hint={auth?.instanceName ?? texts.app.name}
      error={errors.root?.message}
      submit={t.submit}
      busy={isSubmitting}
      onSubmit={(event) => void handleSubmit(signIn)(event)}
    >
      <UsernameField
        error={errors.username?.message}
        {...register('username', { required: texts.forms.required })}
        autoFocus
      />
      <PasswordField
        label={t.password}
        error={errors.password?.message}
        {...register('password', { required: texts.forms.required })}
        autoComplete="current-password"
      />
    </EntryForm>
  )
}
