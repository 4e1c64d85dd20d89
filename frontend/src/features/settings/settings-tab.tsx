import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import { ApiError } from '../../lib/api/problem.ts'
import { authQuery } from '../../lib/api/queries.ts'
import type { Setting } from '../../lib/api/types.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { Card, CardHeader } from '../../ui/card.tsx'
import { FormError } from '../../ui/form-error.tsx'
import { ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { toast } from '../../ui/toast.tsx'
import { type Draft, parseDraft, toDraft } from './setting-draft.ts'
import { SettingRow } from './setting-row.tsx'

const t = texts.settings
const QUERY_KEY = ['settings']

interface SettingsTabProps {
  groups: readonly string[]
  hint?: string
}

/** Settings of some groups; edits are kept until all are saved together or discarded. */
export function SettingsTab({ groups, hint }: SettingsTabProps) {
  const queries = useQueryClient()
  const { data, error, refetch } = useQuery({
    queryKey: QUERY_KEY,
    queryFn: ({ signal }) => unwrap(api.GET('/api/settings', { signal })),
  })
  const [drafts, setDrafts] = useState<Readonly<Record<string, Draft>>>({})
  const save = useMutation({
    mutationFn: (values: Record<string, unknown>) => unwrap(api.PATCH('/api/settings', { body: { values } })),
    onSuccess: (fresh, values) => {
      queries.setQueryData(QUERY_KEY, fresh)
      void queries.invalidateQueries({ queryKey: authQuery.queryKey })
      setDrafts((kept) => Object.fromEntries(Object.entries(kept).filter(([key]) => !(key in values))))
      toast.done(texts.common.saved)
    },
  })

  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} />
  if (!data) {
    return (
      <Loading className="grid gap-3">
        <Skeleton className="h-40" />
        <Skeleton className="h-64" />
      </Loading>
    )
  }

  const shown = data.items.filter((setting) => groups.includes(setting.group))
  const changed = shown.filter((setting) => {
    const draft = drafts[setting.key]
    return draft !== undefined && draft !== toDraft(setting)
  })
  const parsed = new Map(
    changed.map((setting) => [setting.key, parseDraft(setting, drafts[setting.key] ?? '')]),
  )
  const isBad = [...parsed.values()].some((result) => 'problem' in result)
  const problemOf = (key: string): string | undefined => {
    const result = parsed.get(key)
    if (result && 'problem' in result) return result.problem
    if (!(save.error instanceof ApiError)) return undefined
    return save.error.issues.find((issue) => issue.path === key || issue.path.endsWith(`values.${key}`))
      ?.message
  }
  const submit = () => {
    const values: Record<string, unknown> = {}
    for (const [key, result] of parsed) if ('value' in result) values[key] = result.value
    save.mutate(values)
  }

  return (
    <form
      className="grid max-w-4xl gap-3"
      onSubmit={(event) => {
        event.preventDefault()
        if (changed.length > 0 && !isBad) submit()
      }}
    >
      {hint ? <p className="text-ink-2 text-sm">{hint}</p> : null}
      {groups.map((group) => (
        <SettingsGroup
          key={group}
          title={groups.length > 1 ? (t.groups[group] ?? group) : undefined}
          settings={shown.filter((setting) => setting.group === group)}
          drafts={drafts}
          problemOf={problemOf}
          onDraft={(key, draft) => setDrafts((kept) => ({ ...kept, [key]: draft }))}
          onReset={(key) => save.mutate({ [key]: null })}
        />
      ))}
      <FormError message={save.error?.message} />
      {changed.length > 0 ? (
        <div className="sticky bottom-3 flex flex-wrap items-center gap-2 rounded-lg border border-line bg-raised px-4 py-2.5">
          <p className="flex-1 text-sm">{t.unsaved(changed.length)}</p>
          <Button
            onClick={() => {
              setDrafts({})
              save.reset()
            }}
          >
            {t.discard}
          </Button>
          <Button type="submit" variant="primary" busy={save.isPending} disabled={isBad}>
            {texts.common.save}
          </Button>
        </div>
      ) : null}
    </form>
  )
}

interface SettingsGroupProps {
  title: string | undefined
  settings: readonly Setting[]
  drafts: Readonly<Record<string, Draft>>
  problemOf: (key: string) => string | undefined
  onDraft: (key: string, draft: Draft) => void
  onReset: (key: string) => void
}

function SettingsGroup({ title, settings, drafts, problemOf, onDraft, onReset }: SettingsGroupProps) {
  if (settings.length === 0) return null
  return (
    <Card>
      {title === undefined ? null : <CardHeader title={title} />}
      <div className="divide-y divide-line">
        {settings.map((setting) => (
          <SettingRow
            key={setting.key}
            setting={setting}
            draft={drafts[setting.key] ?? toDraft(setting)}
            problem={problemOf(setting.key)}
            onDraft={(draft) => onDraft(setting.key, draft)}
            onReset={() => onReset(setting.key)}
          />
        ))}
      </div>
    </Card>
  )
}
