import { Link } from '@tanstack/react-router'
import type { ContainerSummary } from '../../lib/api/types.ts'
import { cn } from '../../lib/cn.ts'
import { formatBytes, formatPercent, formatRelative } from '../../lib/format.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { useNow } from '../../lib/use-now.ts'
import { Meter } from '../../ui/meter.tsx'

/** A running container whose newest sample is older than this is not told the truth about any more. */
const STALE_MS = 60_000

/** Age of the newest sample in words when it is too old, else null. */
function useStaleAge(container: ContainerSummary): string | null {
  const now = useNow()
  if (container.state !== 'running' || container.sampledAt === null) return null
  const at = Date.parse(container.sampledAt)
  return now - at > STALE_MS ? formatRelative(at, now) : null
}

/** The name as a link that covers its whole row. */
export function NameLink({ container }: { container: ContainerSummary }) {
  return (
    <Link
      to="/containers/$endpointId/$containerName"
      params={{ endpointId: container.endpointId, containerName: container.name }}
      title={container.name}
      className="font-medium after:absolute after:inset-0 hover:text-accent"
    >
      {container.name}
    </Link>
  )
}

export function CpuCell({ container }: { container: ContainerSummary }) {
  const age = useStaleAge(container)
  if (container.cpuPercent === null) return <span className="text-ink-3">–</span>
  return (
    <span
      className={cn(age !== null && 'text-ink-3 italic')}
      title={age === null ? undefined : fleetTexts.stale(age)}
    >
      {formatPercent(container.cpuPercent)}
    </span>
  )
}

export function MemoryCell({ container }: { container: ContainerSummary }) {
  const age = useStaleAge(container)
  const { memoryUsedBytes: used, memoryLimitBytes: limit } = container
  if (used === null) return <span className="text-ink-3">–</span>
  return (
    <span
      className={cn('flex items-center justify-end gap-2', age !== null && 'text-ink-3 italic')}
      title={
        age === null
          ? limit === null
            ? undefined
            : `${formatBytes(used)} / ${formatBytes(limit)}`
          : fleetTexts.stale(age)
      }
    >
      {formatBytes(used)}
      {limit !== null && limit > 0 && (
        <Meter className="w-12" ratio={used / limit} label={fleetTexts.container.memory} />
      )}
    </span>
  )
}

/** Published ports first, each once: an engine lists IPv4 and IPv6 apart. */
export function portTexts(container: Pick<ContainerSummary, 'ports'>): string[] {
  const texts = container.ports.map((port) => {
    const inside = port.type === 'tcp' ? String(port.private) : `${port.private}/${port.type}`
    return {
      published: port.public !== null,
      text: port.public === null ? inside : `${port.public}→${inside}`,
    }
  })
  texts.sort((a, b) => Number(b.published) - Number(a.published))
  return [...new Set(texts.map(({ text }) => text))]
}
