import type { StackSummary } from '../../lib/api/types.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { Status } from '../../ui/badge.tsx'

const t = fleetTexts.stack

interface StackStatusProps {
  stack: Pick<StackSummary, 'containers' | 'running' | 'unhealthy' | 'restarting'>
  look?: 'soft' | 'plain'
}

/** How the containers of a stack are doing together. */
export function StackStatus({ stack, look = 'plain' }: StackStatusProps) {
  const { containers, running, unhealthy, restarting } = stack
  const tone = unhealthy > 0 ? 'critical' : running < containers || restarting > 0 ? 'warn' : 'ok'
  return (
    <Status tone={tone} look={look}>
      {unhealthy > 0
        ? t.unhealthy(unhealthy)
        : running < containers
          ? t.someDown(running, containers)
          : t.allUp}
    </Status>
  )
}
