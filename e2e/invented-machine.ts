import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Wave } from '../backend/src/demo/wave.ts'

const CORES = 8
const KIB = 1024
const GIB = KIB ** 3
const MEMORY_BYTES = 32 * GIB
const PAGE_BYTES = 4 * KIB
const SECTOR_BYTES = 512
const TICKS = 100
const UP_SECONDS = 23 * 86_400 + 7_260
const EVERY_MS = 1_000

const PASSWD = { root: 0, holdfast: 990, postgres: 999, redis: 998, 'www-data': 33, gitea: 1000 } as const

/** Name, user, cores it keeps busy, MiB, command. The first is process 1. */
const PROCESSES: readonly (readonly [string, keyof typeof PASSWD, number, number, string])[] = [
  ['systemd', 'root', 0.002, 14, '/sbin/init'],
  ['systemd-journal', 'root', 0.006, 62, '/lib/systemd/systemd-journald'],
  ['sshd', 'root', 0.0005, 9, 'sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups'],
  ['containerd', 'root', 0.03, 71, '/usr/bin/containerd'],
  ['dockerd', 'root', 0.08, 148, '/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock'],
  ['node', 'holdfast', 0.05, 132, '/usr/bin/node backend/dist/cli/main.js start'],
  ['postgres', 'postgres', 0.31, 1_180, 'postgres -c shared_buffers=2GB'],
  ['postgres', 'postgres', 0.12, 96, 'postgres: walwriter'],
  ['java', 'www-data', 0.94, 2_410, 'java -XX:MaxRAMPercentage=75 -jar /app/checkout.jar'],
  ['node', 'www-data', 0.46, 318, 'node server.js'],
  ['node', 'www-data', 0.41, 305, 'node server.js'],
  ['nginx', 'www-data', 0.09, 24, 'nginx: worker process'],
  ['redis-server', 'redis', 0.11, 212, 'redis-server *:6379'],
  ['gitea', 'gitea', 0.07, 244, '/usr/local/bin/gitea web'],
  ['python3', 'www-data', 0.22, 411, 'python3 -m worker --queue orders --token=s3cr3t'],
  ['node_exporter', 'root', 0.004, 19, '/usr/local/bin/node_exporter'],
]

/**
 * A machine that is not this one: the files of the kernel that the product reads, under `folder`, told anew each second. It
 * is as busy as it is said to be, however busy the machine is that takes the pictures.
 *
 * @returns the settings that point the product to it
 */
