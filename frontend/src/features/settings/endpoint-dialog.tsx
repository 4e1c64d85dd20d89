import { useMutation } from '@tanstack/react-query'
import { useId } from 'react'
import { type UseFormReturn, useForm } from 'react-hook-form'
import { api, unwrap } from '../../lib/api/client.ts'
import type { Endpoint, EndpointTestResult } from '../../lib/api/types.ts'
import { showApiError } from '../../lib/form-errors.ts'
import { texts } from '../../lib/texts.ts'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { Checkbox, Field, Select, Textarea, TextField } from '../../ui/input.tsx'
import { toast } from '../../ui/toast.tsx'
import { type EndpointForm, toForm, toInput, toPatch } from './endpoint-form.ts'

const t = texts.endpoints
const FIELDS = ['kind', 'name', 'url', 'apiKey', 'allowActions', 'enabled'] as const

interface EndpointDialogProps {
  /** null adds a new one. */
  endpoint: Endpoint | null
  onClose: () => void
  onDone: () => void
}

export function EndpointDialog({ endpoint, onClose, onDone }: EndpointDialogProps) {
  const form = useForm<EndpointForm>({ defaultValues: toForm(endpoint) })
  const { handleSubmit, setError, formState } = form
  const test = useMutation({
    mutationFn: (values: EndpointForm) => unwrap(api.POST('/api/endpoints/test', { body: toInput(values) })),
    onError: (error) => showApiError(error, setError, FIELDS),
  })
  const save = async (values: EndpointForm) => {
    try {
      const saved = endpoint
        ? await unwrap(
            api.PATCH('/api/endpoints/{id}', {
              params: { path: { id: endpoint.id } },
              body: toPatch(values, endpoint),
            }),
          )
        : await unwrap(api.POST('/api/endpoints', { body: toInput(values) }))
      toast.done(endpoint ? t.saved(saved.name) : t.added(saved.name))
      onDone()
      onClose()
    } catch (error) {
      showApiError(error, setError, FIELDS)
    }
  }
  const hasAddress = endpoint === null || (endpoint.parentId === null && endpoint.kind !== 'local')
  return (
    <FormDialog
      open
      onClose={onClose}
      shape="wide"
      title={endpoint ? t.editTitle(endpoint.name) : t.addTitle}
      onSubmit={handleSubmit(save)}
      submit={endpoint ? texts.common.save : t.add}
      busy={formState.isSubmitting && !test.isPending}
      error={formState.errors.root?.message}
      aside={
        hasAddress ? (
          <Button
            className="mr-auto"
            busy={test.isPending}
            onClick={() => void handleSubmit((values) => test.mutate(values))()}
          >
            {test.isPending ? t.testing : t.test}
          </Button>
        ) : null
      }
    >
      <EndpointFields form={form} endpoint={endpoint} hasAddress={hasAddress} />
      {test.data ? <TestResult result={test.data} /> : null}
    </FormDialog>
  )
}

interface EndpointFieldsProps {
  form: UseFormReturn<EndpointForm>
  endpoint: Endpoint | null
  hasAddress: boolean
}

function EndpointFields({ form, endpoint, hasAddress }: EndpointFieldsProps) {
  const { register, watch, formState } = form
  const { errors } = formState
  const isPortainer = watch('kind') === 'portainer'
  const required = { required: texts.forms.required }
  return (
    <>
      {endpoint ? null : (
        <Field label={t.kind} error={errors.kind?.message}>
          {(control) => (
            <Select {...control} {...register('kind')}>
              <option value="docker">{t.kinds.docker}</option>
              <option value="portainer">{t.kinds.portainer}</option>
            </Select>
          )}
        </Field>
      )}
      <TextField
        label={t.name}
        hint={t.nameHint}
        error={errors.name?.message}
        {...register('name', required)}
        autoComplete="off"
        autoFocus
      />
      {hasAddress ? (
        <TextField
          label={t.url}
          hint={isPortainer ? t.urlHintPortainer : t.urlHintDocker}
          error={errors.url?.message}
          {...register('url', required)}
          className="mono"
          autoComplete="off"
          spellCheck={false}
        />
      ) : null}
      {hasAddress && isPortainer ? (
        <TextField
          label={t.apiKey}
          hint={endpoint?.hasApiKey ? t.kept : t.apiKeyHint}
          error={errors.apiKey?.message}
          {...register('apiKey', endpoint?.hasApiKey ? {} : required)}
          type="password"
          autoComplete="new-password"
        />
      ) : null}
      {hasAddress ? (
        <TlsFields form={form} isStored={endpoint?.hasTls ?? false} isPortainer={isPortainer} />
      ) : null}
      <CheckField form={form} name="allowActions" label={t.allowActions} hint={t.allowActionsHint} />
      {endpoint ? <CheckField form={form} name="enabled" label={t.enabled} /> : null}
    </>
  )
}

interface TlsFieldsProps {
  form: UseFormReturn<EndpointForm>
  isStored: boolean
  isPortainer: boolean
}

function TlsFields({ form, isStored, isPortainer }: TlsFieldsProps) {
  const { register } = form
  return (
    <details className="rounded-md border border-line">
      <summary className="px-3 py-2 font-medium text-sm">{t.tls}</summary>
      <div className="grid gap-3 px-3 pb-3">
        {isStored ? <p className="text-ink-2 text-sm">{t.tlsKeep}</p> : null}
        <Field label={t.ca}>
          {(control) => <Textarea {...control} {...register('ca')} spellCheck={false} />}
        </Field>
        {isPortainer ? null : (
          <>
            <Field label={t.cert}>
              {(control) => <Textarea {...control} {...register('cert')} spellCheck={false} />}
            </Field>
            <Field label={t.key} hint={isStored ? t.kept : undefined}>
              {(control) => <Textarea {...control} {...register('key')} spellCheck={false} />}
            </Field>
          </>
        )}
        <CheckField form={form} name="verify" label={t.verify} />
      </div>
    </details>
  )
}

interface CheckFieldProps {
  form: UseFormReturn<EndpointForm>
  name: 'verify' | 'allowActions' | 'enabled'
  label: string
  hint?: string
}

function CheckField({ form, name, label, hint }: CheckFieldProps) {
  const id = useId()
  return (
    <div className="flex items-start gap-2">
      <Checkbox id={id} {...form.register(name)} className="mt-0.5" />
      <div>
        <label htmlFor={id} className="text-sm">
          {label}
        </label>
        {hint ? <p className="text-ink-3 text-xs">{hint}</p> : null}
      </div>
    </div>
  )
}

function TestResult({ result }: { result: EndpointTestResult }) {
  const found = result.environments ?? []
  return (
    <div role="status" className="grid gap-1 rounded-md border border-line bg-page px-3 py-2 text-sm">
      <Status tone={result.ok ? 'ok' : 'critical'} look="plain" className="whitespace-normal">
        {result.message}
      </Status>
      {result.hint ? <p className="text-ink-2">{result.hint}</p> : null}
      {result.engineVersion ? <p className="text-ink-2">{t.engine(result.engineVersion)}</p> : null}
      {found.length > 0 ? (
        <p className="text-ink-2">
          {t.environments(found.length)}: {found.map((each) => each.name).join(', ')}
        </p>
      ) : null}
    </div>
  )
}
