import { getRouteApi } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { ContainerSummary } from '../../lib/api/types.ts'
import { filterParams, useLogFilter } from '../../lib/logs/filter-search.ts'
import { LogPanel } from '../../lib/logs/log-panel.tsx'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import type { LogFilter } from '../../ui/log-viewer/log-filter.ts'

const route = getRouteApi('/app/stacks/$endpointId/$stackName')

/** As many as there are colours to tell them apart. */
const MOST = 8

/** The lines of all containers of a stack in one stream. */
export function LogsTab({ containers }: { containers: readonly ContainerSummary[] }) {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { line } = search
  const filter = useLogFilter(search)
  // Names are no part of what changes while one reads: values of containers move all the time.
  const names = containers.map((container) => `${container.endpointId} ${container.name}`).join('\n')
  const targets = useMemo(
    () =>
      names
        .split('\n')
        .slice(0, MOST)
        .map((pair) => {
          const space = pair.indexOf(' ')
          return { endpointId: Number(pair.slice(0, space)), name: pair.slice(space + 1) }
        }),
    [names],
  )
  const onFilter = (next: LogFilter) =>
    void navigate({ search: (before) => ({ ...before, ...filterParams(next) }), replace: true })
  return (
    <>
      {containers.length > MOST && (
        <p className="mb-2 text-ink-2 text-sm">{fleetTexts.stack.tooMany(MOST, containers.length)}</p>
      )}
      <LogPanel
        targets={targets}
        filter={filter}
        onFilter={onFilter}
        line={line}
        onLine={(at) => void navigate({ search: (before) => ({ ...before, line: at }) })}
      />
    </>
  )
}
