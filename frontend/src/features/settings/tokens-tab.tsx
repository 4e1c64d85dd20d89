import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { KeySquare, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { ApiToken } from '../../lib/api/types.ts'
import { useUser } from '../../lib/auth.ts'
import { texts } from '../../lib/texts.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Card, CardHeader } from '../../ui/card.tsx'
import { ConfirmDialog } from '../../ui/dialog.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { CreateTokenDialog } from './create-token-dialog.tsx'

const t = texts.tokens
const QUERY_KEY = ['tokens']

export function TokensTab() {
  const queries = useQueryClient()
  const { data, error, refetch } = useQuery({
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

  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} />
  if (!data) {
    return (
      <Loading className="max-w-4xl">
        <Skeleton className="h-48" />
      </Loading>
    )
  }
  return (
    <Card className="max-w-4xl">
      <CardHeader
        title={texts.settings.tabs.tokens}
        hint={t.hint}
        actions={
          <Button variant="primary" onClick={() => setCreating(true)}>
            <Plus aria-hidden />
            {t.add}
          </Button>
        }
      />
      {data.items.length === 0 ? (
        <EmptyState icon={KeySquare} title={t.empty} className="border-line border-t">
          {t.emptyHint}
        </EmptyState>
      ) : (
        <ul className="divide-y divide-line border-line border-t">
          {data.items.map((token) => (
            <TokenRow key={token.id} token={token} onRemove={() => setRemoving(token)} />
          ))}
        </ul>
      )}
      <CreateTokenDialog open={creating} onClose={() => setCreating(false)} onDone={() => void refresh()} />
      <ConfirmDialog
        open={removing !== null}
        onClose={() => {
          remove.reset()
          setRemoving(null)
        }}
        onConfirm={() => {
          if (removing) remove.mutate(removing)
        }}
        title={removing ? t.removeTitle(removing.name) : ''}
        description={t.removeHint}
        confirm={t.remove}
        danger
        busy={remove.isPending}
        error={remove.error?.message}
      />
    </Card>
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
        <p className="text-ink-2 text-sm">
          {isOwn ? null : `${t.owner}: ${token.username} · `}
          {t.used}: {token.lastUsedAt ? <Time at={token.lastUsedAt} /> : texts.common.never} · {t.expires}:{' '}
          {token.expiresAt ? <Time at={token.expiresAt} /> : texts.common.never}
        </p>
      </div>
      <Button variant="ghost" size="icon" aria-label={`${t.remove}: ${token.name}`} onClick={onRemove}>
        <Trash2 aria-hidden />
      </Button>
    </li>
  )
}
