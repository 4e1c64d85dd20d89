import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, Navigate } from '@tanstack/react-router'
import { useForm } from 'react-hook-form'
import { api, unwrap } from '../../lib/api/client.ts'
import { authQuery } from '../../lib/api/queries.ts'
import { showApiError } from '../../lib/form-errors.ts'
import { texts } from '../../lib/texts.ts'
import { useEntered } from '../../lib/use-entered.ts'
import { Button } from '../../ui/button.tsx'
import { EntryForm, PasswordField, UsernameField } from '../../ui/entry-form.tsx'
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
  const goOn = useEntered()
  const { data: auth, error, refetch } = useQuery(authQuery)
  const { register, handleSubmit, setError, formState } = useForm<SetupForm>({
    defaultValues: { token: token ?? '', username: 'admin', password: '', repeated: '' },
  })

  if (error && !auth) {
    return (
      <main>
        <ErrorState error={error} onRetry={() => void refetch()} className="min-h-dvh" />
      </main>
    )
  }
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
      goOn('/')
    } catch (problem) {
      showApiError(problem, setError, ['token', 'username', 'password'])
    }
  }

  const { errors, isSubmitting } = formState
  return (
    <EntryForm
      title={t.title}
      hint={t.hint}
      error={errors.root?.message}
      submit={t.submit}
      busy={isSubmitting}
      onSubmit={(event) => void handleSubmit(create)(event)}
      aside={
        auth.preview ? (
          <Button asChild variant="ghost">
            <Link to="/">{t.back}</Link>
          </Button>
        ) : null
      }
    >
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
      <UsernameField
        error={errors.username?.message}
        {...register('username', { required: texts.forms.required })}
      />
      <PasswordField
        label={texts.login.password}
        hint={texts.forms.passwordRule}
        error={errors.password?.message}
        {...register('password', {
          required: texts.forms.required,
          minLength: { value: 10, message: texts.forms.passwordRule },
        })}
        autoComplete="new-password"
        autoFocus={token !== undefined}
      />
      <PasswordField
        label={texts.forms.repeatPassword}
        error={errors.repeated?.message}
        {...register('repeated', {
          validate: (value, form) => value === form.password || texts.forms.passwordsDiffer,
        })}
        autoComplete="new-password"
      />
    </EntryForm>
  )
}
