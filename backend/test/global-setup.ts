import { type ChildProcess, fork } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PostgreSqlContainer } from '@testcontainers/postgresql'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import {
  asFlags,
  manyTests,
  startPostgres,
  type TestServer,
  templateDatabase,
  volatileSettings,
} from './postgres-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where test files ask for a database server; it is started when the first one does. */
    databaseBroker: string
    /** A folder of this run, removed at its end. */
    runFolder: string
  }
}

/** What the broker answers with. */
export interface ServerGrant {
  readonly url: string
  /** One connection at a time, one database: whoever has it keeps others waiting until the answer is closed. */
  readonly exclusive: boolean
}

const timescaleImage = 'timescale/timescaledb:latest-pg17'
const postgresImage = 'postgres:17-alpine'
/** `1`: both servers in containers; `postgres`: that one, and TimescaleDB in WebAssembly. */
const containers = process.env.TEST_CONTAINERS ?? ''
if (!['', '1', 'postgres'].includes(containers)) {
  throw new Error(`TEST_CONTAINERS is 1 or postgres, not ${containers}`)
}

// Test files run in processes of their own, so the servers they share live here, behind a small HTTP broker.
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const runFolder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'holdfast-tests-'))
  const postgres = new SharedServer(() => startPostgresServer(runFolder))
  const timescale = new SharedServer(startTimescaleServer)
  const broker = createServer((request, response) => {
    const server = request.url === '/timescale' ? timescale : postgres
    server.grant(response).catch((error: unknown) => {
      response.writeHead(500).end(error instanceof Error ? error.message : String(error))
    })
  })
  await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve))
  const address = broker.address()
  if (!address || typeof address === 'string') throw new Error('The broker has no port')
  project.provide('databaseBroker', `http://127.0.0.1:${address.port}`)
  project.provide('runFolder', runFolder)
  return async () => {
    broker.closeAllConnections()
    broker.close()
    await postgres.stop()
    await timescale.stop()
    rmSync(runFolder, { recursive: true, force: true })
  }
}

interface StartedServer extends TestServer {
  readonly exclusive: boolean
}

/** Starts a server; `onExit` says that it ended by itself, so that the next file gets a new one. */
type StartServer = (onExit: () => void) => Promise<StartedServer>

/** A server that is started once, and lent to one file at a time where it can serve only one. */
class SharedServer {
  readonly #start: StartServer
  #started: Promise<StartedServer> | undefined
  #turn: Promise<void> = Promise.resolve()

  constructor(start: StartServer) {
    this.#start = start
  }

  async grant(response: ServerResponse): Promise<void> {
    this.#started ??= this.#start(() => {
      this.#started = undefined
    })
    const { url, exclusive } = await this.#started
    const text = `${JSON.stringify({ url, exclusive } satisfies ServerGrant)}\n`
    if (!exclusive) {
      response.end(text)
      return
    }
    const before = this.#turn
    this.#turn = new Promise((resolve) => response.once('close', resolve))
    await before
    response.write(text)
  }

  async stop(): Promise<void> {
    const server = await this.#started?.catch(() => undefined) // the files that asked have failed with it
    await server?.stop()
  }
}

async function startPostgresServer(runFolder: string): Promise<StartedServer> {
  const given = process.env.TEST_POSTGRES_URL
  if (given) {
    return {
      url: given,
      exclusive: false,
      async stop() {
        const client = new pg.Client(given)
        await client.connect()
        await client.query(`DROP DATABASE IF EXISTS ${templateDatabase(runFolder)}`)
        await client.end()
      },
    }
  }
  if (containers !== '') return startContainer(postgresImage)
  return { ...(await startPostgres()), exclusive: false }
}

async function startTimescaleServer(onExit: () => void): Promise<StartedServer> {
  const given = process.env.TEST_TIMESCALE_URL
  if (given) return { url: given, exclusive: false, stop: async () => undefined }
  if (containers === '1') return startContainer(timescaleImage, 'timescaledb')
  const child = fork(new URL('./timescale-server.ts', import.meta.url), { execArgv: ['--import', 'tsx'] })
  const url = await urlOf(child)
  child.once('exit', onExit)
  return {
    url,
    exclusive: true,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      if (child.kill('SIGKILL')) await ended
    },
  }
}

function urlOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => {
      if (typeof message === 'string') resolve(message)
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`TimescaleDB in WebAssembly ended with code ${code}`)))
  })
}

async function startContainer(image: string, extension?: string): Promise<StartedServer> {
  const container = await new PostgreSqlContainer(image)
    // A sample value such as its own default is refused by the product.
    .withUsername('postgres')
    .withPassword('postgres')
    .withDatabase('postgres')
    .withSharedMemorySize(256 * 1024 * 1024)
    // Without a shell: one that is cut off under load leaves its child to the server, which restarts when that fails.
    .withHealthCheck({
      test: ['CMD', 'pg_isready', '--host=localhost', '--username=postgres'],
      interval: 1_000,
      timeout: 10_000,
      retries: 120,
    })
    .withCommand(['postgres', ...asFlags({ ...manyTests, ...volatileSettings })])
    .start()
  const url = container.getConnectionUri()
  try {
    if (!(await offers(url, extension))) {
      throw new Error(
        `${image} is an image without ${extension}. TEST_CONTAINERS=postgres takes PostgreSQL alone from a container.`,
      )
    }
  } catch (error) {
    await container.stop()
    throw error
  }
  return {
    url,
    exclusive: false,
    async stop() {
      await container.stop()
    },
  }
}

/** Whether the server, which has to answer, has this extension; true without one. */
async function offers(url: string, extension: string | undefined): Promise<boolean> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_available_extensions WHERE name = $1', [
      extension,
    ])
    return extension === undefined || rowCount === 1
  } finally {
    await client.end()
  }
}
