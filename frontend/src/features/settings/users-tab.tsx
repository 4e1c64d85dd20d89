import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { KeyRound, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { Role, User } from '../../lib/api/types.ts'
import { useUser } from '../../lib/auth.ts'
import { texts } from '../../lib/texts.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Select } from '../../ui/input.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { Tooltip } from '../../ui/tooltip.tsx'
import { ROLES } from './roles.ts'
import { SettingsList } from './settings-list.tsx'
import { AddUserDialog, SetPasswordDialog } from './user-dialogs.tsx'

const t = texts.users
const QUERY_KEY = ['users']

type Open = { what: 'add' } | { what: 'password' | 'remove'; user: User } | null

export function UsersTab() {
  const queries = useQueryClient()
  const query = useQuery({
    queryKey: QUERY_KEY,
    queryFn: ({ signal }) => unwrap(api.GET('/api/users', { signal })),
  })
  const [open, setOpen] = useState<Open>(null)
  const close = () => setOpen(null)
  const refresh = () => queries.invalidateQueries({ queryKey: QUERY_KEY })
  const setRole = useMutation({
    mutationFn: ({ user, role }: { user: User; role: Role }) =>
      unwrap(api.PATCH('/api/users/{id}', { params: { path: { id: user.id } }, body: { role } })),
    onSuccess: (user) => toast.done(t.saved(user.username)),
    onError: (problem) => toast.error(problem.message),
    onSettled: refresh,
  })
  const remove = useMutation({
    mutationFn: (user: User) => api.DELETE('/api/users/{id}', { params: { path: { id: user.id } } }),
    onSuccess: (_, user) => {
      toast.done(t.removed(user.username))
      close()
    },
    onSettled: refresh,
  })

  return (
    <SettingsList
      title={texts.settings.tabs.users}
      hint={t.hint}
      add={t.add}
      onAdd={() => setOpen({ what: 'add' })}
      query={query}
      row={(user) => (
        <UserRow
          key={user.id}
          user={user}
          onRole={(role) => setRole.mutate({ user, role })}
          onPassword={() => setOpen({ what: 'password', user })}
          onRemove={() => setOpen({ what: 'remove', user })}
        />
      )}
      removal={{
        item: open?.what === 'remove' ? open.user : null,
        onClose: close,
        title: (user) => t.removeTitle(user.username),
        hint: t.removeHint,
        confirm: t.remove,
        mutation: remove,
      }}
    >
      <AddUserDialog open={open?.what === 'add'} onClose={close} onDone={() => void refresh()} />
      <SetPasswordDialog user={open?.what === 'password' ? open.user : null} onClose={close} />
    </SettingsList>
  )
}

interface UserRowProps {
  user: User
  onRole: (role: Role) => void
  onPassword: () => void
  onRemove: () => void
}

function UserRow({ user, onRole, onPassword, onRemove }: UserRowProps) {
  const isSelf = useUser()?.id === user.id
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-2.5">
      <div className="min-w-0 flex-1 basis-28">
        <p className="flex items-center gap-2">
          <span className="truncate font-medium">{user.username}</span>
          {isSelf ? <Badge>{t.you}</Badge> : null}
        </p>
        <p className="text-ink-2 text-sm">
          {t.created} <Time at={user.createdAt} />
        </p>
      </div>
      <div className="flex items-center gap-1">
        <Select
          aria-label={t.roleOf(user.username)}
          value={user.role}
          onChange={(event) => {
            const role = ROLES.find((each) => each === event.target.value)
            if (role) onRole(role)
          }}
        >
          {ROLES.map((role) => (
            <option key={role} value={role}>
              {t.roles[role]}
            </option>
          ))}
        </Select>
        <Tooltip content={t.setPassword}>
          <Button
            variant="ghost"
            size="icon"
            aria-label={t.setPasswordTitle(user.username)}
            onClick={onPassword}
          >
            <KeyRound aria-hidden />
          </Button>
        </Tooltip>
        <Tooltip content={t.remove}>
          <Button variant="ghost" size="icon" aria-label={`${t.remove}: ${user.username}`} onClick={onRemove}>
            <Trash2 aria-hidden />
          </Button>
        </Tooltip>
      </div>
    </li>
  )
}
