import { useEffect, useState } from 'react'
import { texts } from '../../lib/texts.ts'
import { Input, SearchInput } from '../../ui/input.tsx'
import type { AuditSearch } from './audit-search.ts'

const t = texts.audit
const TYPING_MS = 300

interface AuditFiltersProps {
  search: AuditSearch
  onChange: (next: AuditSearch) => void
}

export function AuditFilters({ search, onChange }: AuditFiltersProps) {
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2">
      <TypedFilter
        value={search.username ?? ''}
        placeholder={t.searchUser}
        className="w-full sm:w-44"
        onSettled={(username) => onChange({ username: username === '' ? undefined : username })}
      />
      <TypedFilter
        value={search.action ?? ''}
        placeholder={t.searchAction}
        className="w-full sm:w-80"
        onSettled={(action) => onChange({ action: action === '' ? undefined : action })}
      />
      <div className="flex items-center gap-2 text-ink-2 text-sm">
        <Input
          type="date"
          aria-label={t.from}
          className="w-36"
          value={search.from ?? ''}
          max={search.to}
          onChange={(event) => onChange({ from: event.target.value === '' ? undefined : event.target.value })}
        />
        –
        <Input
          type="date"
          aria-label={t.to}
          className="w-36"
          value={search.to ?? ''}
          min={search.from}
          onChange={(event) => onChange({ to: event.target.value === '' ? undefined : event.target.value })}
        />
      </div>
    </div>
  )
}

interface TypedFilterProps {
  value: string
  placeholder: string
  className: string
  onSettled: (value: string) => void
}

/** A search field that tells its value when typing pauses. */
function TypedFilter({ value, placeholder, className, onSettled }: TypedFilterProps) {
  const [text, setText] = useState(value)
  const [settled, setSettled] = useState(value)
  // The URL changed from elsewhere (back, clear): the field follows it.
  if (value !== settled) {
    setSettled(value)
    setText(value)
  }
  useEffect(() => {
    if (text === value) return
    const timer = setTimeout(() => onSettled(text), TYPING_MS)
    return () => clearTimeout(timer)
  })
  return <SearchInput className={className} value={text} onChange={setText} placeholder={placeholder} />
}
