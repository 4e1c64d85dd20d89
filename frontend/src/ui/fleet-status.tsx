import type { LucideIcon } from 'lucide-react'
import {
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CirclePause,
  CircleStop,
  HeartPulse,
  LoaderCircle,
  RotateCw,
  Unplug,
} from 'lucide-react'
import type { ContainerHealth, ContainerState, EndpointStatus } from '../lib/api/types.ts'
import { isOrderlyExit } from '../lib/fleet/exit-codes.ts'
import { texts } from '../lib/texts.ts'
import { Status, type Tone } from './badge.tsx'

interface Look {
  tone: Tone
  label: string
  icon: LucideIcon
}

/** How a container is doing, in one tone: health decides while it runs, the state otherwise; a failing exit is critical. */
export function containerLook(
  state: ContainerState,
  health: ContainerHealth,
  exitCode: number | null = null,
): Look {
  switch (state) {
    case 'running':
      if (health === 'unhealthy') return { tone: 'critical', label: texts.state.unhealthy, icon: HeartPulse }
      if (health === 'starting') return { tone: 'info', label: texts.state.starting, icon: LoaderCircle }
      return {
        tone: 'ok',
        label: health === 'healthy' ? texts.state.healthy : texts.state.running,
        icon: CircleCheck,
      }
    case 'restarting':
      return { tone: 'warn', label: texts.state.restarting, icon: RotateCw }
    case 'paused':
      return { tone: 'info', label: texts.state.paused, icon: CirclePause }
    case 'dead':
      return { tone: 'critical', label: texts.state.dead, icon: CircleAlert }
    case 'exited':
      return exitCode !== null && !isOrderlyExit(exitCode)
        ? { tone: 'critical', label: texts.state.failed(exitCode), icon: CircleAlert }
        : { tone: 'unknown', label: texts.state.stopped, icon: CircleStop }
    case 'created':
      return { tone: 'unknown', label: texts.state.created, icon: CircleDashed }
    case 'removing':
      return { tone: 'unknown', label: texts.state.removing, icon: CircleDashed }
  }
}

interface ContainerStatusProps {
  state: ContainerState
  health: ContainerHealth
  exitCode?: number | null
  look?: 'soft' | 'plain'
}

export function ContainerStatus({ state, health, exitCode, look = 'plain' }: ContainerStatusProps) {
  const { tone, label, icon } = containerLook(state, health, exitCode)
  return (
    <Status tone={tone} icon={icon} look={look}>
      {label}
    </Status>
  )
}

const ENDPOINT_LOOK: Record<EndpointStatus, Look> = {
  up: { tone: 'ok', label: texts.state.up, icon: CircleCheck },
  down: { tone: 'critical', label: texts.state.down, icon: Unplug },
  connecting: { tone: 'info', label: texts.state.connecting, icon: LoaderCircle },
  disabled: { tone: 'unknown', label: texts.state.disabled, icon: CirclePause },
}

export function EndpointStatusBadge({
  status,
  look = 'plain',
}: {
  status: EndpointStatus
  look?: 'soft' | 'plain'
}) {
  const { tone, label, icon } = ENDPOINT_LOOK[status]
  return (
    <Status tone={tone} icon={icon} look={look}>
      {label}
    </Status>
  )
}
