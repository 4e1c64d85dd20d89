import { texts } from '../../lib/texts.ts'
import { Input } from '../../ui/input.tsx'
import { TypedSearch } from '../../ui/typed-search.tsx'
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
      <TypedSearch
        pauseMs={TYPING_MS}
        value={search.username ?? ''}
        placeholder={t.searchUser}
        className="w-full sm:w-44"
        onSettled={(username) => onChange({ username: username === '' ? undefined : username })}
      />
      <TypedSearch
        pauseMs={TYPING_MS}
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
