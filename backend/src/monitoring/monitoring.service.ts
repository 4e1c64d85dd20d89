import { decodeCursor, toPage } from '../core/http/cursor.ts'
import type { FleetCounts, MonitoringStore, MonitoringTable, SnapshotRow } from './monitoring.store.ts'

const DELETE_BATCH = 5000

export type MonitoringService = ReturnType<typeof createMonitoringService>

/** How collection goes, and the counts of the fleet over time. */
export function createMonitoringService(deps: {
  store: MonitoringStore
  settings: {
    number(key: 'monitoring.retention.cycle_days' | 'monitoring.retention.snapshot_days'): Promise<number>
  }
  clock: () => Date
}) {
  const { store, settings } = deps

  async function pruneTable(table: MonitoringTable, days: number, signal: AbortSignal): Promise<void> {
    const before = new Date(deps.clock().getTime() - days * 86_400_000).toISOString()
    while (!signal.aborted && (await store.deleteOlderThan(table, before, DELETE_BATCH)) === DELETE_BATCH);
  }

  return {
    recordCycle: (durationMs: number) =>
      store.insertCycle(Math.round(durationMs), deps.clock().toISOString()),

    recordSnapshot: (counts: FleetCounts) => store.insertSnapshot(counts, deps.clock().toISOString()),

    async snapshots(query: {
      limit: number
      cursor?: string | undefined
      from?: string | undefined
      to?: string | undefined
    }) {
      const rows = await store.listSnapshots(query, decodeCursor(query.cursor), query.limit + 1)
      return toPage(rows, query.limit, toSnapshot)
    },

    async prune(signal: AbortSignal): Promise<void> {
      await pruneTable('monitoring_cycles', await settings.number('monitoring.retention.cycle_days'), signal)
      await pruneTable(
        'monitoring_snapshots',
        await settings.number('monitoring.retention.snapshot_days'),
        signal,
      )
    },
  }
}

function toSnapshot(row: SnapshotRow) {
  return {
    id: String(row.id),
    at: row.created_at,
    containersRunning: row.containers_running,
    containersStopped: row.containers_stopped,
    containersUnhealthy: row.containers_unhealthy,
    endpointsUp: row.endpoints_up,
    endpointsDown: row.endpoints_down,
  }
}
