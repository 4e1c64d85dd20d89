import { useEffect, useState } from 'react'
import type { ContainerSummary } from '../../lib/api/types.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { texts } from '../../lib/texts.ts'
import { SearchInput, Select } from '../../ui/input.tsx'
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
      <TextFilter value={search.q ?? ''} onChange={(q) => onChange({ q: q === '' ? undefined : q })} />
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
        aria-label={texts.state.healthy}
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
      <label className="flex h-8 items-center gap-1.5 text-ink-2 text-sm">
        <input
          type="checkbox"
          className="size-4 accent-accent-solid"
          checked={!search.flat}
          onChange={(event) => onChange({ flat: event.target.checked ? undefined : true })}
        />
        {t.grouped}
      </label>
    </>
  )
}

/** What is typed is seen at once; the URL and the list follow when the typing pauses. */
function TextFilter({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [typed, setTyped] = useState(value)
  useEffect(() => setTyped(value), [value])
  useEffect(() => {
    if (typed === value) return
    const timer = setTimeout(() => onChange(typed), TYPING_MS)
    return () => clearTimeout(timer)
  }, [typed, value, onChange])
  return <SearchInput className="w-full sm:w-72" value={typed} onChange={setTyped} placeholder={t.search} />
}
