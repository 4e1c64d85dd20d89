import type { ContainerReading } from './docker/container-stats.ts'
import { type HostReading, uplinkInterfaces } from './host/host-source.ts'

/** A value for the history. `instance` is a device, core, mount or sensor, or empty. */
export interface FleetSample {
  readonly endpointId: number
  readonly subject: 'host' | 'container'
  readonly name: string
  readonly metric: string
  readonly instance: string
  readonly timeMs: number
  readonly value: number
}

type Emit = (metric: string, instance: string, value: number) => void

/** Every known value of a reading, by metric name. What is not known at this step is left out. */
export function eachContainerValue(reading: ContainerReading, emit: Emit): void {
  const add = (metric: string, value: number | null) => {
    if (value !== null) emit(metric, '', value)
  }
  add('cpu.percent', reading.cpuPercent)
  add('memory.used.bytes', reading.memoryUsedBytes)
  add('memory.limit.bytes', reading.memoryLimitBytes)
  add('memory.percent', reading.memoryPercent)
  add('net.rx.bytes_per_second', reading.netRxBytesPerSecond)
  add('net.tx.bytes_per_second', reading.netTxBytesPerSecond)
  add('block.read.bytes_per_second', reading.blockReadBytesPerSecond)
  add('block.write.bytes_per_second', reading.blockWriteBytesPerSecond)
  add('pids.count', reading.pids)
}

export function eachHostValue(reading: HostReading, emit: Emit): void {
  const add = (metric: string, value: number | null, instance = '') => {
    if (value !== null) emit(metric, instance, value)
  }
  add('cpu.percent', reading.cpuPercent)
  for (const [core, percent] of reading.corePercents) add('cpu.core.percent', percent, String(core))
  if (reading.load) {
    add('load.1', reading.load[0])
    add('load.5', reading.load[1])
    add('load.15', reading.load[2])
  }
  add('memory.used.bytes', reading.memoryUsedBytes)
  add('memory.available.bytes', reading.memoryAvailableBytes)
  add('memory.total.bytes', reading.memoryTotalBytes)
  add('memory.cached.bytes', reading.memoryCachedBytes)
  add('swap.used.bytes', reading.swapUsedBytes)
  add('swap.total.bytes', reading.swapTotalBytes)
  for (const disk of reading.disks) {
    add('disk.read.bytes_per_second', disk.readBytesPerSecond, disk.device)
    add('disk.write.bytes_per_second', disk.writeBytesPerSecond, disk.device)
    add('disk.busy.percent', disk.busyPercent, disk.device)
  }
  for (const each of reading.filesystems) {
    add('fs.used.bytes', each.usedBytes, each.mount)
    add('fs.total.bytes', each.totalBytes, each.mount)
  }
  add('net.rx.bytes_per_second', reading.netRxBytesPerSecond)
  add('net.tx.bytes_per_second', reading.netTxBytesPerSecond)
  // Container interfaces come and go with containers: each would be a series of its own for a year.
  for (const each of uplinkInterfaces(reading.interfaces)) {
    add('net.rx.bytes_per_second', each.rxBytesPerSecond, each.name)
    add('net.tx.bytes_per_second', each.txBytesPerSecond, each.name)
  }
  for (const each of reading.temperatures) add('temperature.celsius', each.celsius, each.sensor)
  add('processes.count', reading.processCount)
  add('uptime.seconds', reading.uptimeSeconds)
}

/** Values by `metric` or `metric[instance]`, as the live messages carry them. */
export function liveValues(each: (emit: Emit) => void): Record<string, number> {
  const values: Record<string, number> = {}
  each((metric, instance, value) => {
    values[instance === '' ? metric : `${metric}[${instance}]`] = value
  })
  return values
}
