import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHostSource } from './host-source.ts'

let root = ''
let clock = { wall: 0, monotonic: 0 }

function write(path: string, text: string): void {
  const file = join(root, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/** A machine with one disk, one physical and one virtual interface, at `seconds` of its life. */
function machineAt(seconds: number): void {
  clock = { wall: 1_800_000_000_000 + seconds * 1000, monotonic: seconds * 1000 }
  write(
    'proc/stat',
    `cpu  ${seconds * 50} 0 0 ${seconds * 150} 0 0 0 0\ncpu0 ${seconds * 50} 0 0 ${seconds * 50} 0 0 0 0\n`,
  )
  write('proc/uptime', `${seconds}.0 0\n`)
  write(
    'proc/diskstats',
    ` 8 0 sda 0 0 ${seconds * 2} 0 0 0 ${seconds * 4} 0 0 ${seconds * 500} 0\n 7 0 loop0 0 0 9 0 0 0 9 0 0 9 0\n`,
  )
  write(
    'proc/1/net/dev',
    `  eth0: ${seconds * 1000} 0 0 0 0 0 0 0 ${seconds * 10} 0 0 0 0 0 0 0\n veth1: ${seconds} 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n lo: 5 0 0 0 0 0 0 0 5 0 0 0 0 0 0 0\n`,
  )
}

function source() {
  return createHostSource({
    paths: { proc: join(root, 'proc'), sys: join(root, 'sys'), root },
    maxGapMs: 30_000,
    now: () => clock.wall,
    monotonic: () => clock.monotonic,
  })
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'host-'))
  const fixtures = fileURLToPath(new URL('./fixtures', import.meta.url))
  machineAt(0)
  cpSync(join(fixtures, 'meminfo.txt'), join(root, 'proc/meminfo'))
  cpSync(join(fixtures, 'cpuinfo.txt'), join(root, 'proc/cpuinfo'))
  cpSync(join(fixtures, 'os-release.txt'), join(root, 'etc/os-release'))
  write('etc/hostname', 'atlas\n')
  write('proc/loadavg', '0.5 1 1.5 1/1 1\n')
  write('proc/1/mounts', `/dev/sda1 / ext4 rw 0 0\n`)
  write('proc/7/stat', '')
  write('proc/sys/kernel/osrelease', '6.1.0\n')
  write('sys/block/sda/device/model', 'disk\n')
  write('sys/block/loop0/size', '0\n')
  write('sys/class/net/eth0/device/vendor', '1\n')
  write('sys/class/net/eth0/address', '02:00:00:00:00:01\n')
  write('sys/class/net/eth0/speed', '1000\n')
  write('sys/class/net/veth1/address', '02:00:00:00:00:02\n')
  write('sys/class/hwmon/hwmon0/name', 'coretemp\n')
  write('sys/class/hwmon/hwmon0/temp1_input', '45500\n')
  write('sys/class/hwmon/hwmon0/temp1_label', 'Package id 0\n')
  write('sys/class/hwmon/hwmon0/temp2_input', '-128000\n')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe('createHostSource', () => {
  it('knows what the machine is', () => {
    expect(source().facts()).toMatchObject({
      hostname: 'atlas',
      os: 'Debian GNU/Linux 12 (bookworm)',
      kernel: '6.1.0',
      cpus: 1,
      cpuModel: 'AMD EPYC',
    })
  })

  it('gives shares and rates from the second reading on', async () => {
    const host = source()
    const first = await host.read()
    expect(first).toMatchObject({
      cpuPercent: null,
      netRxBytesPerSecond: null,
      load: [0.5, 1, 1.5],
      processCount: 2,
    })
    machineAt(10)
    const second = await host.read()
    expect(second).toMatchObject({
      cpuPercent: 25,
      netRxBytesPerSecond: 1000,
      netTxBytesPerSecond: 10,
      uptimeSeconds: 10,
    })
    expect([...second.corePercents]).toEqual([[0, 50]])
    expect(second.disks).toEqual([
      { device: 'sda', readBytesPerSecond: 1024, writeBytesPerSecond: 2048, busyPercent: 50 },
    ])
    expect(second.interfaces).toMatchObject([
      { name: 'eth0', kind: 'physical', speedMbit: 1000, mac: '02:00:00:00:00:01', rxBytesPerSecond: 1000 },
      { name: 'veth1', kind: 'virtual', rxBytesPerSecond: 1 },
    ])
    expect(second.temperatures).toEqual([{ sensor: 'coretemp Package id 0', celsius: 45.5 }])
    expect(second.filesystems).toMatchObject([{ mount: '/', device: '/dev/sda1', type: 'ext4' }])
  })

  it('has no rates after the machine slept or its clock jumped', async () => {
    const host = source()
    await host.read()
    machineAt(10)
    clock.wall += 3_600_000
    expect(await host.read()).toMatchObject({ cpuPercent: null, netRxBytesPerSecond: null })
    machineAt(20)
    clock.wall += 3_600_000
    expect(await host.read()).toMatchObject({ cpuPercent: 25, netRxBytesPerSecond: 1000 })
  })

  it('goes on without what cannot be read', async () => {
    rmSync(join(root, 'sys'), { recursive: true })
    rmSync(join(root, 'proc/diskstats'))
    rmSync(join(root, 'proc/meminfo'))
    expect(await source().read()).toMatchObject({ disks: [], temperatures: [], memoryTotalBytes: 0 })
  })
})
