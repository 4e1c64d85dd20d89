import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  cpuPercent,
  ownContainerId,
  parseAuxiliaryVector,
  parseCpuModel,
  parseCpuStat,
  parseDiskStats,
  parseLoadAverage,
  parseMemoryInfo,
  parseMounts,
  parseNetworkDevices,
  parseOsName,
  parsePasswd,
  parseProcessStat,
  parseProcessUser,
  parseUptime,
  realMounts,
} from './proc-parsers.ts'

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}.txt`, import.meta.url), 'utf8')

describe('CPU', () => {
  it('reads all cores and each of them', () => {
    const stat = parseCpuStat(fixture('stat'))
    expect(stat.all).toEqual({ idle: 779_006, total: 971_766 })
    expect([...stat.cores.keys()]).toEqual([0, 1])
    expect(stat.cores.get(1)).toEqual({ idle: 384_430, total: 485_943 })
  })

  it('gives the busy share between two readings', () => {
    expect(cpuPercent({ idle: 100, total: 200 }, { idle: 175, total: 300 })).toBe(25)
    expect(cpuPercent({ idle: 0, total: 0 }, { idle: 0, total: 50 })).toBe(100)
  })

  it('gives none without an earlier reading, without time, or when counters went back', () => {
    expect(cpuPercent(undefined, { idle: 1, total: 2 })).toBeNull()
    expect(cpuPercent({ idle: 1, total: 2 }, { idle: 1, total: 2 })).toBeNull()
    expect(cpuPercent({ idle: 100, total: 200 }, { idle: 1, total: 2 })).toBeNull()
    expect(cpuPercent({ idle: 100, total: 200 }, { idle: 1, total: 300 })).toBeNull()
  })

  it('bears idle time that exceeds the total by a tick', () => {
    expect(cpuPercent({ idle: 100, total: 200 }, { idle: 201, total: 300 })).toBe(0)
  })

  it('names the model', () => {
    expect(parseCpuModel(fixture('cpuinfo'))).toBe('AMD EPYC')
    expect(parseCpuModel('processor\t: 0\nModel\t\t: Raspberry Pi 4 Model B\n')).toBe(
      'Raspberry Pi 4 Model B',
    )
    expect(parseCpuModel('processor : 0\nBogoMIPS : 50\n')).toBeNull()
  })
})

describe('memory', () => {
  it('takes what is available from the kernel', () => {
    const memory = parseMemoryInfo(fixture('meminfo'))
    expect(memory.totalBytes).toBe(24_684_092 * 1024)
    expect(memory.availableBytes).toBe(23_592_900 * 1024)
    expect(memory.usedBytes).toBe((24_684_092 - 23_592_900) * 1024)
    expect(memory.swapTotalBytes).toBe(0)
  })

  it('estimates it on kernels that do not say', () => {
    const text = 'MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 300 kB\nShmem: 20 kB\n'
    expect(parseMemoryInfo(text)).toMatchObject({ availableBytes: 430 * 1024, cachedBytes: 330 * 1024 })
  })

  it('counts used swap', () => {
    expect(parseMemoryInfo('MemTotal: 10 kB\nSwapTotal: 8 kB\nSwapFree: 3 kB\n').swapUsedBytes).toBe(5 * 1024)
  })
})

describe('disks, networks, mounts', () => {
  it('reads disk counters in bytes', () => {
    const disks = parseDiskStats('   8  0 sda 10 0 200 5 20 0 400 6 0 77 11 0 0 0 0\n 8 1 bad\n')
    expect([...disks]).toEqual([['sda', { readBytes: 102_400, writtenBytes: 204_800, busyMs: 77 }]])
    expect(parseDiskStats(fixture('diskstats')).has('vda')).toBe(true)
  })

  it('reads interfaces, also where the counter follows the colon', () => {
    const devices = parseNetworkDevices(fixture('net-dev'))
    expect(devices.get('eth0')).toEqual({ rxBytes: 875_383_454, txBytes: 2_065_283 })
    expect(parseNetworkDevices('eth0:7 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0').get('eth0')).toEqual({
      rxBytes: 7,
      txBytes: 9,
    })
    expect(devices.has('face |bytes')).toBe(false)
  })

  it('keeps mounts with space of their own, once per device', () => {
    expect(realMounts(parseMounts(fixture('mounts'))).map(({ mount, remote }) => [mount, remote])).toEqual([
      ['/', false],
      ['/home', false],
      ['/mnt/my data', false],
      ['/mnt/nas', true],
    ])
  })

  it('shows a device by its shortest path, and an overlay only as the root', () => {
    const mounts = parseMounts('/dev/a /var/lib/docker ext4 rw 0 0\n/dev/a / ext4 rw 0 0\n')
    expect(realMounts(mounts).map(({ mount }) => mount)).toEqual(['/'])
    const container = parseMounts('overlay / overlay rw 0 0\noverlay /x/merged overlay rw 0 0\n')
    expect(realMounts(container).map(({ mount }) => mount)).toEqual(['/'])
  })
})

describe('system', () => {
  it('reads load and uptime, and null from an unreadable file', () => {
    expect(parseLoadAverage('0.22 0.23 0.16 2/198 23727\n')).toEqual([0.22, 0.23, 0.16])
    expect(parseLoadAverage('')).toBeNull()
    expect(parseUptime('1389.70 2507.03\n')).toBe(1389.7)
    expect(parseUptime('')).toBeNull()
  })

  it('names the system', () => {
    expect(parseOsName(fixture('os-release'))).toBe('Debian GNU/Linux 12 (bookworm)')
    expect(parseOsName('NAME=x\nPRETTY_NAME=Alpine\n')).toBe('Alpine')
    expect(parseOsName('')).toBeNull()
  })

  it('reads page size and ticks of the process', () => {
    const vector = Buffer.alloc(48)
    for (const [index, [key, value]] of [
      [6, 65_536],
      [17, 250],
      [0, 0],
    ].entries()) {
      vector.writeBigUInt64LE(BigInt(key ?? 0), index * 16)
      vector.writeBigUInt64LE(BigInt(value ?? 0), index * 16 + 8)
    }
    expect(parseAuxiliaryVector(vector)).toEqual({ pageBytes: 65_536, ticksPerSecond: 250 })
    expect(parseAuxiliaryVector(Buffer.alloc(0))).toEqual({ pageBytes: 4096, ticksPerSecond: 100 })
  })
})

describe('processes', () => {
  it('reads a process whose name has spaces and parentheses', () => {
    const rest =
      'S 7 0 0 0 -1 4194560 1 2 0 3 104 356 12 13 20 0 13 0 2400 52576256 5008 18446744073709551615'
    expect(parseProcessStat(`42 (my (odd) name) ${rest}`)).toEqual({
      pid: 42,
      name: 'my (odd) name',
      state: 'S',
      parentPid: 7,
      cpuTicks: 460,
      startTicks: 2400,
      residentPages: 5008,
    })
  })

  it('gives null for a process that ended while it was read', () => {
    expect(parseProcessStat('')).toBeNull()
    expect(parseProcessStat('42 (cut')).toBeNull()
  })

  it('finds users by number', () => {
    expect(parsePasswd('root:x:0:0:root:/root:/bin/sh\nbad\n').get(0)).toBe('root')
    expect(parseProcessUser('Name:\tx\nUid:\t1000\t1001\t1000\t1000\n')).toBe(1001)
  })
})

describe('ownContainerId', () => {
  const id = 'c4e1c1634a11a20730d02749e989a21f3b653d94d7b727482149bde4fbe65062'
  const nothing = { cgroup: '0::/\n', mountInfo: '', hostname: 'server\n' }

  it('finds it in cgroup v1', () => {
    expect(ownContainerId({ ...nothing, cgroup: `4:memory:/docker/${id}\n` })).toBe(id)
    expect(ownContainerId({ ...nothing, cgroup: `1:name=systemd:/system.slice/docker-${id}.scope\n` })).toBe(
      id,
    )
  })

  it('finds it in the mounts of cgroup v2', () => {
    const mountInfo = `1 2 8:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw - ext4 /dev/vda rw\n`
    expect(ownContainerId({ ...nothing, mountInfo })).toBe(id)
  })

  it('takes the host name in a container, and not outside one', () => {
    const mountInfo = '600 500 0:50 / / rw - overlay overlay rw\n'
    const hostname = `${id.slice(0, 12)}\n`
    expect(ownContainerId({ ...nothing, mountInfo, hostname })).toBe(id.slice(0, 12))
    expect(ownContainerId({ ...nothing, hostname })).toBeNull()
  })

  it('finds none outside a container', () => {
    expect(ownContainerId(nothing)).toBeNull()
  })
})
