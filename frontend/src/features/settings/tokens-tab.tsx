import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { KeySquare, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { ApiToken } from '../../lib/api/types.ts'
import { useUser } from '../../lib/auth.ts'
import { texts } from '../../lib/texts.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { EmptyState } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { CreateTokenDialog } from './create-token-dialog.tsx'
import { SettingsList } from './settings-list.tsx'

const t = texts.tokens
const QUERY_KEY = ['tokens']

export function TokensTab() {
  const queries = useQueryClient()
  const query = useQuery({
    queryKey: QUERY_KEY,
    queryFn: ({ signal }) => unwrap(api.GET('/api/tokens', { signal })),
  })
  const [creating, setCreating] = useState(false)
  const [removing, setRemoving] = useState<ApiToken | null>(null)
  const refresh = () => queries.invalidateQueries({ queryKey: QUERY_KEY })
  const remove = useMutation({
    mutationFn: (token: ApiToken) => api.DELETE('/api/tokens/{id}', { params: { path: { id: token.id } } }),
    onSuccess: (_, token) => {
      toast.done(t.removed(token.name))
      setRemoving(null)
    },
    onSettled: refresh,
  })

  return (
    <SettingsList
      title={texts.settings.tabs.tokens}
      hint={t.hint}
      add={t.add}
      onAdd={() => setCreating(true)}
      query={query}
      row={(token) => <TokenRow key={token.id} token={token} onRemove={() => setRemoving(token)} />}
      empty={
        <EmptyState icon={KeySquare} title={t.empty}>
          {t.emptyHint}
        </EmptyState>
      }
      removal={{
        item: removing,
        onClose: () => setRemoving(null),
        title: (token) => t.removeTitle(token.name),
        hint: t.removeHint,
        confirm: t.remove,
        mutation: remove,
      }}
    >
      <CreateTokenDialog open={creating} onClose={() => setCreating(false)} onDone={() => void refresh()} />
    </SettingsList>
  )
}

function TokenRow({ token, onRemove }: { token: ApiToken; onRemove: () => void }) {
  const isOwn = useUser()?.id === token.userId
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
      <div className="min-w-0 flex-1 basis-60">
        <p className="flex flex-wrap items-center gap-2">
          <span className="truncate font-medium">{token.name}</span>
          {token.scopes.map((scope) => (
            <Badge key={scope}>{t.scope[scope]}</Badge>
          ))}
        </p>
        <p className="flex flex-wrap gap-x-3 text-ink-2 text-sm">
          {isOwn ? null : <span>{`${t.owner}: ${token.username}`}</span>}
          <span>
            {t.used}: {token.lastUsedAt ? <Time at={token.lastUsedAt} /> : texts.common.never}
          </span>
          <span>
            {t.expires}: {token.expiresAt ? <Time at={token.expiresAt} /> : texts.common.never}
          </span>
        </p>
      </div>
      <Button variant="ghost" size="icon" aria-label={`${t.remove}: ${token.name}`} onClick={onRemove}>
        <Trash2 aria-hidden />
      </Button>
    </li>
  )
}
