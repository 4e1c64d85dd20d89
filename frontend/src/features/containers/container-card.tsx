import type { ContainerSummary } from '../../lib/api/types.ts'
import { ContainerStatus } from '../../ui/fleet-status.tsx'
import { CpuCell, MemoryCell, NameLink } from './container-cells.tsx'

/** A container on a phone. */
export function ContainerCard({ container }: { container: ContainerSummary }) {
  return (
    <>
      <div className="flex items-start justify-between gap-2">
        <div className="min-w-0 truncate">
          <NameLink container={container} />
        </div>
        <ContainerStatus state={container.state} health={container.health} exitCode={container.exitCode} />
      </div>
      <p className="truncate text-ink-3 text-xs">{container.image}</p>
      <div className="tabular mt-1 flex justify-between gap-2 text-ink-2 text-xs">
        <CpuCell container={container} />
        <span className="truncate">{container.endpointName}</span>
        <MemoryCell container={container} />
      </div>
    </>
  )
}
