import { mkdtempSync, rmSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, createApp } from '../src/app.ts'
import { loadConfig } from '../src/core/config/config.ts'
import type { Role } from '../src/core/http/principal.ts'
import { createLogger, type Log } from '../src/core/log.ts'
import type { AppDb } from '../src/db/app-db.ts'
import type { Storage } from '../src/db/app-db-router.ts'
import { domainNames, domains, unitOf } from '../src/db/domains.ts'
import type { MoveLimits } from '../src/moves/index.ts'

export const ADMIN = { username: 'ada', password: 'correct horse battery' }

type TestAppOptions = CommonOptions &
  (
    | {
        /** A migrated database; every domain is in it. */
        readonly db: AppDb
      }
    | {
        /** The real storage, of which the caller takes care. */
        readonly storage: Storage
        readonly moveLimits?: Partial<MoveLimits>
      }
  )

interface CommonOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly log?: Log
  readonly clock?: () => Date
  readonly recheckMs?: number
  /** Bearer token of the command line on this machine. */
  readonly localSecret?: string
  /** The built web page; none unless given. */
  readonly pageFolder?: string
  /** Kept between two apps to test a restart. */
  readonly dataDir?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any
}

export interface Client {
  /** The session cookie, `name=value`; empty when there is none. */
  cookie: string
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  get(path: string): Promise<Answer>
  post(path: string, body?: unknown): Promise<Answer>
}

interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
}

export interface TestApp {
  readonly app: App
  readonly base: string
  readonly port: number
  readonly dataDir: string
  readonly setupToken: string | undefined
  /** A client without cookies; with a bearer token when given. */
  client(bearer?: string): Client
  /** A client that is signed in as {@link ADMIN}, who is made when there is no admin yet. */
  admin(): Promise<Client>
  /** A signed-in client of a new user with this role. */
  userWith(
    role: Role,
    username?: string,
  ): Promise<Client & { readonly id: string; readonly username: string }>
  /** Sends a request as it stands: any path, any Host. */
  raw(path: string, options?: { method?: string; headers?: Record<string, string> }): Promise<RawAnswer>
  /** Writes what is collected in memory: uses of sessions and tokens. */
  flush(): Promise<void>
  stop(): Promise<void>
}

/** The real app on a free port of loopback, over `db`. Answers are checked against their schemas. */
export async function startTestApp(options: TestAppOptions): Promise<TestApp> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'holdfast-app-'))
  const config = loadConfig({
    PORT: '0',
    DATA_DIR: dataDir,
    LOG_LEVEL: 'silent',
    DOCKER_HOST: 'unix:///nonexistent/docker.sock',
    ...options.env,
  })
  let setupToken: string | undefined
  const app = createApp({
    onSetupToken: (token) => {
      setupToken = token
    },
    config,
    log: options.log ?? createLogger('silent'),
    storage: 'storage' in options ? options.storage : storageOn(options.db),
    ...('moveLimits' in options ? { moveLimits: options.moveLimits } : {}),
    pageFolder: options.pageFolder ?? join(dataDir, 'no-page'),
    checkResponses: true,
    ...(options.localSecret === undefined ? {} : { localSecret: options.localSecret }),
    ...(options.clock ? { clock: options.clock } : {}),
    ...(options.recheckMs === undefined ? {} : { recheckMs: options.recheckMs }),
  })
  await new Promise<void>((resolve) => app.server.listen(0, '127.0.0.1', resolve))
  const { port } = app.server.address() as AddressInfo
  const base = `http://127.0.0.1:${port}`
  await app.start()
  let users = 0

  async function admin(): Promise<Client> {
    const client = createClient(base)
    const signedIn = await client.post('/api/auth/login', ADMIN)
    if (signedIn.status === 200) return client
    const made = await client.post('/api/auth/setup', { ...ADMIN, token: setupToken })
    if (made.status !== 201) throw new Error(`No admin: ${made.text}`)
    return client
  }

  async function userWith(role: Role, username = `${role}-${++users}`) {
    const password = 'a long enough phrase'
    const made = await (await admin()).post('/api/users', { username, password, role })
    if (made.status !== 201) throw new Error(made.text)
    const client = createClient(base)
    const signedIn = await client.post('/api/auth/login', { username, password })
    if (signedIn.status !== 200) throw new Error(signedIn.text)
    return Object.assign(client, { id: made.body.id as string, username })
  }

  return {
    app,
    base,
    port,
    dataDir,
    setupToken,
    client: (bearer) => createClient(base, bearer),
    admin,
    userWith,
    raw: (path, rawOptions) => sendRaw(port, path, rawOptions),
    flush: () => app.runJob('access-flush'),
    async stop() {
      app.server.closeAllConnections()
      await app.stop()
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

function storageOn(db: AppDb): Storage {
  const state = { placement: db.dialect, epoch: 1, available: true, reason: null } as const
  const store = { name: db.dialect, version: 'test', reachable: true, reason: null } as const
  return {
    getAppDbFor: () => db,
    status: () => ({
      stores: [{ ...store, location: 'test', sizeBytes: null, timescale: null }],
      domains: domainNames.map((domain) => {
        const { title, phase } = domains[domain]
        return { ...state, domain, title, phase, unit: unitOf(domain) }
      }),
    }),
    // There is one store: nothing can be moved.
    control: {
      configured: { sqlite: db.dialect === 'sqlite', postgres: false },
      sqlitePath: '',
      postgresUrl: undefined,
      store: () => undefined,
      openSqlite: () => Promise.reject(new Error('The test app has one store')),
      archiveSqlite: () => Promise.reject(new Error('The test app has one store')),
      sqliteVariables: [],
      decision: () => ({ placement: db.dialect, epoch: 1 }),
      close: () => Promise.reject(new Error('The test app has one store')),
      onWrite: () => () => undefined,
      observeReads: () => undefined,
      onSettled: () => () => undefined,
    },
    close: async () => undefined,
  }
}

function createClient(base: string, bearer?: string): Client {
  const client: Client = {
    cookie: '',
    async send(method, path, body, headers = {}) {
      const response = await fetch(base + path, {
        method,
        redirect: 'manual',
        headers: {
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
          ...(client.cookie === '' ? {} : { cookie: client.cookie }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const cookie = response.headers.getSetCookie()[0]?.split(';')[0]
      if (cookie !== undefined) client.cookie = cookie.endsWith('=') ? '' : cookie
      const text = await response.text()
      const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '')
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: isJson ? JSON.parse(text) : undefined,
      }
    },
    get: (path) => client.send('GET', path),
    post: (path, body) => client.send('POST', path, body),
  }
  return client
}

function sendRaw(
  port: number,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
) {
  return new Promise<RawAnswer>((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path, method: 'GET', agent: false, ...options },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const body = Buffer.concat(chunks)
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body,
            text: body.toString(),
          })
        })
      },
    )
    sent.on('error', reject).end()
  })
}
