import type { ContainerSummary } from '../../lib/api/types.ts'
import { ImageName } from '../../lib/fleet/image-name.tsx'
import { fleetTexts } from '../../lib/texts/fleet.ts'
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
      <p className="text-xs">
        <ImageName image={container.image} className="text-ink-2" />
      </p>
      <div className="tabular mt-1 grid grid-cols-[5.5rem_1fr_auto] gap-2 text-ink-2 text-xs">
        <span>
          <span className="text-ink-3">{fleetTexts.container.cpu}</span> <CpuCell container={container} />
        </span>
        <span className="truncate">{container.endpointName}</span>
        <MemoryCell container={container} />
      </div>
    </>
  )
}
