import { readdirSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { arch, hostname as osHostname } from 'node:os'
import { join } from 'node:path'
import { CounterTracker } from '../counter-tracker.ts'
import { errorCode } from '../docker/engine-error.ts'
import type { Disk, FileSystem, NetworkInterface, Temperature } from '../host.schema.ts'
import {
  type CpuStat,
  cpuPercent,
  parseCpuModel,
  parseCpuStat,
  parseDiskStats,
  parseLoadAverage,
  parseMemoryInfo,
  parseMounts,
  parseNetworkDevices,
  parseOsName,
  parseUptime,
  type RealMount,
  realMounts,
} from './proc-parsers.ts'

export interface HostPaths {
  /** /proc, or where the host's is mounted. */
  readonly proc: string
  readonly sys: string
  /** The host's root directory, for its file systems and names. */
  readonly root: string
}

export interface HostFacts {
  readonly hostname: string
  readonly os: string | null
  readonly kernel: string | null
  readonly arch: string
  readonly cpus: number
  readonly cpuModel: string | null
}

/** One reading of this machine. A value that is not known at this step is null or absent. */
export interface HostReading {
  timeMs: number
  cpuPercent: number | null
  /** By core number. */
  corePercents: Map<number, number>
  load: [number, number, number] | null
  memoryTotalBytes: number
  memoryAvailableBytes: number
  memoryUsedBytes: number
  memoryCachedBytes: number
  swapTotalBytes: number
  swapUsedBytes: number
  uptimeSeconds: number | null
  processCount: number
  disks: Disk[]
  interfaces: NetworkInterface[]
  /** Sum over what connects the machine to others; null at a step without rates. */
  netRxBytesPerSecond: number | null
  netTxBytesPerSecond: number | null
  filesystems: FileSystem[]
  temperatures: Temperature[]
}

export interface HostSource {
  facts(): HostFacts
  /** Reads everything once; rates are since the last call with this tracker set. Cheap: files of the kernel only. */
  read(): Promise<HostReading>
}

const SLOW_PARTS_MS = 9_000
// Interfaces that containers and virtual machines come and go with.
const ephemeralInterface = /^(?:lo|veth|br-|docker|virbr|cali|flannel|cni|tap|ifb|dummy|lxc|vnet|kube|cilium)/
const virtualDisk = /^(?:loop|ram|zram|dm-|md|sr|fd|nbd)/

/**
 * This machine through /proc and /sys.
 *
 * @param options.maxGapMs a longer time between two readings is a gap without rates
 */
export function createHostSource(options: {
  paths: HostPaths
  maxGapMs: number
  now?: () => number
  monotonic?: () => number
}): HostSource {
  const { paths } = options
  const now = options.now ?? Date.now
  const monotonic = options.monotonic ?? (() => performance.now())
  const isOwnProc = paths.proc === '/proc'
  // /proc/net is the network of whoever reads; process 1 of a mounted /proc is the host's own.
  const networkFile = isOwnProc ? 'net/dev' : '1/net/dev'
  const mountsFile = isOwnProc ? 'mounts' : '1/mounts'
  const counters = new CounterTracker(options.maxGapMs)
  const space = createSpaceReader(paths.root)
  let previousCpu: CpuStat | undefined
  let slowReadAt = Number.NEGATIVE_INFINITY
  let mounts: RealMount[] = []
  let temperatures: Temperature[] = []
  let realDisks: ReadonlySet<string> = new Set()
  let interfaceFacts = new Map<string, Pick<NetworkInterface, 'kind' | 'up' | 'speedMbit' | 'mac'>>()

  const proc = (file: string) => readText(join(paths.proc, file))

  function readSlowParts(networkNames: Iterable<string>, diskNames: Iterable<string>): void {
    mounts = realMounts(parseMounts(proc(mountsFile) || proc('mounts')))
    temperatures = readTemperatures(paths.sys)
    realDisks = new Set([...diskNames].filter((name) => isRealDisk(paths.sys, name)))
    interfaceFacts = new Map([...networkNames].map((name) => [name, readInterface(paths.sys, name)]))
  }

  return {
    facts() {
      const cpuInfo = proc('cpuinfo')
      const etcHostname = paths.root === '/' ? '' : readText(join(paths.root, 'etc/hostname')).trim()
      return {
        hostname: etcHostname || osHostname(),
        os: parseOsName(
          readText(join(paths.root, 'etc/os-release')) || readText(join(paths.root, 'usr/lib/os-release')),
        ),
        kernel: proc('sys/kernel/osrelease').trim() || null,
        arch: machineName(),
        cpus: Math.max(1, parseCpuStat(proc('stat')).cores.size),
        cpuModel: parseCpuModel(cpuInfo),
      }
    },

    async read() {
      const monotonicMs = monotonic()
      const timeMs = now()
      const cpu = parseCpuStat(proc('stat'))
      const memory = parseMemoryInfo(proc('meminfo'))
      const uptimeSeconds = parseUptime(proc('uptime'))
      const diskCounters = parseDiskStats(proc('diskstats'))
      const networkCounters = parseNetworkDevices(proc(networkFile) || proc('net/dev'))
      if (monotonicMs - slowReadAt >= SLOW_PARTS_MS) {
        slowReadAt = monotonicMs
        readSlowParts(networkCounters.keys(), diskCounters.keys())
      }
      const elapsedSeconds = counters.begin(timeMs, monotonicMs)
      const corePercents = new Map<number, number>()
      let allPercent: number | null = null
      if (elapsedSeconds !== null) {
        allPercent = cpuPercent(previousCpu?.all, cpu.all)
        for (const [core, times] of cpu.cores) {
          const percent = cpuPercent(previousCpu?.cores.get(core), times)
          if (percent !== null) corePercents.set(core, percent)
        }
      }
      previousCpu = cpu

      const disks: Disk[] = []
      for (const [device, disk] of diskCounters) {
        if (!realDisks.has(device)) continue
        const busyMsPerSecond = counters.rate(`busy ${device}`, disk.busyMs)
        disks.push({
          device,
          readBytesPerSecond: counters.rate(`read ${device}`, disk.readBytes),
          writeBytesPerSecond: counters.rate(`write ${device}`, disk.writtenBytes),
          busyPercent: busyMsPerSecond === null ? null : Math.min(100, busyMsPerSecond / 10),
        })
      }
      const interfaces: NetworkInterface[] = []
      for (const [name, counter] of networkCounters) {
        if (name === 'lo') continue
        const facts = interfaceFacts.get(name) ?? readInterface(paths.sys, name)
        interfaces.push({
          name,
          ...facts,
          rxBytesPerSecond: counters.rate(`rx ${name}`, counter.rxBytes),
          txBytesPerSecond: counters.rate(`tx ${name}`, counter.txBytes),
        })
      }
      const uplinks = uplinkInterfaces(interfaces)
      return {
        timeMs,
        cpuPercent: allPercent,
        corePercents,
        load: parseLoadAverage(proc('loadavg')),
        memoryTotalBytes: memory.totalBytes,
        memoryAvailableBytes: memory.availableBytes,
        memoryUsedBytes: memory.usedBytes,
        memoryCachedBytes: memory.cachedBytes,
        swapTotalBytes: memory.swapTotalBytes,
        swapUsedBytes: memory.swapUsedBytes,
        uptimeSeconds,
        processCount: countProcesses(paths.proc),
        disks,
        interfaces,
        netRxBytesPerSecond: sumKnown(uplinks, (each) => each.rxBytesPerSecond),
        netTxBytesPerSecond: sumKnown(uplinks, (each) => each.txBytesPerSecond),
        filesystems: await space.read(mounts),
        temperatures,
      }
    },
  }
}

/**
 * The interfaces that carry the machine's own traffic: the physical ones; where there are none (in a container)
 * those that are not made for containers. Bonds, bridges and VLANs repeat what the physical ones count.
 */
export function uplinkInterfaces(interfaces: readonly NetworkInterface[]): NetworkInterface[] {
  const physical = interfaces.filter((each) => each.kind === 'physical')
  return physical.length > 0 ? physical : interfaces.filter((each) => !ephemeralInterface.test(each.name))
}

function sumKnown(
  interfaces: readonly NetworkInterface[],
  value: (each: NetworkInterface) => number | null,
): number | null {
  let sum: number | null = null
  for (const each of interfaces) {
    const part = value(each)
    if (part !== null) sum = (sum ?? 0) + part
  }
  return sum
}

/** Asks for the space of file systems so that a network file system that hangs holds up nothing else. */
function createSpaceReader(root: string) {
  const known = new Map<string, FileSystem>()
  let remoteUnderWay = false

  async function measure(mount: RealMount): Promise<void> {
    try {
      const info = await statfs(root === '/' ? mount.mount : join(root, mount.mount))
      if (info.blocks === 0) return
      known.set(mount.mount, {
        mount: mount.mount,
        device: mount.device,
        type: mount.type,
        totalBytes: info.blocks * info.bsize,
        usedBytes: (info.blocks - info.bfree) * info.bsize,
        availableBytes: info.bavail * info.bsize,
      })
    } catch (error) {
      // A mount that went away, that this user may not see, or whose server is gone is not shown.
      if (errorCode(error) === undefined) throw error
      known.delete(mount.mount)
    }
  }

  async function measureRemote(mounts: readonly RealMount[]): Promise<void> {
    for (const mount of mounts) await measure(mount)
  }

  return {
    async read(mounts: readonly RealMount[]): Promise<FileSystem[]> {
      const remote = mounts.filter((mount) => mount.remote)
      if (remote.length > 0 && !remoteUnderWay) {
        // Not awaited: a dead server holds the call for minutes, and one thread of the pool with it.
        remoteUnderWay = true
        void measureRemote(remote).finally(() => {
          remoteUnderWay = false
        })
      }
      await Promise.all(mounts.filter((mount) => !mount.remote).map(measure))
      const current = new Set(mounts.map((mount) => mount.mount))
      for (const mount of known.keys()) if (!current.has(mount)) known.delete(mount)
      return [...known.values()].sort((a, b) => (a.mount < b.mount ? -1 : 1))
    },
  }
}

function readTemperatures(sys: string): Temperature[] {
  const found = new Map<string, number>()
  const add = (sensor: string, milliCelsius: string) => {
    const celsius = Number.parseInt(milliCelsius, 10) / 1000
    // Sensors that are not wired read as -128 or 255.
    if (Number.isNaN(celsius) || celsius < -50 || celsius > 200) return
    let name = sensor
    for (let copy = 2; found.has(name); copy++) name = `${sensor} ${copy}`
    found.set(name, celsius)
  }
  const hwmon = join(sys, 'class/hwmon')
  for (const chip of list(hwmon)) {
    const chipName = readText(join(hwmon, chip, 'name')).trim() || chip
    for (const file of list(join(hwmon, chip))) {
      const sensor = /^(temp\d+)_input$/.exec(file)?.[1]
      if (sensor === undefined) continue
      const label = readText(join(hwmon, chip, `${sensor}_label`)).trim()
      add(label ? `${chipName} ${label}` : chipName, readText(join(hwmon, chip, file)))
    }
  }
  if (found.size === 0) {
    const zones = join(sys, 'class/thermal')
    for (const zone of list(zones)) {
      if (!zone.startsWith('thermal_zone')) continue
      add(readText(join(zones, zone, 'type')).trim() || zone, readText(join(zones, zone, 'temp')))
    }
  }
  return [...found].map(([sensor, celsius]) => ({ sensor, celsius }))
}

function readInterface(
  sys: string,
  name: string,
): Pick<NetworkInterface, 'kind' | 'up' | 'speedMbit' | 'mac'> {
  const folder = join(sys, 'class/net', name)
  const speed = Number.parseInt(readText(join(folder, 'speed')), 10)
  const mac = readText(join(folder, 'address')).trim()
  return {
    kind: list(join(folder, 'device')).length > 0 ? 'physical' : 'virtual',
    up: readText(join(folder, 'operstate')).trim() !== 'down',
    speedMbit: speed > 0 ? speed : null,
    mac: mac === '' || mac === '00:00:00:00:00:00' ? null : mac,
  }
}

function isRealDisk(sys: string, name: string): boolean {
  const blockDevices = join(sys, 'block')
  if (list(join(blockDevices, name, 'device')).length > 0) return true
  return (
    list(blockDevices).length === 0 && !virtualDisk.test(name) && !/\dp?\d+$|^[hsv]d[a-z]+\d+$/.test(name)
  )
}

function countProcesses(proc: string): number {
  let count = 0
  for (const name of readdirSync(proc)) if (name.charCodeAt(0) >= 49 && name.charCodeAt(0) <= 57) count++
  return count
}

const machineNames: Readonly<Record<string, string>> = {
  x64: 'x86_64',
  arm64: 'aarch64',
  ia32: 'i686',
  arm: 'armv7l',
}
function machineName(): string {
  return machineNames[arch()] ?? arch()
}

/** Empty when the file is not there or may not be read: what it would say is then not known. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    return ''
  }
}

/** Names in a folder, sorted: the kernel gives them in no order. */
function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort((a, b) => (a < b ? -1 : 1))
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    return []
  }
}

/** Files that tell in which container this process runs; see `ownContainerId`. */
export function readOwnContainerFiles(): { cgroup: string; mountInfo: string; hostname: string } {
  return {
    cgroup: readText('/proc/self/cgroup'),
    mountInfo: readText('/proc/self/mountinfo'),
    hostname: readText('/etc/hostname'),
  }
}
