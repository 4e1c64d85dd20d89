import { z } from 'zod'
import type { CounterTracker } from '../counter-tracker.ts'

const count = z.number().nullish()
const BlkioEntry = z.object({ op: z.string().nullish(), value: z.number().nullish() })

/** The part of an engine's stats answer that is read. `cpu_stats` of a stopped container is empty. */
export const EngineStats = z.object({
  read: z.string().nullish(),
  pids_stats: z.object({ current: count }).nullish(),
  cpu_stats: z
    .object({
      cpu_usage: z.object({ total_usage: count, percpu_usage: z.array(z.number()).nullish() }).nullish(),
      system_cpu_usage: count,
      online_cpus: count,
    })
    .nullish(),
  memory_stats: z
    .object({
      usage: count,
      limit: count,
      stats: z.object({ inactive_file: count, total_inactive_file: count, cache: count }).nullish(),
    })
    .nullish(),
  networks: z.record(z.string(), z.object({ rx_bytes: count, tx_bytes: count })).nullish(),
  blkio_stats: z.object({ io_service_bytes_recursive: z.array(BlkioEntry).nullish() }).nullish(),
})
export type EngineStats = z.infer<typeof EngineStats>

/** One reading. A value that is not known at this step is null: it makes no sample. */
export interface ContainerReading {
  timeMs: number
  cpuPercent: number | null
  memoryUsedBytes: number | null
  memoryLimitBytes: number | null
  memoryPercent: number | null
  netRxBytesPerSecond: number | null
  netTxBytesPerSecond: number | null
  blockReadBytesPerSecond: number | null
  blockWriteBytesPerSecond: number | null
  pids: number | null
}

/**
 * Turns an engine's answer into a reading, by the formulas of `docker stats`
 * (docker/cli, cli/command/container/stats_helpers.go).
 *
 * CPU is 100 per core: container time ÷ machine time × online cores. Memory is usage without the page
 * cache that can be dropped at once: inactive_file (cgroup v2), total_inactive_file (v1).
 *
 * @param tracker of this container and this kind of reading; its gaps become nulls here
 * @param at `timeMs`: wall clock of this machine; `monotonicMs`: its monotonic clock
 * @param epoch start time of the container
 * @returns undefined when the container is not running: its answer has no memory usage and no CPU
 */
export function readContainerStats(
  stats: EngineStats,
  tracker: CounterTracker,
  at: { timeMs: number; monotonicMs: number; epoch: string },
): ContainerReading | undefined {
  const totalUsage = stats.cpu_stats?.cpu_usage?.total_usage ?? 0
  const usage = stats.memory_stats?.usage ?? null
  if (usage === null && totalUsage === 0) return undefined

  const readAt = Date.parse(stats.read ?? '')
  const elapsed = tracker.begin(readAt > 0 ? readAt : at.timeMs, at.monotonicMs, at.epoch)
  const cpuDelta = tracker.delta('cpu', totalUsage)
  const systemDelta = tracker.delta('system', stats.cpu_stats?.system_cpu_usage ?? 0)
  let cpuPercent: number | null = null
  if (cpuDelta !== null && systemDelta !== null && systemDelta > 0) {
    cpuPercent = (cpuDelta / systemDelta) * onlineCpus(stats) * 100
  } else if (cpuDelta !== null && elapsed !== null && !stats.cpu_stats?.system_cpu_usage) {
    // Podman and rootless engines give no machine time; wall time is the same thing per core.
    cpuPercent = (cpuDelta / 1e9 / elapsed) * 100
  }

  const memoryUsedBytes = usage === null ? null : memoryWithoutCache(stats, usage)
  const limit = stats.memory_stats?.limit ?? 0
  const memoryLimitBytes = limit > 0 ? limit : null
  const network = sumNetworks(stats)
  const block = sumBlockBytes(stats)
  return {
    timeMs: at.timeMs,
    cpuPercent,
    memoryUsedBytes,
    memoryLimitBytes,
    memoryPercent:
      memoryUsedBytes === null || memoryLimitBytes === null
        ? null
        : (memoryUsedBytes / memoryLimitBytes) * 100,
    // An interface or device that comes or goes moves the sum by its whole past, so its set names the counter.
    netRxBytesPerSecond: network && tracker.rate(`rx ${network.names}`, network.rx),
    netTxBytesPerSecond: network && tracker.rate(`tx ${network.names}`, network.tx),
    blockReadBytesPerSecond: block && tracker.rate('read', block.read),
    blockWriteBytesPerSecond: block && tracker.rate('write', block.write),
    pids: stats.pids_stats?.current ?? null,
  }
}

function onlineCpus(stats: EngineStats): number {
  const online = stats.cpu_stats?.online_cpus ?? 0
  if (online > 0) return online
  return Math.max(1, stats.cpu_stats?.cpu_usage?.percpu_usage?.length ?? 1)
}

function memoryWithoutCache(stats: EngineStats, usage: number): number {
  const details = stats.memory_stats?.stats
  const inactive = details?.total_inactive_file ?? details?.inactive_file ?? 0
  return inactive < usage ? usage - inactive : usage
}

function sumNetworks(stats: EngineStats): { rx: number; tx: number; names: string } | null {
  if (!stats.networks) return null
  let rx = 0
  let tx = 0
  let names = ''
  for (const name in stats.networks) {
    const entry = stats.networks[name]
    rx += entry?.rx_bytes ?? 0
    tx += entry?.tx_bytes ?? 0
    names += name
  }
  return { rx, tx, names }
}

function sumBlockBytes(stats: EngineStats): { read: number; write: number } | null {
  const entries = stats.blkio_stats?.io_service_bytes_recursive
  if (!entries) return null
  let read = 0
  let write = 0
  for (const entry of entries) {
    const first = entry.op?.[0]
    if (first === 'r' || first === 'R') read += entry.value ?? 0
    else if (first === 'w' || first === 'W') write += entry.value ?? 0
  }
  return { read, write }
}
