import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ADMIN, startTestApp, type TestApp } from '../../test/app.ts'
import { plainDatabases, type TestDatabase } from '../../test/databases.ts'

describe.each(plainDatabases)('sign-in on $name', ({ open }) => {
  let database: TestDatabase
  let app: TestApp
  beforeAll(async () => {
    database = await open({ migrated: true })
  })
  afterEach(async () => {
    await app.stop()
    for (const table of ['sessions', 'login_attempts', 'api_tokens', 'users', 'setup_tokens', 'audit_log']) {
      await database.db.execute(`DELETE FROM ${table}`)
    }
  })
  afterAll(() => database.close())

  const start = async (
    env: Record<string, string> = {},
    over: { clock?: () => Date; dataDir?: string } = {},
  ) => {
    app = await startTestApp({ db: database.db, env, ...over })
    return app
  }

  it('makes the first admin with the setup token, once', async () => {
    await start()
    const client = app.client()
    expect((await client.get('/api/auth/state')).body).toMatchObject({ setupRequired: true, user: null })
    const wrong = await client.post('/api/auth/setup', { ...ADMIN, token: 'guess' })
    expect(wrong).toMatchObject({ status: 401, body: { code: 'bad_setup_token' } })
    const made = await client.post('/api/auth/setup', { ...ADMIN, token: app.setupToken })
    expect(made).toMatchObject({ status: 201, body: { username: 'ada', role: 'admin' } })
    expect((await client.get('/api/auth/state')).body).toMatchObject({
      setupRequired: false,
      user: { username: 'ada' },
    })
    const again = await app
      .client()
      .post('/api/auth/setup', { username: 'eve', password: 'another long phrase', token: app.setupToken })
    expect(again.status).toBe(401)
  })

  it('makes one admin when the token is used twice at once', async () => {
    await start()
    const attempts = ['ada', 'bob', 'cleo'].map((username) =>
      app
        .client()
        .post('/api/auth/setup', { username, password: 'a long enough phrase', token: app.setupToken }),
    )
    const statuses = (await Promise.all(attempts)).map((answer) => answer.status)
    expect(statuses.sort()).toEqual([201, 401, 401])
  })

  it('gives a new token with every start while there is no admin, and none after', async () => {
    await start()
    const first = app.setupToken
    await app.stop()
    await start()
    expect(app.setupToken).not.toBe(first)
    expect((await app.client().post('/api/auth/setup', { ...ADMIN, token: first })).status).toBe(401)
    await app.admin()
    await app.stop()
    await start()
    expect(app.setupToken).toBeUndefined()
  })

  it('keeps no token and no password in clear', async () => {
    await start()
    const admin = await app.admin()
    const made = await admin.post('/api/tokens', { name: 'ci', scopes: ['read'] })
    const tables = ['users', 'sessions', 'api_tokens', 'setup_tokens', 'audit_log']
    const rows = await Promise.all(tables.map((table) => database.db.query(`SELECT * FROM ${table}`)))
    const text = JSON.stringify(rows, (_key, value) => (typeof value === 'bigint' ? String(value) : value))
    for (const secret of [ADMIN.password, app.setupToken, admin.cookie.split('=')[1], made.body.secret]) {
      expect(secret).toBeTruthy()
      expect(text).not.toContain(secret)
    }
    expect(text).toContain('$argon2id$')
  })

  it('makes the admin of an unattended install', async () => {
    await start({ ADMIN_USERNAME: 'Ada', ADMIN_PASSWORD: ADMIN.password })
    expect(app.setupToken).toBeUndefined()
    expect((await app.client().post('/api/auth/login', ADMIN)).status).toBe(200)
    expect(await database.db.query(`SELECT username FROM users`)).toEqual([{ username: 'ada' }])
  })

  it.each(['password1', 'changeme123', 'ada', 'short'])('refuses the password %s', async (password) => {
    await start()
    expect(
      (await app.client().post('/api/auth/setup', { username: 'ada', password, token: app.setupToken }))
        .status,
    ).toBe(400)
  })

  it('answers the same for an unknown user and a wrong password', async () => {
    await start()
    await app.admin()
    const client = app.client()
    const unknown = await client.post('/api/auth/login', { username: 'nobody', password: 'x' })
    const wrong = await client.post('/api/auth/login', { username: 'ada', password: 'x' })
    expect({ ...unknown.body, requestId: '' }).toEqual({ ...wrong.body, requestId: '' })
    expect(unknown.status).toBe(401)
  })

  it('locks an account for an address, also over a restart, and lets it in when the pause is over', async () => {
    let now = Date.now()
    const clock = () => new Date(now)
    await start({}, { clock })
    await app.admin()
    for (let attempt = 0; attempt < 5; attempt++) {
      expect((await app.client().post('/api/auth/login', { ...ADMIN, password: 'x' })).status).toBe(401)
    }
    const locked = await app.client().post('/api/auth/login', ADMIN)
    expect(locked).toMatchObject({ status: 429, body: { code: 'too_many_attempts' } })
    expect(Number(locked.headers.get('retry-after'))).toBeGreaterThan(0)
    await app.stop()
    await start({}, { clock })
    expect((await app.client().post('/api/auth/login', ADMIN)).status).toBe(429)
    now += 16 * 60_000
    expect((await app.client().post('/api/auth/login', ADMIN)).status).toBe(200)
  })

  it('lets no more attempts through when they come at once', async () => {
    await start()
    await app.admin()
    const attempts = Array.from({ length: 15 }, () =>
      app.client().post('/api/auth/login', { ...ADMIN, password: 'x' }),
    )
    const statuses = (await Promise.all(attempts)).map((answer) => answer.status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(5)
  })

  it('forgets failures after a sign-in', async () => {
    await start()
    await app.admin()
    for (let round = 0; round < 3; round++) {
      for (let attempt = 0; attempt < 4; attempt++)
        await app.client().post('/api/auth/login', { ...ADMIN, password: 'x' })
      expect((await app.client().post('/api/auth/login', ADMIN)).status).toBe(200)
    }
  })

  it('sets a cookie that scripts and other sites do not get', async () => {
    await start({ PUBLIC_URL: 'https://fleet.example' })
    await app.admin()
    const cookie = (await app.client().post('/api/auth/login', ADMIN)).headers.getSetCookie()[0]
    expect(cookie).toMatch(/HttpOnly/)
    expect(cookie).toMatch(/SameSite=Lax/)
    expect(cookie).toMatch(/Secure/)
  })

  it('ends the session on sign-out', async () => {
    await start()
    const admin = await app.admin()
    const { cookie } = admin
    expect((await admin.post('/api/auth/logout')).status).toBe(204)
    admin.cookie = cookie
    expect((await admin.get('/api/users')).status).toBe(401)
  })

  it('ends the other sessions when the password changes, and every one when an admin changes it', async () => {
    await start()
    const here = await app.userWith('viewer', 'vic')
    const there = app.client()
    await there.post('/api/auth/login', { username: 'vic', password: 'a long enough phrase' })
    const change = { currentPassword: 'a long enough phrase', newPassword: 'an even longer phrase' }
    expect((await here.post('/api/auth/password', { ...change, currentPassword: 'no' })).body.code).toBe(
      'wrong_password',
    )
    expect((await here.post('/api/auth/password', change)).status).toBe(204)
    expect((await there.get('/api/auth/sessions')).status).toBe(401)
    expect((await here.get('/api/auth/sessions')).body.items).toMatchObject([{ current: true }])
    await (await app.admin()).send('PATCH', `/api/users/${here.id}`, { password: 'set by the admin now' })
    expect((await here.get('/api/auth/sessions')).status).toBe(401)
  })

  it('lets everybody choose the own start page, and nothing else of the account', async () => {
    await start()
    const vic = await app.userWith('viewer')
    const choose = (body: unknown) => vic.send('PATCH', '/api/auth/account', body)
    const chosen = await choose({ defaultLandingPage: '/containers', role: 'admin' })
    expect(chosen.body).toMatchObject({ defaultLandingPage: '/containers', role: 'viewer' })
    expect((await vic.get('/api/auth/state')).body.user.defaultLandingPage).toBe('/containers')
    expect((await choose({ defaultLandingPage: '//evil.example' })).status).toBe(400)
    expect((await choose({})).status).toBe(400)
  })

  it('ends all sessions of a user whose role changes', async () => {
    await start()
    const user = await app.userWith('operator')
    const admin = await app.admin()
    await admin.send('PATCH', `/api/users/${user.id}`, { role: 'viewer' })
    expect((await user.get('/api/auth/sessions')).status).toBe(401)
  })

  it('lets a session slide while it is used, ends it after inactivity, and after 30 days at the latest', async () => {
    let now = Date.parse('2026-11-01T00:00:00Z')
    await start({}, { clock: () => new Date(now) })
    const admin = await app.admin()
    const { cookie } = admin
    for (let day = 0; day < 4; day++) {
      now += 6 * 86_400_000
      expect((await admin.get('/api/users')).status).toBe(200)
      await app.flush()
    }
    now += 6.5 * 86_400_000
    admin.cookie = cookie
    expect((await admin.get('/api/users')).status).toBe(401)
    const idle = app.client()
    await idle.post('/api/auth/login', ADMIN)
    now += 7.1 * 86_400_000
    expect((await idle.get('/api/users')).status).toBe(401)
  })

  it('ends the session that was unused for longest when there are too many', async () => {
    await start()
    const admin = await app.admin()
    await admin.send('PATCH', '/api/settings', { values: { 'sessions.max_per_user': 2 } })
    for (let count = 0; count < 3; count++) await app.client().post('/api/auth/login', ADMIN)
    expect((await admin.get('/api/users')).status).toBe(401)
    const newest = await app.admin()
    expect((await newest.get('/api/auth/sessions')).body.items).toHaveLength(2)
  })

  it('ends only own sessions', async () => {
    await start()
    const admin = await app.admin()
    const user = await app.userWith('viewer')
    const [session] = (await user.get('/api/auth/sessions')).body.items
    expect((await admin.send('DELETE', `/api/auth/sessions/${session.id}`)).status).toBe(404)
    expect((await user.send('DELETE', `/api/auth/sessions/${session.id}`)).status).toBe(204)
    expect((await user.get('/api/auth/sessions')).status).toBe(401)
  })
})
