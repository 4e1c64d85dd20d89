import { ArrowDownToLine, Download, SlidersHorizontal } from 'lucide-react'
import { type ReactNode, useEffect, useState } from 'react'
import { logTexts } from '../../lib/texts/logs.ts'
import { Button } from '../button.tsx'
import { SearchInput, Select } from '../input.tsx'
import {
  Menu,
  MenuCheckItem,
  MenuItem,
  MenuLabel,
  MenuRadioGroup,
  MenuRadioItem,
  MenuSeparator,
} from '../menu.tsx'
import { hasFilter, type LogFilter } from './log-filter.ts'
import { LOG_LEVELS } from './log-levels.ts'
import { setLogPrefs, TIME_STYLES, useLogPrefs } from './log-prefs.ts'

interface LogToolbarProps {
  filter: LogFilter
  onFilter: (filter: LogFilter) => void
  patternError: string | null
  following: boolean
  onFollow: () => void
  onCopyShown: () => void
  onDownload: (what: 'all' | 'filtered') => void
  manySources: boolean
  tools?: ReactNode
}

const TIME_LABELS = {
  none: logTexts.timesNone,
  clock: logTexts.timesClock,
  full: logTexts.timesFull,
  utc: logTexts.timesUtc,
} as const

const TYPING_MS = 300

export function LogToolbar(props: LogToolbarProps) {
  const { filter, onFilter } = props
  return (
    <div className="flex flex-wrap items-center gap-1.5 border-line border-b p-2">
      <QueryField filter={filter} onFilter={onFilter} />
      <Toggle
        on={filter.regex ?? false}
        label={logTexts.regex}
        text={logTexts.regexShort}
        onChange={(on) => onFilter({ ...filter, regex: on || undefined })}
      />
      <Toggle
        on={filter.invert ?? false}
        label={logTexts.invert}
        text={logTexts.invertShort}
        onChange={(on) => onFilter({ ...filter, invert: on || undefined })}
      />
      <Select
        aria-label={logTexts.level}
        value={filter.level ?? ''}
        onChange={(event) =>
          onFilter({ ...filter, level: LOG_LEVELS.find((level) => level === event.target.value) })
        }
      >
        <option value="">{logTexts.anyLevel}</option>
        {LOG_LEVELS.map((level) => (
          <option key={level} value={level}>
            {level === 'fatal' ? level : logTexts.levelFrom(level)}
          </option>
        ))}
      </Select>
      <Select
        aria-label={logTexts.stream}
        value={filter.stream ?? ''}
        onChange={(event) => {
          const { value } = event.target
          onFilter({ ...filter, stream: value === 'stdout' || value === 'stderr' ? value : undefined })
        }}
      >
        <option value="">{logTexts.anyStream}</option>
        <option value="stdout">stdout</option>
        <option value="stderr">stderr</option>
      </Select>
      <span className="flex-1" />
      {props.tools}
      <ViewMenu manySources={props.manySources} />
      <Menu
        trigger={
          <Button size="icon" variant="ghost" aria-label={logTexts.download} title={logTexts.download}>
            <Download aria-hidden />
          </Button>
        }
      >
        <MenuItem onSelect={() => props.onDownload('all')}>{logTexts.downloadAll}</MenuItem>
        <MenuItem disabled={!hasFilter(filter)} onSelect={() => props.onDownload('filtered')}>
          {logTexts.downloadFiltered}
        </MenuItem>
        <MenuSeparator />
        <MenuItem onSelect={props.onCopyShown}>{logTexts.copyShown}</MenuItem>
      </Menu>
      <Button
        variant={props.following ? 'ghost' : 'secondary'}
        aria-pressed={props.following}
        onClick={props.onFollow}
      >
        <ArrowDownToLine aria-hidden />
        {props.following ? logTexts.following : logTexts.follow}
      </Button>
      {props.patternError !== null && (
        <p role="alert" className="basis-full text-critical text-xs">
          {logTexts.badPattern(props.patternError)}
        </p>
      )}
    </div>
  )
}

/** Typing is heard at once and searched for when it pauses. */
function QueryField({ filter, onFilter }: Pick<LogToolbarProps, 'filter' | 'onFilter'>) {
  const committed = filter.q ?? ''
  const [typed, setTyped] = useState(committed)
  useEffect(() => setTyped(committed), [committed])
  useEffect(() => {
    if (typed === committed) return
    const timer = setTimeout(() => onFilter({ ...filter, q: typed === '' ? undefined : typed }), TYPING_MS)
    return () => clearTimeout(timer)
  }, [typed, committed, filter, onFilter])
  return (
    <SearchInput
      className="min-w-40 flex-1 basis-48 sm:max-w-80"
      value={typed}
      onChange={setTyped}
      placeholder={logTexts.search}
    />
  )
}

function Toggle(props: { on: boolean; label: string; text: string; onChange: (on: boolean) => void }) {
  return (
    <button
      type="button"
      aria-pressed={props.on}
      aria-label={props.label}
      title={props.label}
      onClick={() => props.onChange(!props.on)}
      className="mono h-8 rounded-md border border-line px-2 text-ink-2 hover:bg-raised aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent"
    >
      {props.text}
    </button>
  )
}

function ViewMenu({ manySources }: { manySources: boolean }) {
  const prefs = useLogPrefs()
  return (
    <Menu
      trigger={
        <Button size="icon" variant="ghost" aria-label={logTexts.view} title={logTexts.view}>
          <SlidersHorizontal aria-hidden />
        </Button>
      }
    >
      <MenuCheckItem checked={prefs.wrap} onCheckedChange={(wrap) => setLogPrefs({ wrap })}>
        {logTexts.wrap}
      </MenuCheckItem>
      {manySources && (
        <MenuCheckItem checked={prefs.tags} onCheckedChange={(tags) => setLogPrefs({ tags })}>
          {logTexts.sources}
        </MenuCheckItem>
      )}
      <MenuSeparator />
      <MenuLabel>{logTexts.times}</MenuLabel>
      <MenuRadioGroup
        value={prefs.times}
        onValueChange={(value) =>
          setLogPrefs({ times: TIME_STYLES.find((style) => style === value) ?? 'clock' })
        }
      >
        {TIME_STYLES.map((style) => (
          <MenuRadioItem key={style} value={style} onSelect={(event) => event.preventDefault()}>
            {TIME_LABELS[style]}
          </MenuRadioItem>
        ))}
      </MenuRadioGroup>
    </Menu>
  )
}
