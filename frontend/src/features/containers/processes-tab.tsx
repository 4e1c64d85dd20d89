import { useQuery } from '@tanstack/react-query'
import { ListTree } from 'lucide-react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { ContainerDetail } from '../../lib/api/types.ts'
import { cn } from '../../lib/cn.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { Card } from '../../ui/card.tsx'
import { EmptyState, ErrorState, Loading, Skeleton } from '../../ui/states.tsx'

const t = fleetTexts.container
/** On a phone there is room for what runs, not for all that ps says of it. */
const ESSENTIAL = /^(PID|TIME|CMD|COMMAND)$/i
const onPhone = (title: string) => !ESSENTIAL.test(title) && 'max-sm:hidden'
const NUMERIC = /^(PID|PPID|C|%CPU|%MEM|VSZ|RSS|TIME|STIME|PRI|NI)$/i

export function ProcessesTab({ container }: { container: ContainerDetail }) {
  const running = container.state === 'running'
  const { data, error, refetch } = useQuery({
    queryKey: ['container', container.endpointId, container.name, 'processes'],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/containers/{endpointId}/{containerId}/processes', {
          params: { path: { endpointId: container.endpointId, containerId: container.id } },
          signal,
        }),
      ),
    refetchInterval: 5_000,
    enabled: running,
  })
  if (!running) return <EmptyState icon={ListTree} title={t.noProcesses} />
  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} />
  if (!data) {
    return (
      <Loading>
        <Skeleton className="h-64" />
      </Loading>
    )
  }
  const last = data.titles.length - 1
  return (
    <Card className="overflow-x-auto" tabIndex={0} aria-label={t.processes}>
      <table className="tabular w-full text-sm">
        <thead className="text-ink-3 text-xs">
          <tr className="border-line border-b">
            {data.titles.map((title) => (
              <th
                key={title}
                scope="col"
                className={cn(
                  'whitespace-nowrap px-3 py-2 font-medium',
                  NUMERIC.test(title) ? 'text-right' : 'text-left',
                  onPhone(title),
                )}
              >
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {data.rows.map((row) => (
            <tr key={row.join('\u0000')} className="border-line border-b last:border-0">
              {row.map((value, column) => (
                <td
                  key={data.titles[column] ?? column}
                  className={cn(
                    'px-3 py-1.5',
                    NUMERIC.test(data.titles[column] ?? '') && 'whitespace-nowrap text-right',
                    column === last && 'mono sm:min-w-72 [overflow-wrap:anywhere]',
                    onPhone(data.titles[column] ?? ''),
                  )}
                >
                  {value}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}
