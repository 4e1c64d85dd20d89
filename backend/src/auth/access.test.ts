import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Client, startTestApp, type TestApp } from '../../test/app.ts'
import { plainDatabases, type TestDatabase } from '../../test/databases.ts'

describe.each(plainDatabases)('routes and roles on $name', ({ open }) => {
  let database: TestDatabase
  let app: TestApp
  beforeAll(async () => {
    database = await open({ migrated: true })
  })
  afterEach(async () => {
    await app.stop()
    for (const table of ['sessions', 'login_attempts', 'api_tokens', 'users', 'setup_tokens']) {
      await database.db.execute(`DELETE FROM ${table}`)
    }
  })
  afterAll(() => database.close())

  interface Operation {
    readonly method: string
    readonly path: string
    readonly access: 'public' | 'viewer' | 'operator' | 'admin'
    readonly preview: boolean
    readonly duringSetup: boolean
    readonly sessionOnly: boolean
  }

  /** Every operation of the OpenAPI document, with made-up values for its path parameters. */
  function operations(): Operation[] {
    const document = app.app.openApi as { paths: Record<string, Record<string, Record<string, unknown>>> }
    return Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        method: method.toUpperCase(),
        path: path
          .replace('{file}', 'start.js')
          .replace(/\{(\w*[iI]d)\}/g, '1')
          .replace(/\{\w+\}/g, 'x'),
        access: operation['x-access'] as Operation['access'],
        preview: operation['x-preview'] === true,
        duringSetup: operation['x-during-setup'] === true,
        sessionOnly: operation['x-session-only'] === true,
      })),
    )
  }

  /** Verdict of the gate: what lies behind it may answer 400, 404 or 503 for made-up input. */
  const refused = (status: number) => status === 401 || status === 403

  async function call(client: Client, { method, path }: Operation) {
    const answer = await client.send(method, path, method === 'GET' || method === 'DELETE' ? undefined : {})
    return { status: answer.status, code: answer.body?.code }
  }

  const RANKS = { public: 0, viewer: 1, operator: 2, admin: 3 } as const

  describe('every route of the document', () => {
    it('asks nobody for more and lets nobody do more than its role', async () => {
      app = await startTestApp({ db: database.db })
      const admin = await app.admin()
      const callers: [string, number, Client][] = [
        ['nobody', 0, app.client()],
        ['viewer', 1, await app.userWith('viewer')],
        ['operator', 2, await app.userWith('operator')],
        ['admin', 3, admin],
      ]
      const all = operations().filter((each) => !each.path.startsWith('/api/auth/log'))
      expect(all.length).toBeGreaterThan(25)
      for (const [who, rank, client] of callers) {
        for (const operation of all) {
          const { status, code } = await call(client, operation)
          const verdict = `${who} ${operation.method} ${operation.path}: ${status} ${code}`
          const wrongToken = operation.path === '/api/auth/setup' && code === 'bad_setup_token'
          if (rank >= RANKS[operation.access]) expect(refused(status) && !wrongToken, verdict).toBe(false)
          else expect(status, verdict).toBe(rank === 0 ? 401 : 403)
        }
      }
    })

    it('gives the same verdict however its path is written', async () => {
      app = await startTestApp({ db: database.db })
      await app.admin()
      for (const { method, path } of operations().filter((each) => each.access !== 'public')) {
        const variants = [
          path.replace('/', '//'),
          path.replace('/api/', '/api//'),
          `${path}/`,
          path.toUpperCase(),
          path.replace('/api/', '/%61pi/'),
          path.replace('/api/', '/api%2f'),
          path.replace('/api/', '/api/./'),
          path.replace('/api/', '/api/x/../'),
          `${path}%2e`,
          `${path};x=1`,
        ]
        for (const variant of variants.filter((each) => each !== path)) {
          const { status } = await app.raw(variant, { method })
          expect([400, 401, 404], `${method} ${variant}: ${status}`).toContain(status)
        }
      }
    })

    it('answers 404 or 401 where there is no route', async () => {
      app = await startTestApp({ db: database.db })
      const admin = await app.admin()
      for (const path of [
        '/api',
        '/api/nothing',
        '/api/users/1/x',
        '/api/__proto__',
        '/api/constructor',
        '/health',
        '/.env',
      ]) {
        expect((await app.client().get(path)).status, path).toBe(404)
        expect((await admin.get(path)).status, path).toBe(404)
      }
    })
  })

  describe('before the first admin exists', () => {
    it('shows on loopback what is marked for the preview, and only that', async () => {
      app = await startTestApp({ db: database.db })
      const client = app.client()
      expect((await client.get('/api/auth/state')).body).toMatchObject({ setupRequired: true, preview: true })
      for (const operation of operations()) {
        const { status, code } = await call(client, operation)
        const verdict = `${operation.method} ${operation.path}: ${status} ${code}`
        if (operation.preview || operation.duringSetup) expect(code, verdict).not.toBe('setup_required')
        else expect([status, code], verdict).toEqual([401, 'setup_required'])
      }
    })

    it.each([
      'evil.example',
      'evil.example:PORT',
      'localhost:1',
      'localhost.evil.example:PORT',
      '0.0.0.0:PORT',
      '[::]:PORT',
    ])('shows nothing to a page that calls itself %j', async (host) => {
      app = await startTestApp({ db: database.db })
      const headers = { host: host.replace('PORT', String(app.port)) }
      const { status, text } = await app.raw('/api/openapi.json', { headers })
      expect(status).toBe(401)
      expect(text).not.toContain('"openapi"')
    })

    it.each([{ TRUST_PROXY: '1' }, { HOST: '0.0.0.0' }, { PUBLIC_URL: 'https://fleet.example' }])(
      'shows nothing with %j, but health and the setup answer',
      async (env) => {
        app = await startTestApp({ db: database.db, env })
        const client = app.client()
        expect((await client.get('/api/openapi.json')).body.code).toBe('setup_required')
        expect((await client.get('/health/live')).status).toBe(200)
        expect((await client.get('/api/auth/state')).body).toMatchObject({
          setupRequired: true,
          preview: false,
        })
        await app.admin()
      },
    )

    it('shows nothing to what came through a proxy', async () => {
      app = await startTestApp({ db: database.db })
      const headers = { 'x-forwarded-for': '203.0.113.9' }
      expect((await app.client().send('GET', '/api/openapi.json', undefined, headers)).status).toBe(401)
    })

    it('ends the preview when the admin is made', async () => {
      app = await startTestApp({ db: database.db })
      expect((await app.client().get('/api/openapi.json')).status).toBe(200)
      await app.admin()
      expect((await app.client().get('/api/openapi.json')).body.code).toBe('unauthorized')
    })
  })

  describe('requests of other sites', () => {
    it('change nothing with the cookie of a signed-in browser', async () => {
      app = await startTestApp({ db: database.db })
      const admin = await app.admin()
      const user = { username: 'mallory', password: 'a long enough phrase', role: 'admin' }
      const foreign: Record<string, string>[] = [
        { origin: 'https://evil.example' },
        { origin: `http://127.0.0.1:${app.port + 1}` },
        { origin: `http://127.0.0.1:${app.port}.evil.example` },
        { origin: 'null' },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site', origin: app.base },
      ]
      for (const headers of foreign) {
        const answer = await admin.send('POST', '/api/users', user, headers)
        expect([answer.status, answer.body.code], JSON.stringify(headers)).toEqual([403, 'cross_origin'])
      }
      expect((await admin.get('/api/users')).body.items).toHaveLength(1)
      expect((await admin.send('POST', '/api/users', user, { origin: app.base })).status).toBe(201)
    })

    it('get no permission to read', async () => {
      app = await startTestApp({ db: database.db })
      const admin = await app.admin()
      const answer = await admin.send('GET', '/api/users', undefined, { origin: 'https://evil.example' })
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
      expect(answer.headers.get('cross-origin-resource-policy')).toBe('same-origin')
    })
  })

  describe('API tokens', () => {
    async function tokenOf(client: Client, ...scopes: string[]): Promise<Client> {
      const made = await client.post('/api/tokens', { name: scopes.join(), scopes })
      expect(made.status, made.text).toBe(201)
      return app.client(made.body.secret)
    }

    it('do what their scopes say', async () => {
      app = await startTestApp({ db: database.db })
      const admin = await app.admin()
      const read = await tokenOf(admin, 'read')
      const metrics = await tokenOf(admin, 'metrics')
      const all = await tokenOf(admin, 'admin')
      expect((await read.get('/api/system')).status).toBe(200)
      expect((await read.get('/api/users')).status).toBe(403)
      expect((await metrics.get('/metrics')).status).toBe(200)
      expect((await metrics.get('/api/system')).status).toBe(403)
      expect((await read.get('/metrics')).status).toBe(403)
      expect((await all.get('/api/users')).status).toBe(200)
      expect((await all.send('PATCH', '/api/settings', { values: {} })).status).toBe(200)
    })

    it('never do more than their owner may do now', async () => {
      app = await startTestApp({ db: database.db })
      const boss = await app.userWith('admin', 'boss')
      const token = await tokenOf(boss, 'admin')
      expect((await token.get('/api/users')).status).toBe(200)
      const admin = await app.admin()
      await admin.send('PATCH', `/api/users/${boss.id}`, { role: 'viewer' })
      expect((await token.get('/api/users')).status).toBe(403)
      expect((await token.get('/api/system')).status).toBe(200)
      await admin.send('DELETE', `/api/users/${boss.id}`)
      expect((await token.get('/api/system')).status).toBe(401)
    })

    it('cannot be made beyond the own role', async () => {
      app = await startTestApp({ db: database.db })
      const viewer = await app.userWith('viewer')
      const made = await viewer.post('/api/tokens', { name: 'x', scopes: ['read', 'write'] })
      expect([made.status, made.body.code]).toEqual([403, 'scope_beyond_role'])
    })

    it('cannot make tokens, end sessions or change passwords', async () => {
      app = await startTestApp({ db: database.db })
      const token = await tokenOf(await app.admin(), 'admin')
      for (const operation of operations().filter((each) => each.sessionOnly)) {
        expect((await call(token, operation)).code, operation.path).toBe('session_required')
      }
    })

    it('stop working when they expire or are revoked', async () => {
      let now = Date.parse('2026-11-21T00:00:00Z')
      app = await startTestApp({ db: database.db, clock: () => new Date(now) })
      const admin = await app.admin()
      const made = await admin.post('/api/tokens', {
        name: 'x',
        scopes: ['read'],
        expiresAt: '2026-11-21T01:00:00+00:00',
      })
      const token = app.client(made.body.secret)
      expect((await token.get('/api/system')).status).toBe(200)
      now += 3_600_000
      expect((await token.get('/api/system')).body.code).toBe('invalid_token')
      const other = await admin.post('/api/tokens', { name: 'y', scopes: ['read'] })
      await admin.send('DELETE', `/api/tokens/${other.body.token.id}`)
      expect((await app.client(other.body.secret).get('/api/system')).status).toBe(401)
      expect((await app.client('hf_guess').get('/api/auth/state')).status).toBe(401)
    })

    it('remember when they were last used', async () => {
      app = await startTestApp({ db: database.db })
      const admin = await app.admin()
      await (await tokenOf(admin, 'read')).get('/api/system')
      await app.flush()
      expect((await admin.get('/api/tokens')).body.items[0].lastUsedAt).toMatch(/Z$/)
    })

    it('of others are seen and revoked by admins alone', async () => {
      app = await startTestApp({ db: database.db })
      const admin = await app.admin()
      const viewer = await app.userWith('viewer')
      const made = await admin.post('/api/tokens', { name: 'x', scopes: ['read'] })
      expect((await viewer.get('/api/tokens')).body.items).toEqual([])
      expect((await viewer.send('DELETE', `/api/tokens/${made.body.token.id}`)).status).toBe(404)
      await viewer.post('/api/tokens', { name: 'v', scopes: ['read'] })
      expect((await admin.get('/api/tokens')).body.items).toHaveLength(2)
    })

    it('METRICS_TOKEN reads the metrics and nothing else', async () => {
      app = await startTestApp({ db: database.db, env: { METRICS_TOKEN: 'k3jd9K2jd93kdKD02kd' } })
      await app.admin()
      const scraper = app.client('k3jd9K2jd93kdKD02kd')
      const answer = await scraper.get('/metrics')
      expect(answer.text).toContain('holdfast_check{check="domains"} 1')
      expect(answer.headers.get('content-type')).toContain('text/plain')
      expect((await scraper.get('/api/system')).status).toBe(403)
      expect((await app.client('k3jd9K2jd93kdKD02kX').get('/metrics')).status).toBe(401)
    })
  })
})
