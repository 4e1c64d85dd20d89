import { describe, expect, it } from 'vitest'
import { CounterTracker } from '../counter-tracker.ts'
import { EngineStats, readContainerStats } from './container-stats.ts'

/** The answer of an engine on cgroup v2 at `seconds`, shortened. */
function answer(seconds: number, over: Record<string, unknown> = {}): EngineStats {
  return EngineStats.parse({
    read: new Date(1_800_000_000_000 + seconds * 1000).toISOString(),
    preread: '0001-01-01T00:00:00Z',
    pids_stats: { current: 7, limit: 100 },
    cpu_stats: {
      cpu_usage: { total_usage: 5e8 * seconds, usage_in_kernelmode: 1, usage_in_usermode: 2 },
      system_cpu_usage: 4e9 * seconds,
      online_cpus: 4,
    },
    memory_stats: { usage: 300, limit: 1000, stats: { inactive_file: 100, active_file: 50 } },
    networks: {
      eth0: { rx_bytes: 1000 * seconds, tx_bytes: 10 * seconds },
      eth1: { rx_bytes: 0, tx_bytes: 0 },
    },
    blkio_stats: {
      io_service_bytes_recursive: [
        { major: 8, minor: 0, op: 'read', value: 100 * seconds },
        { major: 8, minor: 0, op: 'write', value: 200 * seconds },
        { major: 8, minor: 0, op: 'Total', value: 300 * seconds },
      ],
    },
    ...over,
  })
}

function read(answers: readonly EngineStats[], epochs: readonly string[] = []) {
  const tracker = new CounterTracker(30_000)
  return answers.map((stats, index) => {
    const monotonicMs = Date.parse(stats.read ?? '') - 1_800_000_000_000
    return readContainerStats(stats, tracker, { timeMs: 42, monotonicMs, epoch: epochs[index] ?? 'run' })
  })
}

describe('readContainerStats', () => {
  it('computes what docker stats shows', () => {
    const [first, second] = read([answer(10), answer(20)])
    expect(first).toMatchObject({ cpuPercent: null, netRxBytesPerSecond: null, memoryUsedBytes: 200 })
    expect(second).toEqual({
      timeMs: 42,
      // 5 s of container time in 40 s of machine time on 4 cores: half a core.
      cpuPercent: 50,
      memoryUsedBytes: 200,
      memoryLimitBytes: 1000,
      memoryPercent: 20,
      netRxBytesPerSecond: 1000,
      netTxBytesPerSecond: 10,
      blockReadBytesPerSecond: 100,
      blockWriteBytesPerSecond: 200,
      pids: 7,
    })
  })

  it('subtracts total_inactive_file on cgroup v1, and capital operation names count', () => {
    const v1 = (seconds: number) =>
      answer(seconds, {
        memory_stats: {
          usage: 500,
          limit: 1000,
          stats: { cache: 400, total_inactive_file: 300, inactive_file: 1 },
        },
        blkio_stats: {
          io_service_bytes_recursive: [
            { op: 'Read', value: seconds },
            { op: 'Write', value: 0 },
          ],
        },
      })
    expect(read([v1(1), v1(2)])[1]).toMatchObject({ memoryUsedBytes: 200, blockReadBytesPerSecond: 1 })
  })

  it('keeps the usage when the cache is larger than it', () => {
    const stats = answer(1, { memory_stats: { usage: 10, limit: 100, stats: { inactive_file: 50 } } })
    expect(read([stats])[0]?.memoryUsedBytes).toBe(10)
  })

  it('counts cores by the per-core list where the engine does not say', () => {
    const old = (seconds: number) =>
      answer(seconds, {
        cpu_stats: {
          cpu_usage: { total_usage: 1e9 * seconds, percpu_usage: [1, 2] },
          system_cpu_usage: 4e9 * seconds,
        },
      })
    expect(read([old(1), old(2)])[1]?.cpuPercent).toBe(50)
  })

  it('uses wall time where the engine gives no machine time', () => {
    const podman = (seconds: number) =>
      answer(seconds, { cpu_stats: { cpu_usage: { total_usage: 1.5e9 * seconds }, online_cpus: 8 } })
    expect(read([podman(1), podman(2)])[1]?.cpuPercent).toBe(150)
  })

  it('has no rates at the step of a restart', () => {
    const readings = read([answer(10), answer(20), answer(30)], ['a', 'b', 'b'])
    expect(readings[1]).toMatchObject({ cpuPercent: null, netRxBytesPerSecond: null, memoryUsedBytes: 200 })
    expect(readings[2]?.cpuPercent).toBe(50)
  })

  it('has no network rate at the step where an interface comes', () => {
    const more = answer(20, {
      networks: { eth0: { rx_bytes: 20_000, tx_bytes: 0 }, eth9: { rx_bytes: 9e12, tx_bytes: 0 } },
    })
    expect(read([answer(10), more])[1]).toMatchObject({ netRxBytesPerSecond: null, cpuPercent: 50 })
  })

  it('knows nothing of networks of a container on the host network', () => {
    const stats = answer(1, { networks: undefined })
    expect(read([stats, stats])[0]?.netRxBytesPerSecond).toBeNull()
  })

  it('gives nothing for a container that does not run', () => {
    const stopped = EngineStats.parse({
      read: '0001-01-01T00:00:00Z',
      cpu_stats: { cpu_usage: { total_usage: 0 } },
      memory_stats: {},
      pids_stats: {},
    })
    expect(read([stopped])).toEqual([undefined])
  })
})
