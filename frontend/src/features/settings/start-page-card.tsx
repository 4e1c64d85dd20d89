import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNav } from '../../app/nav.ts'
import { api, unwrap } from '../../lib/api/client.ts'
import { authQuery } from '../../lib/api/queries.ts'
import { useUser } from '../../lib/auth.ts'
import { texts } from '../../lib/texts.ts'
import { Card, CardBody, CardHeader } from '../../ui/card.tsx'
import { Select } from '../../ui/input.tsx'
import { toast } from '../../ui/toast.tsx'

const t = texts.sessions

/** The page that opens after signing in; saved when it is chosen. */
export function StartPageCard() {
  const queries = useQueryClient()
  const user = useUser()
  const nav = useNav()
  const save = useMutation({
    mutationFn: (defaultLandingPage: string) =>
      unwrap(api.PATCH('/api/auth/account', { body: { defaultLandingPage } })),
    onSuccess: (changed) => {
      queries.setQueryData(authQuery.queryKey, (state) => state && { ...state, user: changed })
      toast.done(texts.common.saved)
    },
    onError: (problem) => toast.error(problem.message),
  })
  if (!user) return null
  const chosen = save.isPending ? save.variables : user.defaultLandingPage || '/'
  const isListed = nav.some(({ items }) => items.some(({ to }) => to === chosen))
  return (
    <Card>
      <CardHeader title={t.start} hint={t.startHint} />
      <CardBody>
        <Select
          aria-label={t.start}
          className="w-full max-w-sm"
          value={chosen}
          disabled={save.isPending}
          onChange={(event) => save.mutate(event.target.value)}
        >
          {/* Set over the API: any path of the product. */}
          {isListed ? null : <option value={chosen}>{chosen}</option>}
          {nav.map((group) => (
            <optgroup key={group.label} label={group.label}>
              {group.items.map(({ to, label }) => (
                <option key={to} value={to}>
                  {label}
                </option>
              ))}
            </optgroup>
          ))}
        </Select>
      </CardBody>
    </Card>
  )
}
