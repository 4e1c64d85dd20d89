import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Turns } from '../../core/turns.ts'
import { errorCode } from '../docker/engine-error.ts'
import type { HostProcess, HostProcesses } from '../host.schema.ts'
import { maskArguments } from '../mask-secrets.ts'
import {
  type ProcessStat,
  parseAuxiliaryVector,
  parsePasswd,
  parseProcessStat,
  parseProcessUser,
} from './proc-parsers.ts'

interface Sweep {
  monotonicMs: number
  timeMs: number
  processes: Map<number, ProcessStat>
}

export interface ProcessSource {
  /** The processes that use most, CPU first, then memory. */
  top(limit: number): Promise<HostProcesses>
}

const MEASURE_MS = 500
const FRESH_MS = 1_000
const STALE_MS = 15_000

/**
 * Processes of this machine. Read only when somebody asks: CPU shares come from two sweeps, the last one when it
 * is recent, or one half a second before.
 */
export function createProcessSource(options: { proc: string; root: string }): ProcessSource {
  const { pageBytes, ticksPerSecond } = parseAuxiliaryVector(readBytes('/proc/self/auxv'))
  const users = parsePasswd(readBytes(join(options.root, 'etc/passwd')).toString())
  let previous: Sweep | undefined
  let current: Sweep | undefined
  let underWay: Promise<void> | undefined

  async function sweep(): Promise<Sweep> {
    const processes = new Map<number, ProcessStat>()
    const names = list(options.proc).filter((name) => /^[1-9]\d*$/.test(name))
    // Thousands of processes must not hold up requests.
    const turns = new Turns()
    for (const name of names) {
      const stat = parseProcessStat(readBytes(join(options.proc, name, 'stat')).toString())
      if (stat) processes.set(stat.pid, stat)
      if (turns.isOver) await turns.next()
    }
    return { monotonicMs: performance.now(), timeMs: Date.now(), processes }
  }

  async function refresh(): Promise<void> {
    const age = current ? performance.now() - current.monotonicMs : Number.POSITIVE_INFINITY
    if (age < FRESH_MS) return
    if (age > STALE_MS) {
      previous = await sweep()
      await new Promise((resolve) => setTimeout(resolve, MEASURE_MS))
    } else {
      previous = current
    }
    current = await sweep()
  }

  function describe(stat: ProcessStat, now: Sweep): HostProcess {
    const folder = join(options.proc, String(stat.pid))
    const userId = parseProcessUser(readBytes(join(folder, 'status')).toString())
    const args = readBytes(join(folder, 'cmdline'))
      .toString()
      .split('\0')
      .filter((each) => each !== '')
    const command = args.length > 0 ? maskArguments(args).join(' ') : `[${stat.name}]`
    const uptime = Number.parseFloat(readBytes(join(options.proc, 'uptime')).toString())
    const ageMs = (uptime - stat.startTicks / ticksPerSecond) * 1000
    return {
      pid: stat.pid,
      parentPid: stat.parentPid,
      user: userId === null ? '' : (users.get(userId) ?? String(userId)),
      name: stat.name,
      command: command.slice(0, 4096),
      state: stat.state,
      cpuPercent: cpuOf(stat, now),
      memoryBytes: Math.max(0, stat.residentPages * pageBytes),
      startedAt: Number.isNaN(ageMs) ? null : new Date(now.timeMs - ageMs).toISOString(),
    }
  }

  function cpuOf(stat: ProcessStat, now: Sweep): number | null {
    const before = previous?.processes.get(stat.pid)
    // The same number with another start time is another process.
    if (!previous || !before || before.startTicks !== stat.startTicks) return null
    const seconds = (now.monotonicMs - previous.monotonicMs) / 1000
    return Math.max(0, ((stat.cpuTicks - before.cpuTicks) / ticksPerSecond / seconds) * 100)
  }

  return {
    async top(limit) {
      underWay ??= refresh().finally(() => {
        underWay = undefined
      })
      await underWay
      const now = current
      if (!now) return { items: [], total: 0, sampledAt: new Date().toISOString() }
      const ranked = [...now.processes.values()]
        .map((stat) => ({ stat, cpu: cpuOf(stat, now) ?? 0 }))
        .sort(
          (a, b) => b.cpu - a.cpu || b.stat.residentPages - a.stat.residentPages || a.stat.pid - b.stat.pid,
        )
        .slice(0, limit)
      return {
        items: ranked.map(({ stat }) => describe(stat, now)),
        total: now.processes.size,
        sampledAt: new Date(now.timeMs).toISOString(),
      }
    },
  }
}

/** Empty when the process has ended meanwhile, or belongs to somebody else who hides it. */
function readBytes(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    return Buffer.alloc(0)
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    return []
  }
}
