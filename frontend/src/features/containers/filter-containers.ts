import type { ContainerSummary } from '../../lib/api/types.ts'
import type { ContainersSearch } from './containers-search.ts'

type Filters = Pick<ContainersSearch, 'q' | 'state' | 'health' | 'stack'> & {
  endpointId?: number | undefined
}

const STOPPED = new Set(['created', 'exited', 'dead'])

/** Containers that all filters agree on. The text may be any part of name, image, stack or service, or begin an id. */
export function filterContainers(
  containers: readonly ContainerSummary[],
  filters: Filters,
): readonly ContainerSummary[] {
  const { endpointId, state, health, stack } = filters
  const needle = filters.q?.trim().toLowerCase() ?? ''
  if (needle === '' && endpointId === undefined && !state && !health && stack === undefined) return containers
  return containers.filter((container) => {
    if (endpointId !== undefined && container.endpointId !== endpointId) return false
    if (state === 'stopped' ? !STOPPED.has(container.state) : state && container.state !== state) return false
    if (health && container.health !== health) return false
    if (stack !== undefined && container.stack !== stack) return false
    if (needle === '') return true
    const { name, image, service, id } = container
    return (
      [name, image, container.stack, service].some((text) => text?.toLowerCase().includes(needle)) ||
      id.startsWith(needle)
    )
  })
}

/** Names of all stacks, as people order names. */
export function stackNames(containers: readonly ContainerSummary[]): string[] {
  const names = new Set(containers.flatMap((container) => container.stack ?? []))
  return [...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

/**
 * What the stack of a container is called: by its name, and by its place as well where another endpoint has one of the
 * same name. These are two stacks.
 */
export function stackLabels(
  containers: readonly ContainerSummary[],
): (container: ContainerSummary) => string | null {
  const places = new Map<string, Set<number>>()
  for (const { stack, endpointId } of containers)
    if (stack !== null) places.set(stack, (places.get(stack) ?? new Set()).add(endpointId))
  return ({ stack, endpointName }) =>
    stack !== null && (places.get(stack)?.size ?? 0) > 1 ? `${stack} · ${endpointName}` : stack
}
