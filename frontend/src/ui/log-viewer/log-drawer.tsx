import { Copy, Link2, ScanSearch, X } from 'lucide-react'
import { useMemo } from 'react'
import { formatUtc } from '../../lib/format.ts'
import { logTexts } from '../../lib/texts/logs.ts'
import { texts } from '../../lib/texts.ts'
import { AnsiText } from '../ansi/ansi-text.tsx'
import { Button } from '../button.tsx'
import type { LogEntry } from './log-buffer.ts'
import { jsonFields, lineJson } from './log-json.ts'
import { formatLogTime } from './log-time.ts'

interface LogDrawerProps {
  entry: LogEntry
  sourceLabel: string | undefined
  onClose: () => void
  onCopyLine: () => void
  /** null when the line has no time to link to */
  onCopyLink: (() => void) | null
  onContext: (() => void) | null
}

/** Everything about one line: its time, level and stream, the whole text, and its fields when it is JSON. */
export function LogDrawer(props: LogDrawerProps) {
  const { entry } = props
  const fields = useMemo(() => {
    const object = lineJson(entry.text)
    return object === null ? [] : jsonFields(object)
  }, [entry])
  return (
    <aside
      aria-label={logTexts.line}
      className="flex max-h-[45%] shrink-0 animate-appear flex-col border-line border-t bg-card text-sm lg:max-h-none lg:w-96 lg:border-t-0 lg:border-l"
    >
      <header className="flex items-center gap-1 border-line border-b py-1 pr-1 pl-3">
        <h3 className="flex-1 truncate">{logTexts.line}</h3>
        <Button
          size="icon-sm"
          variant="ghost"
          aria-label={logTexts.copyLine}
          title={logTexts.copyLine}
          onClick={props.onCopyLine}
        >
          <Copy aria-hidden />
        </Button>
        {props.onCopyLink && (
          <Button
            size="icon-sm"
            variant="ghost"
            aria-label={logTexts.copyLink}
            title={logTexts.copyLink}
            onClick={props.onCopyLink}
          >
            <Link2 aria-hidden />
          </Button>
        )}
        {props.onContext && (
          <Button
            size="icon-sm"
            variant="ghost"
            aria-label={logTexts.inContext}
            title={logTexts.inContext}
            onClick={props.onContext}
          >
            <ScanSearch aria-hidden />
          </Button>
        )}
        <Button size="icon-sm" variant="ghost" aria-label={texts.common.close} onClick={props.onClose}>
          <X aria-hidden />
        </Button>
      </header>
      <div className="min-h-0 flex-1 overflow-auto px-3 py-2">
        <dl className="grid grid-cols-[max-content_1fr] gap-x-3 gap-y-1">
          <Row name={logTexts.at}>
            {entry.at === null ? (
              logTexts.noTime
            ) : (
              <span className="tabular" title={formatUtc(new Date(entry.at))}>
                {formatLogTime(entry.at, 'full')}
              </span>
            )}
          </Row>
          {props.sourceLabel !== undefined && <Row name={logTexts.container}>{props.sourceLabel}</Row>}
          <Row name={logTexts.level}>{entry.level ?? logTexts.noLevel}</Row>
          <Row name={logTexts.stream}>{entry.stream}</Row>
        </dl>
        {fields.length > 0 && (
          <>
            <h4 className="mt-3 mb-1 font-medium">{logTexts.fields}</h4>
            <dl className="grid grid-cols-[minmax(4rem,max-content)_1fr] gap-x-3 gap-y-1 text-xs">
              {fields.map((field) => (
                <Row key={field.path} name={field.path}>
                  <span className="mono whitespace-pre-wrap [overflow-wrap:anywhere]">{field.value}</span>
                </Row>
              ))}
            </dl>
          </>
        )}
        <pre className="mono mt-3 whitespace-pre-wrap rounded-md border border-line bg-page p-2 [overflow-wrap:anywhere]">
          <AnsiText line={entry.text} />
        </pre>
        {entry.truncated && <p className="mt-1 text-ink-3 text-xs">{logTexts.truncated}</p>}
      </div>
    </aside>
  )
}

function Row({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <>
      <dt className="max-w-40 break-words text-ink-3">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  )
}
