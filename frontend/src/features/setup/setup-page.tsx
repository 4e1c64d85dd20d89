import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link, Navigate, useRouter } from '@tanstack/react-router'
import { useForm } from 'react-hook-form'
import { api, unwrap } from '../../lib/api/client.ts'
import { authQuery } from '../../lib/api/queries.ts'
import { showApiError } from '../../lib/form-errors.ts'
import { live } from '../../lib/socket.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { CenteredPage } from '../../ui/centered-page.tsx'
import { FormError } from '../../ui/form-error.tsx'
import { TextField } from '../../ui/input.tsx'
import { ErrorState, Loading, Skeleton } from '../../ui/states.tsx'

const route = getRouteApi('/setup')
const t = texts.setup

interface SetupForm {
  token: string
  username: string
  password: string
  repeated: string
}

export function SetupPage() {
  const { token } = route.useSearch()
  const router = useRouter()
  const queries = useQueryClient()
  const { data: auth, error, refetch } = useQuery(authQuery)
  const { register, handleSubmit, setError, formState } = useForm<SetupForm>({
    defaultValues: { token: token ?? '', username: 'admin', password: '', repeated: '' },
  })

  if (error && !auth) return <ErrorState error={error} onRetry={() => void refetch()} className="min-h-dvh" />
  if (!auth) {
    return (
      <Loading className="mx-auto max-w-sm pt-40">
        <Skeleton className="h-64" />
      </Loading>
    )
  }
  if (!auth.setupRequired) return <Navigate to={auth.user ? '/' : '/login'} search={{}} replace />

  const create = async ({ token, username, password }: SetupForm) => {
    try {
      await unwrap(api.POST('/api/auth/setup', { body: { token: token.trim(), username, password } }))
      // The preview's connection and answers were those of somebody not signed in.
      live.close()
      queries.clear()
      router.history.replace('/')
    } catch (problem) {
      showApiError(problem, setError, ['token', 'username', 'password'])
    }
  }

  const { errors, isSubmitting } = formState
  return (
    <CenteredPage title={t.title} hint={t.hint}>
      <form
        noValidate
        className="grid gap-3"
        onSubmit={(event) => void handleSubmit(create)(event)}
        aria-label={t.title}
      >
        <FormError message={errors.root?.message} />
        <TextField
          label={t.token}
          hint={t.tokenHint}
          error={errors.token?.message}
          {...register('token', { required: texts.forms.required })}
          autoComplete="off"
          spellCheck={false}
          autoFocus={token === undefined}
          className="mono h-9"
        />
        <TextField
          label={texts.login.username}
          error={errors.username?.message}
          {...register('username', { required: texts.forms.required })}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          className="h-9"
        />
        <TextField
          label={texts.login.password}
          hint={texts.forms.passwordRule}
          error={errors.password?.message}
          {...register('password', {
            required: texts.forms.required,
            minLength: { value: 10, message: texts.forms.passwordRule },
          })}
          type="password"
          autoComplete="new-password"
          autoFocus={token !== undefined}
          className="h-9"
        />
        <TextField
          label={texts.forms.repeatPassword}
          error={errors.repeated?.message}
          {...register('repeated', {
            validate: (value, form) => value === form.password || texts.forms.passwordsDiffer,
          })}
          type="password"
          autoComplete="new-password"
          className="h-9"
        />
        <Button type="submit" variant="primary" size="lg" busy={isSubmitting}>
          {t.submit}
        </Button>
        {auth.preview ? (
          <Button asChild variant="ghost">
            <Link to="/">{t.back}</Link>
          </Button>
        ) : null}
      </form>
    </CenteredPage>
  )
}
