import type { Snapshot } from './lifecycle.ts'
import { unit } from './random.ts'
import { type Host, imageOf, type Slot } from './world.ts'

const MEGABYTE = 1024 * 1024

/** CPU seconds a slot uses between two instants in which it runs. */
export function cpuSeconds(slot: Slot, fromMs: number, toMs: number): number {
  return (
    slot.template.cores * (0.7 * slot.traffic.between(fromMs, toMs) + 0.3 * slot.own.between(fromMs, toMs))
  )
}

/** Bytes received, sent, read and written between two instants in which it runs. */
export function ioBytes(slot: Slot, fromMs: number, toMs: number): [number, number, number, number] {
  const traffic = slot.traffic.between(fromMs, toMs) * 1000
  const own = slot.own.between(fromMs, toMs) * 1000
  const [rx, tx, read, write] = slot.template.io
  return [rx * traffic, tx * traffic, read * own, write * (0.5 * own + 0.5 * traffic)]
}

export interface Memory {
  /** What `docker stats` shows: usage without the inactive page cache. */
  workingBytes: number
  inactiveFileBytes: number
  limitBytes: number
}

/** Memory of a running container. It never reaches the limit but in the moment it is killed for it. */
export function memoryOf(host: Host, slot: Slot, snapshot: Snapshot, now: number): Memory {
  const limitBytes = slot.memoryLimitBytes ?? host.memoryBytes
  const base = slot.template.memoryMb * MEGABYTE
  const age = Math.max(0, now - (snapshot.startedAt ?? now)) / 1000
  const load = (0.5 * (slot.traffic.between(now - 60_000, now) + slot.own.between(now - 60_000, now))) / 60
  let workingBytes = base * (0.82 + 0.18 * load) * (1 - 0.45 * Math.exp(-age / 45))
  if (snapshot.outOfMemoryAt !== undefined && snapshot.startedAt !== undefined) {
    const share = (now - snapshot.startedAt) / (snapshot.outOfMemoryAt - snapshot.startedAt)
    workingBytes += (limitBytes - base) * Math.min(1, share) * 0.99
  }
  workingBytes = Math.min(workingBytes, limitBytes * 0.997)
  const cache = base * (0.25 + 0.4 * unit(slot.seed, 30)) * (1 - Math.exp(-age / 7200))
  const inactiveFileBytes = Math.min(cache, limitBytes - workingBytes)
  const page = (bytes: number) => Math.floor(bytes / 4096) * 4096
  return { workingBytes: page(workingBytes), inactiveFileBytes: page(inactiveFileBytes), limitBytes }
}

export function processCount(slot: Slot, now: number): number {
  const base = slot.template.processes ?? 1
  return Math.max(1, Math.round(base * (0.9 + 0.2 * unit(slot.seed, Math.floor(now / 20_000)))))
}

/** CPU section of the engine's stats at `now`; counters count from the container's start. */
function cpuSection(host: Host, slot: Slot, startedAt: number, now: number) {
  const total = Math.round(cpuSeconds(slot, startedAt, now) * 1e9)
  const kernel = Math.round(total * 0.18)
  return {
    cpu_usage: { total_usage: total, usage_in_kernelmode: kernel, usage_in_usermode: total - kernel },
    system_cpu_usage: Math.round(((now - host.bootedAt) / 10) * host.cpus) * 10_000_000,
    online_cpus: host.cpus,
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  }
}

const NO_CPU = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
}

const NEVER = '0001-01-01T00:00:00Z'

function memorySection(host: Host, slot: Slot, snapshot: Snapshot, now: number) {
  const { workingBytes, inactiveFileBytes, limitBytes } = memoryOf(host, slot, snapshot, now)
  const anon = Math.floor(workingBytes * 0.86)
  const activeFile = Math.floor(workingBytes * 0.06)
  return {
    usage: workingBytes + inactiveFileBytes,
    stats: {
      active_anon: anon,
      active_file: activeFile,
      anon,
      anon_thp: 0,
      file: activeFile + inactiveFileBytes,
      file_dirty: 0,
      file_mapped: Math.floor(activeFile / 2),
      file_writeback: 0,
      inactive_anon: 0,
      inactive_file: inactiveFileBytes,
      kernel_stack: processCount(slot, now) * 16_384,
      pgfault: Math.floor(anon / 2048),
      pgmajfault: 12,
      shmem: 0,
      slab: Math.floor(workingBytes * 0.03),
      sock: 0,
      unevictable: 0,
    },
    limit: limitBytes,
  }
}

/**
 * A stats document as the engine sends it, cgroup v2.
 *
 * @param previous instant of `precpu_stats`; undefined for a one-shot, which has none.
 */
export function statsOf(
  host: Host,
  slot: Slot,
  snapshot: Snapshot,
  now: number,
  previous: number | undefined,
) {
  const { id, deploy } = snapshot.incarnation
  const identity = { name: `/${slot.name}`, id, image: imageOf(slot, deploy) }
  const { startedAt } = snapshot
  if (startedAt === undefined || (snapshot.state !== 'running' && snapshot.state !== 'paused')) {
    const nothing = {
      io_service_bytes_recursive: null,
      io_serviced_recursive: null,
      io_queue_recursive: null,
      io_service_time_recursive: null,
      io_wait_time_recursive: null,
      io_merged_recursive: null,
      io_time_recursive: null,
      sectors_recursive: null,
    }
    return {
      ...identity,
      read: NEVER,
      preread: NEVER,
      pids_stats: {},
      blkio_stats: nothing,
      num_procs: 0,
      storage_stats: {},
      cpu_stats: NO_CPU,
      precpu_stats: NO_CPU,
      memory_stats: {},
    }
  }
  const [rx, tx, read, write] = ioBytes(slot, startedAt, now)
  const before = previous === undefined ? undefined : Math.max(previous, startedAt)
  const packets = (bytes: number) => Math.floor(bytes / 620)
  return {
    ...identity,
    read: new Date(now).toISOString(),
    preread: before === undefined ? NEVER : new Date(before).toISOString(),
    pids_stats: { current: processCount(slot, now), limit: 38_219 },
    blkio_stats: {
      io_service_bytes_recursive: [
        { major: 259, minor: 0, op: 'read', value: Math.floor(read / 4096) * 4096 },
        { major: 259, minor: 0, op: 'write', value: Math.floor(write / 4096) * 4096 },
      ],
      io_serviced_recursive: null,
      io_queue_recursive: null,
      io_service_time_recursive: null,
      io_wait_time_recursive: null,
      io_merged_recursive: null,
      io_time_recursive: null,
      sectors_recursive: null,
    },
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuSection(host, slot, startedAt, now),
    precpu_stats: before === undefined ? NO_CPU : cpuSection(host, slot, startedAt, before),
    memory_stats: memorySection(host, slot, snapshot, now),
    networks: {
      eth0: {
        rx_bytes: Math.floor(rx),
        rx_packets: packets(rx),
        rx_errors: 0,
        rx_dropped: 0,
        tx_bytes: Math.floor(tx),
        tx_packets: packets(tx),
        tx_errors: 0,
        tx_dropped: 0,
      },
    },
  }
}
