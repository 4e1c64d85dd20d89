import { texts } from '../../lib/texts.ts'
import { Status, type Tone } from '../../ui/badge.tsx'
import { Card, CardHeader } from '../../ui/card.tsx'

const t = texts.system

/** The tone of a health word. */
export function healthTone(status: string): Tone {
  if (status === 'healthy') return 'ok'
  if (status === 'degraded') return 'warn'
  return status === 'unhealthy' ? 'critical' : 'unknown'
}

interface ChecksCardProps {
  checks: Readonly<Record<string, { status: string; error?: string; reason?: string }>>
}

export function ChecksCard({ checks }: ChecksCardProps) {
  return (
    <Card>
      <CardHeader title={t.checks} />
      <ul className="grid gap-2 px-4 pb-4 text-sm">
        {Object.entries(checks).map(([name, check]) => (
          <li key={name} className="flex flex-wrap items-center gap-x-3">
            <code className="mono flex-1">{name}</code>
            <Status tone={healthTone(check.status)} look="plain">
              {t.status[check.status] ?? check.status}
            </Status>
            {check.reason || check.error ? (
              <p className="basis-full break-words text-ink-2">{check.reason ?? check.error}</p>
            ) : null}
          </li>
        ))}
      </ul>
    </Card>
  )
}
