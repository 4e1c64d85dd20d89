import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const START_TIMEOUT_MS = 120_000

export const ADMIN = { username: 'ana', password: 'a-long-e2e-password' }

export interface Product {
  /** `http://127.0.0.1:port` */
  readonly url: string
  readonly dataDir: string
  /** The address that the log names while no admin exists. */
  setupUrl(): string
  /** Stops the server and leaves its data; `start` brings it back at the same address, with changes of its settings. */
  halt(): Promise<void>
  start(changes?: NodeJS.ProcessEnv): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

export interface ProductOptions {
  hosts?: number
  containers?: number
  /** `2d`; `0` for none. */
  history?: string
  /** Makes ADMIN at the start instead of leaving it to the setup page. */
  withAdmin?: boolean
  /** A database to which domains can be moved; everything begins in SQLite. */
  postgresUrl?: string
  /** Further settings. This machine's engine is nowhere unless they say: every machine has another one. */
  env?: NodeJS.ProcessEnv
  /** For its data, made here and removed at the end; by default one with a name that nobody has. */
  dataDir?: string
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}

/** Starts the built product (`npm run build` makes it) on the simulated fleet, in a folder of its own that is removed afterwards. */
export async function startProduct(options: ProductOptions = {}): Promise<Product> {
  const { hosts = 3, containers = 40, history = '2d', withAdmin = true, postgresUrl } = options
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'holdfast-e2e-')))
  await mkdir(dataDir, { recursive: true })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const args = [`--hosts=${hosts}`, `--containers=${containers}`, `--history=${history}`]
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    PORT: String(port),
    HOST: '127.0.0.1',
    DATA_DIR: dataDir,
    DOCKER_SOCKET: join(dataDir, 'no-engine.sock'),
    ...(postgresUrl === undefined ? {} : { POSTGRES_APP_URL: postgresUrl, STORAGE_PLACEMENT: 'sqlite' }),
    ...(withAdmin ? { ADMIN_USERNAME: ADMIN.username, ADMIN_PASSWORD: ADMIN.password } : {}),
    ...options.env,
  }
  let output = ''
  let child: ChildProcess | undefined

  const start = async (changes: NodeJS.ProcessEnv = {}) => {
    const started = spawn(process.execPath, ['backend/dist/cli/main.js', 'demo', ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...env, ...changes },
    })
    child = started
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    await waitUntilReady(url, started)
  }
  const halt = async () => {
    if (child) await end(child)
  }
  const stop = async () => {
    await halt()
    await rm(dataDir, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await stop()
    throw new Error(`The product did not start.\n${output.slice(-4000)}`, { cause: error })
  }
  return {
    url,
    dataDir,
    start,
    halt,
    stop,
    setupUrl() {
      const found = /"setupUrl":"([^"]+)"/.exec(output)?.[1]
      if (found === undefined) throw new Error(`No setup address in the log.\n${output.slice(-2000)}`)
      return found
    },
  }
}

async function waitUntilReady(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}`)
    try {
      const response = await fetch(`${url}/health/ready`)
      if (response.ok) return
    } catch {
      // Not listening yet.
    }
    await delay(100)
  }
  throw new Error(`Not ready after ${START_TIMEOUT_MS} ms`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const late = AbortSignal.timeout(15_000)
  late.addEventListener('abort', () => child.kill('SIGKILL'))
  await exited
}
