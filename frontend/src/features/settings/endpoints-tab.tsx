import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Pencil, Plug, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { api } from '../../lib/api/client.ts'
import { endpointsQuery } from '../../lib/api/queries.ts'
import type { Endpoint } from '../../lib/api/types.ts'
import { texts } from '../../lib/texts.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { EndpointStatusBadge } from '../../ui/fleet-status.tsx'
import { EmptyState } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { EndpointDialog } from './endpoint-dialog.tsx'
import { SettingsList } from './settings-list.tsx'

const t = texts.endpoints

type Open = { what: 'add' } | { what: 'edit' | 'remove'; endpoint: Endpoint } | null

export function EndpointsTab() {
  const queries = useQueryClient()
  const query = useQuery(endpointsQuery)
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

  return (
    <SettingsList
      title={texts.settings.tabs.endpoints}
      hint={t.hint}
      add={t.add}
      onAdd={() => setOpen({ what: 'add' })}
      query={query}
      row={(endpoint) => (
        <EndpointRow
          key={endpoint.id}
          endpoint={endpoint}
          onEdit={() => setOpen({ what: 'edit', endpoint })}
          onRemove={() => setOpen({ what: 'remove', endpoint })}
        />
      )}
      empty={
        <EmptyState icon={Plug} title={t.empty}>
          {t.emptyHint}
        </EmptyState>
      }
      removal={{
        item: open?.what === 'remove' ? open.endpoint : null,
        onClose: close,
        title: (endpoint) => t.removeTitle(endpoint.name),
        hint: t.removeHint,
        confirm: t.remove,
        mutation: remove,
      }}
    >
      {open?.what === 'add' || open?.what === 'edit' ? (
        <EndpointDialog
          endpoint={open.what === 'edit' ? open.endpoint : null}
          onClose={close}
          onDone={() => void refresh()}
        />
      ) : null}
    </SettingsList>
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
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
      <div className="min-w-0 flex-1 basis-60">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="truncate font-medium">{endpoint.name}</span>
          <EndpointStatusBadge status={endpoint.status} look="soft" />
          <Badge>{t.kinds[endpoint.kind]}</Badge>
          {endpoint.allowActions ? <Badge>{t.actionsAllowed}</Badge> : null}
        </p>
        <p className="flex flex-wrap gap-x-3 text-ink-2 text-sm">
          {endpoint.url ? <span className="mono break-all">{endpoint.url}</span> : null}
          {endpoint.engineVersion ? <span>{t.engine(endpoint.engineVersion)}</span> : null}
          <span>{t.containers(endpoint.containers ?? 0)}</span>
          {endpoint.status !== 'up' && endpoint.lastSeenAt ? (
            <span>
              {t.lastSeen} <Time at={endpoint.lastSeenAt} />
            </span>
          ) : null}
        </p>
        {endpoint.error ? <p className="break-words text-critical text-sm">{endpoint.error}</p> : null}
        {endpoint.hint ? <p className="break-words text-ink-2 text-sm">{endpoint.hint}</p> : null}
      </div>
      <div className="grid grid-cols-2 gap-1">
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
