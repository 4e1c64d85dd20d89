import { Braces } from 'lucide-react'
import { memo, type Ref } from 'react'
import { cn } from '../../lib/cn.ts'
import { logTexts } from '../../lib/texts/logs.ts'
import { AnsiText } from '../ansi/ansi-text.tsx'
import type { LogEntry } from './log-buffer.ts'
import { looksLikeJson } from './log-json.ts'
import type { TimeStyle } from './log-prefs.ts'
import { formatLogTime } from './log-time.ts'

/** Characters of one line that are drawn in the list; the drawer has all of them. */
const DRAWN = 5000

export interface LogSource {
  key: string
  label: string
  /** CSS colour */
  color: string
}

interface LogRowProps {
  entry: LogEntry
  index: number
  top: number
  wrap: boolean
  times: TimeStyle
  source: LogSource | undefined
  pattern: RegExp | null
  selected: boolean
  measure: Ref<HTMLDivElement> | undefined
}

const LEVEL_LETTER = { trace: 'T', debug: 'D', info: 'I', warn: 'W', error: 'E', fatal: 'F' } as const
const LEVEL_INK = {
  trace: 'text-ink-3',
  debug: 'text-ink-3',
  info: 'text-info',
  warn: 'text-warn',
  error: 'text-critical',
  fatal: 'text-critical',
} as const

/** One line. Its text is data of the container: drawn as text, whatever is in it. */
export const LogRow = memo(function LogRow(props: LogRowProps) {
  const { entry, times } = props
  const time = formatLogTime(entry.at, times)
  const drawn = entry.text.length > DRAWN ? entry.text.slice(0, DRAWN) : entry.text
  // Beside the name of its container a line would be a few letters wide on a phone: it goes below.
  const below = props.wrap && props.source !== undefined
  const grave = entry.level === 'error' || entry.level === 'fatal'
  return (
    <div
      ref={props.measure}
      data-index={props.index}
      data-log-row={entry.id}
      style={{ top: props.top }}
      className={cn(
        'absolute left-0 flex min-h-5 min-w-full items-start gap-2 px-3 leading-5',
        props.wrap ? 'w-full' : 'w-max',
        below && 'max-sm:flex-wrap max-sm:gap-y-0',
        grave && 'bg-critical-soft/60',
        entry.level === 'warn' && 'bg-warn-soft/60',
        entry.kind === 'mark' && 'text-info',
        props.selected ? 'bg-accent-soft' : 'hover:bg-raised',
      )}
    >
      {time !== '' && <span className="tabular shrink-0 select-none text-ink-3">{time}</span>}
      {props.source && (
        <span
          className="w-28 shrink-0 select-none truncate border-l-2 pl-1.5 text-ink-2"
          style={{ borderColor: props.source.color }}
          title={props.source.label}
        >
          {props.source.label}
        </span>
      )}
      {entry.kind === 'line' && (
        <span
          className={cn(
            'w-3 shrink-0 select-none text-center font-semibold',
            entry.level && LEVEL_INK[entry.level],
          )}
          title={`${entry.level ?? ''} ${entry.stream}`.trim()}
        >
          {entry.level ? (
            LEVEL_LETTER[entry.level]
          ) : (
            <span className="text-ink-3">{entry.stream === 'stderr' ? '!' : '·'}</span>
          )}
        </span>
      )}
      <span
        className={cn(
          '[tab-size:4] [unicode-bidi:isolate]',
          props.wrap ? 'min-w-0 whitespace-pre-wrap [overflow-wrap:anywhere]' : 'whitespace-pre',
          below && 'max-sm:order-last max-sm:basis-full',
        )}
      >
        {entry.kind === 'mark' ? `── ${entry.text} ──` : <AnsiText line={drawn} pattern={props.pattern} />}
        {entry.text.length > DRAWN && (
          <span className="text-ink-3">{logTexts.cut(entry.text.length - DRAWN)}</span>
        )}
      </span>
      {entry.kind === 'line' && looksLikeJson(entry.text) && (
        <Braces className="mt-1 size-3 shrink-0 text-ink-3" aria-hidden />
      )}
    </div>
  )
})
