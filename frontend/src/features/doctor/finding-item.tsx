import type { DoctorFinding } from '../../lib/api/types.ts'
import { texts } from '../../lib/texts.ts'
import { Status, type Tone } from '../../ui/badge.tsx'
import { CopyButton } from '../../ui/copy-button.tsx'

const t = texts.doctor

export const TONES: Readonly<Record<DoctorFinding['severity'], Tone>> = {
  error: 'critical',
  warning: 'warn',
  info: 'info',
  ok: 'ok',
}

/** What was found, what was seen, and what to do about it, with a command to copy where there is one. */
export function FindingItem({ finding }: { finding: DoctorFinding }) {
  const { id, severity, title, subject, seen, fix, command } = finding
  return (
    <li className="grid gap-x-4 gap-y-1 px-4 py-3 text-sm sm:grid-cols-[6rem_1fr]" data-finding={id}>
      <div>
        <Status tone={TONES[severity]}>{t.severities[severity]}</Status>
      </div>
      <div className="grid min-w-0 gap-1">
        <h3 className="font-medium">
          {title}
          {subject === null ? null : (
            <>
              {' '}
              <span className="break-words font-normal text-ink-2">{subject}</span>
            </>
          )}
        </h3>
        {seen === null ? null : <p className="break-words text-ink-2">{seen}</p>}
        {fix === null ? null : <p className="break-words">{fix}</p>}
        {command === null ? null : (
          <div className="flex min-w-0 items-start gap-1 rounded-md border border-line bg-page py-1 pr-1 pl-3">
            <code className="mono min-w-0 flex-1 self-center break-words">{command}</code>
            <CopyButton text={command} label={t.command(title)} />
          </div>
        )}
      </div>
    </li>
  )
}