export function inventMachine(folder: string): { env: Record<string, string>; stop(): void } {
  const write = (path: string, text: string) => {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    // A reader never meets half a file.
    writeFileSync(`${file}.next`, text)
    renameSync(`${file}.next`, file)
  }
  const startedMs = Date.now() - UP_SECONDS * 1000
  const burst = (everySeconds: number, lengthSeconds: number, height: number) => ({
    pulse: { everySeconds, lengthSeconds, height },
  })
  const cores = Array.from(
    { length: CORES },
    (_, core) => new Wave(core + 1, { mean: 0.2 + 0.05 * (core % 4), ...burst(83 + 29 * core, 17, 0.45) }),
  )
  const memory = new Wave(20, { mean: 0.38 * MEMORY_BYTES })
  const traffic = {
    in: new Wave(30, { mean: 2.1e6, ...burst(97, 12, 3.2e6) }),
    out: new Wave(31, { mean: 5.4e6, ...burst(141, 15, 6.8e6) }),
  }
  const disk = {
    read: new Wave(40, { mean: 1.2e6, ...burst(120, 8, 24e6) }),
    written: new Wave(41, { mean: 3.9e6 }),
  }
  const work = PROCESSES.map(([, , busy], at) => new Wave(50 + at, { mean: busy }))

  const tell = () => {
    const now = Date.now()
    const upSeconds = (now - startedMs) / 1000
    const ticks = cores.map((wave) => Math.round(wave.between(startedMs, now) * TICKS))
    const line = (name: string, busy: number, all: number) =>
      `${name} ${Math.round(busy * 0.8)} 0 ${Math.round(busy * 0.2)} ${all - busy} 0 0 0 0\n`
    const allTicks = Math.round(upSeconds * TICKS)
    const busyTicks = ticks.reduce((sum, each) => sum + each, 0)
    write(
      'proc/stat',
      line('cpu ', busyTicks, allTicks * CORES) +
        ticks.map((busy, core) => line(`cpu${core}`, busy, allTicks)).join(''),
    )
    const load = (minutes: number) =>
      cores.reduce((sum, wave) => sum + wave.between(now - minutes * 60_000, now) / (minutes * 60), 0)
    write('proc/loadavg', `${[1, 5, 15].map((each) => load(each).toFixed(2)).join(' ')} 3/912 40211\n`)
    write('proc/uptime', `${upSeconds.toFixed(2)} ${(upSeconds * 5).toFixed(2)}\n`)
    const kib = (bytes: number) => `${Math.round(bytes / KIB)} kB\n`
    write(
      'proc/meminfo',
      `MemTotal: ${kib(MEMORY_BYTES)}MemAvailable: ${kib(MEMORY_BYTES - memory.rate(now))}` +
        `Buffers: ${kib(0.4 * GIB)}Cached: ${kib(9.6 * GIB + memory.rate(now) / 20)}Shmem: ${kib(0.2 * GIB)}` +
        `SReclaimable: ${kib(0.7 * GIB)}SwapTotal: ${kib(4 * GIB)}SwapFree: ${kib(3.9 * GIB)}`,
    )
    PROCESSES.forEach(([name, , , mib], at) => {
      const pid = pidOf(at)
      const spent = Math.round((work[at]?.between(startedMs, now) ?? 0) * TICKS)
      const pages = (mib * KIB * KIB) / PAGE_BYTES
      write(
        `proc/${pid}/stat`,
        `${pid} (${name}) S 1 ${pid} ${pid} 0 -1 0 0 0 0 0 ${spent} 0 0 0 20 0 1 0 ${at * 700} 0 ${pages} 0\n`,
      )
    })
  }

  /** Counters that are read as rates over a second must be told more often than that. */
  const count = () => {
    const now = Date.now()
    const since = (wave: Wave) => Math.round(wave.between(startedMs, now))
    write(
      'proc/1/net/dev',
      `  eno1: ${since(traffic.in)} 0 0 0 0 0 0 0 ${since(traffic.out)} 0 0 0 0 0 0 0\n`,
    )
    const sectors = (wave: Wave) => Math.round(wave.between(startedMs, now) / SECTOR_BYTES)
    write(
      'proc/diskstats',
      ` 259 0 nvme0n1 9 0 ${sectors(disk.read)} 0 9 0 ${sectors(disk.written)} 0 0 ${Math.round((now - startedMs) * 0.061)} 0\n`,
    )
  }

  write('etc/hostname', 'zephyr\n')
  write('etc/os-release', 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n')
  write(
    'etc/passwd',
    Object.entries(PASSWD)
      .map(([name, id]) => `${name}:x:${id}:${id}::/:/bin/sh\n`)
      .join(''),
  )
  write('proc/sys/kernel/osrelease', '6.12.57+deb13-amd64\n')
  write('proc/cpuinfo', 'model name : AMD Ryzen 7 7700 8-Core Processor\n')
  write('proc/1/mounts', '/dev/nvme0n1p2 / ext4 rw,relatime 0 0\n')
  write('sys/block/nvme0n1/device/model', 'disk\n')
  write('sys/class/net/eno1/device/vendor', '0x8086\n')
  write('sys/class/net/eno1/address', '02:42:c0:a8:00:0a\n')
  write('sys/class/net/eno1/speed', '2500\n')
  write('sys/class/net/eno1/operstate', 'up\n')
  const sensors = [
    ['k10temp', 'Tctl', 52_400],
    ['nvme', 'Composite', 41_900],
  ] as const
  sensors.forEach(([chip, label, milliCelsius], at) => {
    write(`sys/class/hwmon/hwmon${at}/name`, `${chip}\n`)
    write(`sys/class/hwmon/hwmon${at}/temp1_label`, `${label}\n`)
    write(`sys/class/hwmon/hwmon${at}/temp1_input`, `${milliCelsius}\n`)
  })
  PROCESSES.forEach(([, user, , , command], at) => {
    write(`proc/${pidOf(at)}/status`, `Uid:\t${PASSWD[user]}\t${PASSWD[user]}\n`)
    write(`proc/${pidOf(at)}/cmdline`, `${command.replaceAll(' ', '\0')}\0`)
  })
  tell()
  count()
  const timers = [setInterval(tell, EVERY_MS), setInterval(count, EVERY_MS / 10)]
  return {
    env: { HOST_PROC: join(folder, 'proc'), HOST_SYS: join(folder, 'sys'), HOST_ROOT: folder },
    stop: () => timers.forEach(clearInterval),
  }
}

const pidOf = (at: number): number => (at === 0 ? 1 : 640 + at * 173)
