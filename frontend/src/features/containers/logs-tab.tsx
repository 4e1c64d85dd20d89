import { getRouteApi } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { ContainerDetail } from '../../lib/api/types.ts'
import { useContainers } from '../../lib/fleet/use-containers.ts'
import { filterParams, useLogFilter } from '../../lib/logs/filter-search.ts'
import { LogPanel } from '../../lib/logs/log-panel.tsx'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { Button } from '../../ui/button.tsx'
import type { LogFilter } from '../../ui/log-viewer/log-filter.ts'
import { Menu, MenuCheckItem } from '../../ui/menu.tsx'

const t = fleetTexts.container
const route = getRouteApi('/app/containers/$endpointId/$containerName')
const MOST = 8

export function LogsTab({ container }: { container: ContainerDetail }) {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { endpointId, name } = container
  const { line, with: others } = search
  const filter = useLogFilter(search)
  const targets = useMemo(
    () => [name, ...(others?.split(',') ?? [])].slice(0, MOST).map((each) => ({ endpointId, name: each })),
    [endpointId, name, others],
  )
  const onFilter = (next: LogFilter) =>
    void navigate({ search: (before) => ({ ...before, ...filterParams(next) }), replace: true })
  return (
    <LogPanel
      targets={targets}
      filter={filter}
      onFilter={onFilter}
      line={line}
      onLine={(at) => void navigate({ search: (before) => ({ ...before, line: at }) })}
      tools={
        <TogetherMenu
          container={container}
          chosen={targets.slice(1).map((target) => target.name)}
          onChange={(names) =>
            void navigate({
              search: (before) => ({ ...before, with: names.length === 0 ? undefined : names.join(',') }),
              replace: true,
            })
          }
        />
      }
    />
  )
}

/** Other containers of the same stack, whose lines are read together with this one's. */
function TogetherMenu(props: {
  container: ContainerDetail
  chosen: readonly string[]
  onChange: (names: string[]) => void
}) {
  const { container, chosen, onChange } = props
  const { containers } = useContainers()
  const siblings = (containers ?? []).filter(
    (other) =>
      other.endpointId === container.endpointId &&
      other.name !== container.name &&
      container.stack !== null &&
      other.stack === container.stack,
  )
  if (siblings.length === 0) return null
  return (
    <Menu trigger={<Button>{`${t.together}${chosen.length > 0 ? ` (${chosen.length})` : ' …'}`}</Button>}>
      {siblings.map((other) => (
        <MenuCheckItem
          key={other.id}
          checked={chosen.includes(other.name)}
          disabled={!chosen.includes(other.name) && chosen.length >= MOST - 1}
          onCheckedChange={(checked) =>
            onChange(checked ? [...chosen, other.name] : chosen.filter((name) => name !== other.name))
          }
        >
          <span className="truncate">{other.service ?? other.name}</span>
        </MenuCheckItem>
      ))}
    </Menu>
  )
}
