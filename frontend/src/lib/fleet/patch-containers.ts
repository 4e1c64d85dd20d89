import type { ContainerSummary, FleetChanges, FleetSamples, Page } from '../api/types.ts'

export const containerKey = (container: { endpointId: number; id: string }): string =>
  `${container.endpointId}/${container.id}`

type Pages = readonly Page<ContainerSummary>[]

/**
 * Pages of containers with a batch of changes in them: known ones replaced where they stand, new ones at the end, gone
 * ones taken out. What did not change keeps its identity, so that nothing else is drawn again.
 */
export function patchContainers<P extends Page<ContainerSummary>>(
  pages: readonly P[],
  changes: Pick<FleetChanges, 'upserts' | 'removes'>,
): P[] {
  const upserts = new Map(changes.upserts.map((container) => [containerKey(container), container]))
  const removes = new Set(changes.removes.map(containerKey))
  const patched = pages.map((page) => {
    let touched = false
    const items: ContainerSummary[] = []
    for (const container of page.items) {
      const key = containerKey(container)
      if (removes.has(key)) {
        touched = true
        continue
      }
      const fresh = upserts.get(key)
      if (fresh) {
        touched = true
        upserts.delete(key)
      }
      items.push(fresh ?? container)
    }
    return touched ? { ...page, items } : page
  })
  const added = [...upserts.values()].filter((container) => !removes.has(containerKey(container)))
  const last = patched.at(-1)
  // While pages are still to come, a new container comes with one of them.
  if (added.length > 0 && last && last.nextCursor === null) {
    patched[patched.length - 1] = { ...last, items: [...last.items, ...added] }
  }
  return patched
}

/** Pages of containers with the newest CPU and memory of each in them. */
export function patchSamples<P extends Pages[number]>(pages: readonly P[], samples: FleetSamples): P[] {
  const rows = new Map(samples.rows.map((row) => [`${row[0]}/${row[1]}`, row]))
  return pages.map((page) => ({
    ...page,
    items: page.items.map((container) => {
      const row = rows.get(`${container.endpointId}/${container.name}`)
      if (!row) return container
      const [, , cpuPercent, memoryUsedBytes] = row
      return { ...container, cpuPercent, memoryUsedBytes, sampledAt: samples.at }
    }),
  }))
}
