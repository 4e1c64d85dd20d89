import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '../../lib/api/client.ts'
import type { Session } from '../../lib/api/types.ts'
import { texts } from '../../lib/texts.ts'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Card, CardHeader } from '../../ui/card.tsx'
import { ErrorState, Loading, Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { browserName } from './browser-name.ts'

const t = texts.sessions
const QUERY_KEY = ['sessions']

export function SessionsCard() {
  const queries = useQueryClient()
  const { data, error, refetch } = useQuery({
    queryKey: QUERY_KEY,
    queryFn: ({ signal }) => unwrap(api.GET('/api/auth/sessions', { signal })),
  })
  const end = useMutation({
    mutationFn: (id: string) => api.DELETE('/api/auth/sessions/{id}', { params: { path: { id } } }),
    onSuccess: () => toast.done(t.ended),
    onError: (problem) => toast.error(problem.message),
    onSettled: () => queries.invalidateQueries({ queryKey: QUERY_KEY }),
  })
  return (
    <Card>
      <CardHeader title={t.title} hint={t.hint} />
      {error && !data ? (
        <ErrorState error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <Loading className="grid gap-2 px-4 pb-4">
          <Skeleton className="h-12" />
          <Skeleton className="h-12" />
        </Loading>
      ) : (
        <ul className="divide-y divide-line border-line border-t">
          {data.items.map((session) => (
            <SessionRow
              key={session.id}
              session={session}
              busy={end.isPending && end.variables === session.id}
              onEnd={() => end.mutate(session.id)}
            />
          ))}
        </ul>
      )}
    </Card>
  )
}

function SessionRow({ session, busy, onEnd }: { session: Session; busy: boolean; onEnd: () => void }) {
  const agent = session.userAgent ?? t.unknownAgent
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
      <div className="min-w-0 flex-1 basis-60">
        <p className="flex items-center gap-2">
          <span className="truncate font-medium" title={agent}>
            {browserName(agent) ?? agent}
          </span>
          {session.current ? <Status tone="ok">{t.current}</Status> : null}
        </p>
        <p className="flex flex-wrap gap-x-3 text-ink-2 text-sm">
          {session.ipAddress ? <span className="mono">{session.ipAddress}</span> : null}
          <span>
            {t.active} <Time at={session.lastActiveAt} />
          </span>
          <span>
            {t.since} <Time at={session.createdAt} />
          </span>
        </p>
      </div>
      {session.current ? null : (
        <Button size="sm" busy={busy} onClick={onEnd}>
          {t.end}
        </Button>
      )}
    </li>
  )
}
