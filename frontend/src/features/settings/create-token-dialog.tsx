import { useId, useState } from 'react'
import { useForm } from 'react-hook-form'
import { api, unwrap } from '../../lib/api/client.ts'
import type { TokenScope } from '../../lib/api/types.ts'
import { showApiError } from '../../lib/form-errors.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { CopyButton } from '../../ui/copy-button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { Checkbox, Field, Select, TextField } from '../../ui/input.tsx'

const t = texts.tokens
const SCOPES: readonly TokenScope[] = ['read', 'write', 'admin', 'metrics']
const EXPIRY_DAYS = { never: null, d30: 30, d90: 90, d365: 365 } as const
type Expiry = keyof typeof EXPIRY_DAYS
const EXPIRIES: readonly Expiry[] = ['d30', 'd90', 'd365', 'never']
const DAY_MS = 86_400_000

interface TokenForm {
  name: string
  scopes: TokenScope[]
  expiry: Expiry
}

interface CreateTokenDialogProps {
  open: boolean
  onClose: () => void
  onDone: () => void
}

/** Asks for name, scopes and life time; then shows the secret, which exists nowhere else afterwards. */
export function CreateTokenDialog({ open, onClose, onDone }: CreateTokenDialogProps) {
  const scopesId = useId()
  const [secret, setSecret] = useState<string | null>(null)
  const { register, handleSubmit, setError, reset, formState } = useForm<TokenForm>({
    defaultValues: { name: '', scopes: ['read'], expiry: 'd90' },
  })
  const close = () => {
    reset()
    setSecret(null)
    onClose()
  }
  const create = async ({ name, scopes, expiry }: TokenForm) => {
    const days = EXPIRY_DAYS[expiry]
    const expiresAt = days === null ? {} : { expiresAt: new Date(Date.now() + days * DAY_MS).toISOString() }
    try {
      const created = await unwrap(api.POST('/api/tokens', { body: { name, scopes, ...expiresAt } }))
      setSecret(created.secret)
      onDone()
    } catch (error) {
      showApiError(error, setError, ['name', 'scopes'])
    }
  }
  const { errors, isSubmitting } = formState
  if (secret !== null) {
    return (
      <Dialog
        open={open}
        onClose={close}
        title={t.secretTitle}
        description={t.secretHint}
        footer={
          <Button variant="primary" onClick={close}>
            {t.done}
          </Button>
        }
      >
        <div className="mt-2 flex items-center gap-1 rounded-md border border-line bg-page py-1 pr-1 pl-3">
          <code className="mono min-w-0 flex-1 break-all">{secret}</code>
          <CopyButton text={secret} />
        </div>
      </Dialog>
    )
  }
  return (
    <FormDialog
      open={open}
      onClose={close}
      title={t.addTitle}
      onSubmit={handleSubmit(create)}
      submit={t.add}
      busy={isSubmitting}
      error={errors.root?.message}
    >
      <TextField
        label={t.name}
        hint={t.nameHint}
        error={errors.name?.message}
        {...register('name', { required: texts.forms.required })}
        autoComplete="off"
        autoFocus
      />
      <fieldset>
        <legend className="mb-1 font-medium text-sm">{t.scopes}</legend>
        <div className="grid gap-1.5">
          {SCOPES.map((scope) => (
            <div key={scope} className="flex items-center gap-2 text-sm">
              <Checkbox
                id={`${scopesId}-${scope}`}
                value={scope}
                {...register('scopes', {
                  validate: (chosen) => chosen.length > 0 || texts.forms.required,
                })}
              />
              <label htmlFor={`${scopesId}-${scope}`}>{t.scope[scope]}</label>
            </div>
          ))}
        </div>
        {errors.scopes ? <p className="mt-1 text-critical text-xs">{errors.scopes.message}</p> : null}
      </fieldset>
      <Field label={t.expires}>
        {(control) => (
          <Select {...control} {...register('expiry')}>
            {EXPIRIES.map((expiry) => (
              <option key={expiry} value={expiry}>
                {t.expiry[expiry]}
              </option>
            ))}
          </Select>
        )}
      </Field>
    </FormDialog>
  )
}
