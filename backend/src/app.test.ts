import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ADMIN, startTestApp, type TestApp } from '../test/app.ts'
import { plainDatabases, type TestDatabase } from '../test/databases.ts'
import { createLogger } from './core/log.ts'

describe.each(plainDatabases)('the app on $name', ({ open }) => {
  let database: TestDatabase
  let app: TestApp
  beforeAll(async () => {
    database = await open({ migrated: true })
  })
  afterEach(async () => {
    await app.stop()
    for (const table of ['sessions', 'login_attempts', 'api_tokens', 'users', 'audit_log']) {
      await database.db.execute(`DELETE FROM ${table}`)
    }
  })
  afterAll(() => database.close())

  it('writes no secret into the log, at any level', async () => {
    const lines: string[] = []
    const log = createLogger('trace', { write: (line) => void lines.push(line) })
    app = await startTestApp({ db: database.db, log })
    const admin = await app.admin()
    const token = (await admin.post('/api/tokens', { name: 't', scopes: ['read'] })).body.secret
    await app.client(token).get('/api/system?token=query-secret')
    await app.client().post('/api/auth/login', { username: 'ada', password: 'wrong-password-1' })
    await app.client().post('/api/auth/login', '{"username":"ada","password":"cut-off-pass')
    await app.client('hf_wrong-bearer').get('/api/system')
    await admin.post('/api/users', { username: 'bob', password: 'bobs long password', role: 'viewer' })
    expect(lines.length).toBeGreaterThan(5)
    const text = lines.join('')
    const cookie = admin.cookie.split('=')[1]
    for (const secret of [
      ADMIN.password,
      token,
      cookie,
      'query-secret',
      'wrong-password-1',
      'cut-off-pass',
      'hf_wrong',
      'bobs long',
    ]) {
      expect(text, secret).not.toContain(secret)
    }
  })

  it('records every change with who, what and from where', async () => {
    app = await startTestApp({ db: database.db })
    const admin = await app.admin()
    const bob = (
      await admin.post('/api/users', { username: 'bob', password: 'bobs long password', role: 'viewer' })
    ).body
    await admin.send('PATCH', `/api/users/${bob.id}`, { role: 'operator' })
    await admin.send('PATCH', '/api/settings', { values: { 'audit.retention.days': 100 } })
    await admin.post('/api/tokens', { name: 'ci', scopes: ['read'] })
    await admin.send('DELETE', `/api/users/${bob.id}`)
    await admin.send('DELETE', '/api/users/1')
    await app.client().post('/api/auth/login', { username: 'ada', password: 'no' })
    await admin.post('/api/auth/logout')
    const reader = await app.admin()
    const { items } = (await reader.get('/api/audit')).body
    expect(items.map((item: { action: string }) => item.action)).toEqual([
      'auth.login',
      'auth.logout',
      'auth.login',
      'user.delete',
      'token.create',
      'settings.update',
      'user.update',
      'user.create',
      'auth.setup',
    ])
    expect(items[2]).toMatchObject({
      username: null,
      targetId: 'ada',
      details: { outcome: 'failed', code: 'bad_credentials' },
    })
    expect(items[5]).toMatchObject({
      username: 'ada',
      ipAddress: '127.0.0.1',
      details: { changes: [{ key: 'audit.retention.days', before: 365, after: 100 }] },
    })
    expect(items[6]).toMatchObject({
      targetType: 'user',
      targetId: bob.id,
      details: { before: { role: 'viewer' }, after: { role: 'operator' } },
    })
    await reader.send('PATCH', '/api/settings', { values: { 'audit.retention.days': null } })
  })

  it('describes the installation without saying where its stores are', async () => {
    app = await startTestApp({ db: database.db })
    const { body } = await (await app.userWith('viewer')).get('/api/system')
    expect(body.domains.map((each: { domain: string }) => each.domain)).toContain('metrics')
    expect(body.domains.find((each: { domain: string }) => each.domain === 'audit')).toMatchObject({
      retentionDays: 365,
      available: true,
    })
    expect(JSON.stringify(body)).not.toContain(database.location)
  })

  it('serves the API page under the content security policy, without another host', async () => {
    app = await startTestApp({ db: database.db })
    const admin = await app.admin()
    const page = await admin.get('/api/docs')
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(page.text).not.toMatch(/<script>|https?:\/\//)
    for (const [, path] of page.text.matchAll(/(?:src|href)="(\/api[^"]+)"/g)) {
      expect((await admin.get(path!)).status, path).toBe(200)
    }
    expect((await admin.get('/api/docs/..%2fpackage.json')).status).toBe(404)
  })

  describe('the web page', () => {
    let folder: string
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'holdfast-page-'))
      mkdirSync(join(folder, 'assets'))
      writeFileSync(join(folder, 'index.html'), '<!doctype html><title>page</title>')
      writeFileSync(join(folder, 'assets', 'main-abc123.js'), 'export {}')
      writeFileSync(join(folder, 'assets', 'main-abc123.js.br'), brotliCompressSync('export {} // small'))
      writeFileSync(join(folder, '.env'), 'SECRET')
    })
    afterAll(() => rmSync(folder, { recursive: true }))

    it('is served for every path of a page, to be asked for again', async () => {
      app = await startTestApp({ db: database.db, pageFolder: folder })
      for (const path of ['/', '/setup', '/containers/1/web', '/hosts/']) {
        const answer = await app.client().get(path)
        expect([answer.status, answer.headers.get('cache-control')], path).toEqual([200, 'no-cache'])
        expect(answer.text).toContain('<title>page</title>')
      }
      const etag = (await app.client().get('/')).headers.get('etag') ?? ''
      // Not with fetch, which adds `cache-control: no-cache` to such a request.
      expect((await app.raw('/', { headers: { 'if-none-match': etag } })).status).toBe(304)
    })

    it('has files that are kept for good, and none that are not its own', async () => {
      app = await startTestApp({ db: database.db, pageFolder: folder })
      const file = await app.client().get('/assets/main-abc123.js')
      expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      for (const path of [
        '/.env',
        '/assets/missing.js',
        '/assets/../../etc/passwd',
        '/assets/%2e%2e/%2e%2e/etc/passwd',
        '/assets',
      ]) {
        expect((await app.raw(path)).status, path).toBeGreaterThanOrEqual(400)
      }
      expect((await app.client().post('/setup', {})).status).toBe(404)
      for (const path of ['/assets/%E0%A4%A', '/%', '/api/endpoints/%E0%A4%A']) {
        const { status, headers, text } = await app.raw(path)
        expect([status, headers['content-type']], path).toEqual([400, expect.stringMatching(/problem\+json/)])
        expect(JSON.parse(text).code, path).toBe('bad_request')
      }
    })

    it('sends what the build has compressed to whoever can read it', async () => {
      app = await startTestApp({ db: database.db, pageFolder: folder })
      const get = (encodings: string) =>
        app.raw('/assets/main-abc123.js', { headers: { 'accept-encoding': encodings } })
      const small = await get('gzip, deflate, br, zstd')
      expect(brotliDecompressSync(small.body).toString()).toBe('export {} // small')
      expect(small.headers).toMatchObject({
        'content-encoding': 'br',
        'content-type': expect.stringContaining('text/javascript'),
        'cache-control': 'public, max-age=31536000, immutable',
        vary: expect.stringMatching(/accept-encoding/i),
      })
      const plain = await get('identity')
      expect(plain.text).toBe('export {}')
      expect(plain.headers).not.toHaveProperty('content-encoding')
    })

    it('says how to build it when it is missing', async () => {
      app = await startTestApp({ db: database.db })
      const answer = await app.client().get('/')
      expect(answer.status).toBe(503)
      expect(answer.text).toContain('npm run build')
    })
  })
})
