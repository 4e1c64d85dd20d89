import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Navigate, useRouter } from '@tanstack/react-router'
import { useForm } from 'react-hook-form'
import { api, unwrap } from '../../lib/api/client.ts'
import { authQuery } from '../../lib/api/queries.ts'
import { showApiError } from '../../lib/form-errors.ts'
import { landingOf } from '../../lib/landing.ts'
import { live } from '../../lib/socket.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { CenteredPage } from '../../ui/centered-page.tsx'
import { FormError } from '../../ui/form-error.tsx'
import { TextField } from '../../ui/input.tsx'

const route = getRouteApi('/login')

interface LoginForm {
  username: string
  password: string
}

export function LoginPage() {
  const { next } = route.useSearch()
  const router = useRouter()
  const queries = useQueryClient()
  const auth = useQuery(authQuery).data
  const { register, handleSubmit, setError, formState } = useForm<LoginForm>({
    defaultValues: { username: '', password: '' },
  })

  if (auth?.setupRequired) return <Navigate to="/setup" search={{}} />

  const signIn = async (form: LoginForm) => {
    try {
      const user = await unwrap(api.POST('/api/auth/login', { body: form }))
      // What an earlier user could see must not be shown to this one.
      live.close()
      queries.clear()
      router.history.replace(landingOf(next, user))
    } catch (error) {
      showApiError(error, setError, ['username', 'password'])
    }
  }

  const { errors, isSubmitting } = formState
  return (
    <CenteredPage title={texts.login.title} hint={auth?.instanceName ?? texts.app.name}>
      <form
        noValidate
        className="grid gap-3"
        onSubmit={(event) => void handleSubmit(signIn)(event)}
        aria-label={texts.login.title}
      >
        <FormError message={errors.root?.message} />
        <TextField
          label={texts.login.username}
          error={errors.username?.message}
          {...register('username', { required: texts.forms.required })}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          className="h-9"
        />
        <TextField
          label={texts.login.password}
          error={errors.password?.message}
          {...register('password', { required: texts.forms.required })}
          type="password"
          autoComplete="current-password"
          className="h-9"
        />
        <Button type="submit" variant="primary" size="lg" busy={isSubmitting}>
          {texts.login.submit}
        </Button>
      </form>
    </CenteredPage>
  )
}
