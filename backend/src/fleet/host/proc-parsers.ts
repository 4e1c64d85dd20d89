/** Parsers of Linux's text files. Pure; a line or field that is missing is left out, never guessed. */

/** Ticks since boot. */
export interface CpuTimes {
  idle: number
  total: number
}

export interface CpuStat {
  all: CpuTimes
  /** By core number; a core that is offline is absent. */
  cores: Map<number, CpuTimes>
}

/** /proc/stat. Guest time is within user time already; waiting for a disk counts as idle, as in top. */
export function parseCpuStat(text: string): CpuStat {
  const stat: CpuStat = { all: { idle: 0, total: 0 }, cores: new Map() }
  for (const line of text.split('\n')) {
    if (!line.startsWith('cpu')) continue
    const [name = '', ...fields] = line.trim().split(/\s+/)
    const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] =
      fields.map(Number)
    const times = { idle: idle + iowait, total: user + nice + system + idle + iowait + irq + softirq + steal }
    if (name === 'cpu') stat.all = times
    else stat.cores.set(Number(name.slice(3)), times)
  }
  return stat
}

/**
 * Busy share between two readings, 0–100.
 *
 * @returns null when no time passed or the counters went backwards (a core that was offline starts again)
 */
export function cpuPercent(previous: CpuTimes | undefined, current: CpuTimes): number | null {
  if (!previous) return null
  const total = current.total - previous.total
  if (total <= 0) return null
  // The kernel's iowait may go down a little, so idle may exceed the total by a tick.
  const busy = 100 * (1 - (current.idle - previous.idle) / total)
  return busy > 100.001 ? null : Math.min(100, Math.max(0, busy))
}

export interface MemoryInfo {
  totalBytes: number
  availableBytes: number
  /** What programs hold: total minus available. */
  usedBytes: number
  /** Page cache, buffers and reclaimable slab, without shared memory (which cannot be dropped). */
  cachedBytes: number
  swapTotalBytes: number
  swapUsedBytes: number
}

/** /proc/meminfo. Kernels before 3.14 have no MemAvailable; then free plus cache stands in. */
export function parseMemoryInfo(text: string): MemoryInfo {
  const field = (name: string): number => {
    const match = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)
    return match?.[1] === undefined ? 0 : Number(match[1]) * 1024
  }
  const totalBytes = field('MemTotal')
  const cachedBytes = Math.max(0, field('Buffers') + field('Cached') + field('SReclaimable') - field('Shmem'))
  const available = /^MemAvailable:/m.test(text) ? field('MemAvailable') : field('MemFree') + cachedBytes
  const availableBytes = Math.min(available, totalBytes)
  const swapTotalBytes = field('SwapTotal')
  return {
    totalBytes,
    availableBytes,
    usedBytes: totalBytes - availableBytes,
    cachedBytes,
    swapTotalBytes,
    swapUsedBytes: Math.max(0, swapTotalBytes - field('SwapFree')),
  }
}

/** /proc/loadavg: 1, 5 and 15 minutes. */
export function parseLoadAverage(text: string): [number, number, number] | null {
  const [one, five, fifteen] = text.trim().split(/\s+/).map(Number)
  return one === undefined ||
    five === undefined ||
    fifteen === undefined ||
    Number.isNaN(one + five + fifteen)
    ? null
    : [one, five, fifteen]
}

/** /proc/uptime: seconds since boot. */
export function parseUptime(text: string): number | null {
  const seconds = Number.parseFloat(text)
  return Number.isNaN(seconds) ? null : seconds
}

export interface DiskCounters {
  readBytes: number
  writtenBytes: number
  /** Time with at least one request under way. */
  busyMs: number
}

/** /proc/diskstats by device. The kernel counts sectors of 512 bytes whatever the device's own. */
export function parseDiskStats(text: string): Map<string, DiskCounters> {
  const disks = new Map<string, DiskCounters>()
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/)
    const name = fields[2]
    if (name === undefined || fields.length < 13) continue
    disks.set(name, {
      readBytes: Number(fields[5]) * 512,
      writtenBytes: Number(fields[9]) * 512,
      busyMs: Number(fields[12]),
    })
  }
  return disks
}

export interface NetworkCounters {
  rxBytes: number
  txBytes: number
}

/** /proc/net/dev by interface. A large counter follows the colon without a space. */
export function parseNetworkDevices(text: string): Map<string, NetworkCounters> {
  const devices = new Map<string, NetworkCounters>()
  for (const line of text.split('\n')) {
    const colon = line.lastIndexOf(':')
    if (colon < 0) continue
    const fields = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number)
    const [rxBytes, txBytes] = [fields[0], fields[8]]
    if (rxBytes === undefined || txBytes === undefined) continue
    devices.set(line.slice(0, colon).trim(), { rxBytes, txBytes })
  }
  return devices
}

export interface Mount {
  device: string
  mount: string
  type: string
  readOnly: boolean
}

