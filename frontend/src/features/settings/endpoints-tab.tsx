import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Pencil, Plug, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { api } from '../../lib/api/client.ts'
import { endpointsQuery } from '../../lib/api/queries.ts'
import type { Endpoint } from '../../lib/api/types.ts'
import { texts } from '../../lib/texts.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Card, CardHeader } from '../../ui/card.tsx'
import { ConfirmDialog } from '../../ui/dialog.tsx'
import { EndpointStatusBadge } from '../../ui/fleet-status.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { EndpointDialog } from './endpoint-dialog.tsx'

const t = texts.endpoints

type Open = { what: 'add' } | { what: 'edit' | 'remove'; endpoint: Endpoint } | null

export function EndpointsTab() {
  const queries = useQueryClient()
  const { data, error, refetch } = useQuery(endpointsQuery)
  const [open, setOpen] = useState<Open>(null)
  const close = () => setOpen(null)
  const refresh = () => queries.invalidateQueries({ queryKey: endpointsQuery.queryKey })
  const remove = useMutation({
    mutationFn: (endpoint: Endpoint) =>
      api.DELETE('/api/endpoints/{id}', { params: { path: { id: endpoint.id } } }),
    onSuccess: (_, endpoint) => {
      toast.done(t.removed(endpoint.name))
      close()
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
        title={texts.settings.tabs.endpoints}
        hint={t.hint}
        actions={
          <Button variant="primary" onClick={() => setOpen({ what: 'add' })}>
            <Plus aria-hidden />
            {t.add}
          </Button>
        }
      />
      {data.items.length === 0 ? (
        <EmptyState icon={Plug} title={t.empty} className="border-line border-t">
          {t.emptyHint}
        </EmptyState>
      ) : (
        <ul className="divide-y divide-line border-line border-t">
          {data.items.map((endpoint) => (
            <EndpointRow
              key={endpoint.id}
              endpoint={endpoint}
              onEdit={() => setOpen({ what: 'edit', endpoint })}
              onRemove={() => setOpen({ what: 'remove', endpoint })}
            />
          ))}
        </ul>
      )}
      {open?.what === 'add' || open?.what === 'edit' ? (
        <EndpointDialog
          endpoint={open.what === 'edit' ? open.endpoint : null}
          onClose={close}
          onDone={() => void refresh()}
        />
      ) : null}
      <ConfirmDialog
        open={open?.what === 'remove'}
        onClose={() => {
          remove.reset()
          close()
        }}
        onConfirm={() => {
          if (open?.what === 'remove') remove.mutate(open.endpoint)
        }}
        title={open?.what === 'remove' ? t.removeTitle(open.endpoint.name) : ''}
        description={t.removeHint}
        confirm={t.remove}
        danger
        busy={remove.isPending}
        error={remove.error?.message}
      />
    </Card>
  )
}

interface EndpointRowProps {
  endpoint: Endpoint
  onEdit: () => void
  onRemove: () => void
}

function EndpointRow({ endpoint, onEdit, onRemove }: EndpointRowProps) {
  // Environments of a Portainer server come and go with it; this machine is found by itself.
  const isOwn = endpoint.parentId === null && endpoint.kind !== 'local'
  return (
    <li className="flex flex-wrap items-start gap-x-4 gap-y-1 px-4 py-2.5">
      <div className="min-w-0 flex-1 basis-60">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="truncate font-medium">{endpoint.name}</span>
          <EndpointStatusBadge status={endpoint.status} look="soft" />
          <Badge>{t.kinds[endpoint.kind]}</Badge>
          {endpoint.allowActions ? <Badge>{t.actionsAllowed}</Badge> : null}
        </p>
        <p className="text-ink-2 text-sm">
          {endpoint.url ? (
            <>
              <span className="mono break-all">{endpoint.url}</span> ·{' '}
            </>
          ) : null}
          {endpoint.engineVersion ? `${t.engine(endpoint.engineVersion)} · ` : null}
          {t.containers(endpoint.containers ?? 0)}
          {endpoint.status !== 'up' && endpoint.lastSeenAt ? (
            <>
              {' '}
              · {t.lastSeen} <Time at={endpoint.lastSeenAt} />
            </>
          ) : null}
        </p>
        {endpoint.error ? <p className="break-words text-critical text-sm">{endpoint.error}</p> : null}
        {endpoint.hint ? <p className="break-words text-ink-2 text-sm">{endpoint.hint}</p> : null}
      </div>
      <div className="flex gap-1">
        <Button variant="ghost" size="icon" aria-label={t.editTitle(endpoint.name)} onClick={onEdit}>
          <Pencil aria-hidden />
        </Button>
        {isOwn ? (
          <Button variant="ghost" size="icon" aria-label={`${t.remove}: ${endpoint.name}`} onClick={onRemove}>
            <Trash2 aria-hidden />
          </Button>
        ) : null}
      </div>
    </li>
  )
}
