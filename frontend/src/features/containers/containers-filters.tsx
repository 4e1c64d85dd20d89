import type { ContainerSummary } from '../../lib/api/types.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { CheckField, Select } from '../../ui/input.tsx'
import { TypedSearch } from '../../ui/typed-search.tsx'
import { type ContainersSearch, HEALTH_FILTERS, STATE_FILTERS } from './containers-search.ts'
import { stackNames } from './filter-containers.ts'

const t = fleetTexts.container
const TYPING_MS = 150

interface FiltersProps {
  search: ContainersSearch
  containers: readonly ContainerSummary[]
  onChange: (change: Partial<ContainersSearch>) => void
}

export function ContainersFilters({ search, containers, onChange }: FiltersProps) {
  const stacks = stackNames(containers)
  return (
    <>
      <TypedSearch
        className="w-full sm:w-72"
        value={search.q ?? ''}
        placeholder={t.search}
        pauseMs={TYPING_MS}
        onSettled={(q) => onChange({ q: q === '' ? undefined : q })}
      />
      <Select
        aria-label={t.status}
        value={search.state ?? ''}
        onChange={(event) => onChange({ state: STATE_FILTERS.find((state) => state === event.target.value) })}
      >
        <option value="">{t.anyState}</option>
        {STATE_FILTERS.map((state) => (
          <option key={state} value={state}>
            {state === 'stopped' ? t.stoppedState : state}
          </option>
        ))}
      </Select>
      <Select
        aria-label={t.health}
        value={search.health ?? ''}
        onChange={(event) =>
          onChange({ health: HEALTH_FILTERS.find((health) => health === event.target.value) })
        }
      >
        <option value="">{t.anyHealth}</option>
        {HEALTH_FILTERS.map((health) => (
          <option key={health} value={health}>
            {health === 'none' ? t.noHealth : health}
          </option>
        ))}
      </Select>
      {(stacks.length > 0 || search.stack !== undefined) && (
        <Select
          aria-label={t.stack}
          className="max-w-44"
          value={search.stack ?? ''}
          onChange={(event) =>
            onChange({ stack: event.target.value === '' ? undefined : event.target.value })
          }
        >
          <option value="">{t.anyStack}</option>
          {search.stack !== undefined && !stacks.includes(search.stack) && (
            <option value={search.stack}>{search.stack}</option>
          )}
          {stacks.map((stack) => (
            <option key={stack} value={stack}>
              {stack}
            </option>
          ))}
        </Select>
      )}
      <CheckField
        label={t.grouped}
        checked={!search.flat}
        onChange={(grouped) => onChange({ flat: grouped ? undefined : true })}
      />
    </>
  )
}