/** /proc/mounts. Spaces and the like are written as octal escapes. */
export function parseMounts(text: string): Mount[] {
  const mounts: Mount[] = []
  for (const line of text.split('\n')) {
    const [device, mount, type, options] = line.split(' ')
    if (device === undefined || mount === undefined || type === undefined) continue
    mounts.push({
      device: unescapeOctal(device),
      mount: unescapeOctal(mount),
      type,
      readOnly: (options ?? '').split(',').includes('ro'),
    })
  }
  return mounts
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

// Disk-like file systems. Everything else that /proc/mounts lists is a view of the kernel, memory, or a
// second view of one of these.
const localTypes = new Set([
  'ext2',
  'ext3',
  'ext4',
  'xfs',
  'btrfs',
  'zfs',
  'bcachefs',
  'f2fs',
  'jfs',
  'reiserfs',
  'vfat',
  'exfat',
  'ntfs',
  'ntfs3',
  'fuseblk',
  'hfsplus',
  'ufs',
  'nilfs2',
  'apfs',
])
const remoteTypes = new Set([
  'nfs',
  'nfs4',
  'cifs',
  'smb3',
  'ceph',
  'glusterfs',
  'fuse.glusterfs',
  'fuse.sshfs',
  'fuse.rclone',
  '9p',
  'virtiofs',
  'lustre',
  'fuse.s3fs',
  'fuse.mergerfs',
  'beegfs',
])

export interface RealMount extends Mount {
  /** Its answer may never come. */
  remote: boolean
}

/**
 * The mounts whose space is worth watching: one per device, the shortest path, no pseudo file systems, no
 * overlays (they show the disk beneath once more) except as the root of a container.
 */
export function realMounts(mounts: readonly Mount[]): RealMount[] {
  const byDevice = new Map<string, RealMount>()
  for (const mount of mounts) {
    const remote = remoteTypes.has(mount.type)
    const isRoot = mount.mount === '/'
    if (!remote && !localTypes.has(mount.type) && !(isRoot && mount.type === 'overlay')) continue
    const known = byDevice.get(mount.device)
    if (!known || mount.mount.length < known.mount.length) byDevice.set(mount.device, { ...mount, remote })
  }
  return [...byDevice.values()].sort((a, b) => (a.mount < b.mount ? -1 : 1))
}

export interface ProcessStat {
  pid: number
  name: string
  state: string
  parentPid: number
  /** User plus system time, in ticks. */
  cpuTicks: number
  startTicks: number
  residentPages: number
}

/** /proc/<pid>/stat. The name is in parentheses and may hold spaces and parentheses itself. */
export function parseProcessStat(text: string): ProcessStat | null {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open < 0 || close < open) return null
  const fields = text
    .slice(close + 2)
    .trim()
    .split(' ')
  const number = (index: number) => Number(fields[index])
  if (fields.length < 22) return null
  return {
    pid: Number(text.slice(0, open)),
    name: text.slice(open + 1, close),
    state: fields[0] ?? '',
    parentPid: number(1),
    cpuTicks: number(11) + number(12),
    startTicks: number(19),
    residentPages: number(21),
  }
}

/** The effective user id in /proc/<pid>/status. */
export function parseProcessUser(text: string): number | null {
  const match = /^Uid:\s+\d+\s+(\d+)/m.exec(text)
  return match?.[1] === undefined ? null : Number(match[1])
}

/** /etc/passwd: names by user id. */
export function parsePasswd(text: string): Map<number, string> {
  const users = new Map<number, string>()
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':')
    if (name !== undefined && id !== undefined && id !== '') users.set(Number(id), name)
  }
  return users
}

/** /proc/cpuinfo: `model name` on x86, `Model` or `Hardware` on ARM boards, null where none is named. */
export function parseCpuModel(text: string): string | null {
  const match = /^(?:model name|Model|Hardware|cpu model|cpu)\s*:\s*(.+)$/m.exec(text)
  return match?.[1]?.trim().replace(/\s+/g, ' ') ?? null
}

/** /etc/os-release: the name for people. */
export function parseOsName(text: string): string | null {
  const match = /^PRETTY_NAME=(?:"([^"]*)"|'([^']*)'|(.*))$/m.exec(text)
  return match?.[1] ?? match?.[2] ?? match?.[3] ?? null
}

/** /proc/self/auxv of a 64-bit process: page size and clock ticks per second. */
export function parseAuxiliaryVector(data: Buffer): { pageBytes: number; ticksPerSecond: number } {
  const AT_PAGESZ = 6n
  const AT_CLKTCK = 17n
  const found = { pageBytes: 4096, ticksPerSecond: 100 }
  for (let at = 0; at + 16 <= data.length; at += 16) {
    const key = data.readBigUInt64LE(at)
    if (key === AT_PAGESZ) found.pageBytes = Number(data.readBigUInt64LE(at + 8))
    else if (key === AT_CLKTCK) found.ticksPerSecond = Number(data.readBigUInt64LE(at + 8))
  }
  return found
}

/**
 * The id of the container that this process runs in, from /proc/self/cgroup (v1), /proc/self/mountinfo (v2: the
 * engine mounts hostname and hosts from the container's folder) and the host name (its first 12 digits).
 *
 * @returns 64 digits, or 12 when only the host name tells; null outside a container
 */
export function ownContainerId(files: {
  cgroup: string
  mountInfo: string
  hostname: string
}): string | null {
  const id = /(?:docker|containers|libpod|cri-containerd|crio|kubepods)\S*?[/-]([a-f0-9]{64})\b/
  const fromCgroup = id.exec(files.cgroup)?.[1]
  if (fromCgroup !== undefined) return fromCgroup
  const ownFile = /\/containers\/([a-f0-9]{64})\/(?:userdata\/)?(?:hostname|hosts|resolv\.conf)\s/
  const fromMounts = ownFile.exec(files.mountInfo)?.[1]
  if (fromMounts !== undefined) return fromMounts
  const insideContainer = /^\d+ \d+ \S+ \S+ \/ .* - overlay /m.test(files.mountInfo)
  const hostname = files.hostname.trim()
  return insideContainer && /^[a-f0-9]{12}$/.test(hostname) ? hostname : null
}
