import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../backend/dist/cli/main.js', import.meta.url))
const PROBE = new URL('./loop-probe.mjs', import.meta.url).href
/** Of Node, as the image and the command `holdfast` start it. */
const FLAGS = ['--max-semi-space-size=4']
const USER = { username: 'bench', password: 'a long enough password of a benchmark' }

export interface LoopDelay {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** The built product in its own process on an empty data folder, with an admin who is signed in. */
export interface Product {
  readonly url: string
  readonly pid: number
  /** From the start of the process to the first answer of /health/ready that is 200. */
  readonly readyMs: number
  /** CPU time used until then: what does not depend on what else the machine does. */
  readonly readyCpuMs: number
  /** performance.now() when the process was started. */
  readonly startedAt: number
  /** CPU time used so far, all threads. */
  cpuSeconds(): number
  rssMb(): number
  /** Since the last call. */
  loopDelay(): Promise<LoopDelay>
  get<T>(path: string): Promise<T>
  post<T>(path: string, body: unknown): Promise<T>
  stop(): Promise<void>
}

/**
 * @param env beside what the benchmark sets itself.
 * @throws Error with what the product printed when it does not get ready within 30 s.
 */
export async function startProduct(env: Readonly<Record<string, string>> = {}): Promise<Product> {
  if (!existsSync(MAIN)) throw new Error('backend/dist is missing: npm run build')
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const startedAt = performance.now()
  const profile = process.env.BENCH_CPU_PROFILE
  const child = spawn(
    process.execPath,
    [
      ...FLAGS,
      ...(profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : []),
      '--import',
      PROBE,
      MAIN,
      'start',
    ],
    {
      env: {
        PATH: process.env.PATH,
        NODE_ENV: 'production',
        DATA_DIR: folder,
        HOST: '127.0.0.1',
        PORT: String(port),
        LOG_LEVEL: 'warn',
        ADMIN_USERNAME: USER.username,
        ADMIN_PASSWORD: USER.password,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-20_000)
    })
  }
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    }
    rmSync(folder, { recursive: true, force: true })
  }
  let readyMs: number
  let readyCpuMs: number
  try {
    readyMs = await waitUntilReady(child, url, startedAt)
    readyCpuMs = cpuSecondsOf(child.pid ?? 0) * 1000
  } catch (error) {
    await stop()
    throw new Error(`${String(error)}\n${output}`)
  }
  const { pid = 0 } = child
  let cookie = ''

  async function call<T>(path: string, init: RequestInit = {}): Promise<T> {
    const response = await fetch(url + path, {
      ...init,
      headers: { 'content-type': 'application/json', cookie },
      signal: AbortSignal.timeout(30_000),
    })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? cookie
    const body: T = JSON.parse(await response.text())
    return body
  }
  const post = <T>(path: string, body: unknown) =>
    call<T>(path, { method: 'POST', body: JSON.stringify(body) })
  await signIn(() => post('/api/auth/login', USER))

  return {
    url,
    pid,
    readyMs,
    readyCpuMs,
    startedAt,
    cpuSeconds: () => cpuSecondsOf(pid),
    rssMb: () => rssMbOf(pid),
    async loopDelay() {
      const answer = once(child, 'message')
      child.send('loop')
      const [delay] = await answer
      return delay
    },
    get: (path) => call(path),
    post,
    stop,
  }
}

/** The product listens before the first admin is made. */
async function signIn(attempt: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await attempt()
      return
    } catch (error) {
      if (tries === 50) throw error
      await sleep(100)
    }
  }
}

async function waitUntilReady(child: ChildProcess, url: string, startedAt: number): Promise<number> {
  while (performance.now() - startedAt < 30_000) {
    if (child.exitCode !== null) throw new Error(`the product ended with ${child.exitCode}`)
    try {
      const response = await fetch(`${url}/health/ready`)
      await response.text()
      if (response.ok) return performance.now() - startedAt
    } catch {
      // Not listening yet.
    }
    await sleep(10)
  }
  throw new Error('the product did not get ready within 30 s')
}

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** Reads user and system time of /proc/<pid>/stat, which counts all threads. */
function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The command's name may hold spaces and parentheses: fields are counted from its last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

function rssMbOf(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
