import { type Socket as ClientSocket, io } from 'socket.io-client'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ADMIN, type Client, startTestApp, type TestApp } from '../../../test/app.ts'
import { plainDatabases, type TestDatabase } from '../../../test/databases.ts'

let app: TestApp
const sockets: ClientSocket[] = []

function open(headers: Record<string, string> = {}, auth: Record<string, unknown> = {}): ClientSocket {
  const socket = io(`${app.base}/live`, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    extraHeaders: headers,
    auth,
  })
  sockets.push(socket)
  return socket
}

/** Resolves with `connected`, or with the code (or message) of the refusal. */
function outcome(socket: ClientSocket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('connect', () => resolve('connected'))
    socket.once('connect_error', (error: Error & { data?: { code: string } }) =>
      resolve(error.data?.code ?? error.message),
    )
  })
}

const disconnected = (socket: ClientSocket) =>
  new Promise<string>((resolve) => socket.once('disconnect', resolve))
const withCookie = (client: Client) => ({ cookie: client.cookie })

async function connected(
  headers: Record<string, string>,
  auth?: Record<string, unknown>,
): Promise<ClientSocket> {
  const socket = open(headers, auth)
  expect(await outcome(socket)).toBe('connected')
  return socket
}

describe.each(plainDatabases)('live connections on $name', (kind) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await kind.open({ migrated: true })
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.disconnect()
    await app.stop()
    for (const table of ['sessions', 'login_attempts', 'api_tokens', 'users', 'setup_tokens']) {
      await database.db.execute(`DELETE FROM ${table}`)
    }
  })
  afterAll(() => database.close())

  it('take a session or a token in the payload, and nobody else', async () => {
    app = await startTestApp({ db: database.db })
    const admin = await app.admin()
    const { secret } = (await admin.post('/api/tokens', { name: 't', scopes: ['read'] })).body
    expect(await outcome(open(withCookie(admin)))).toBe('connected')
    expect(await outcome(open({}, { token: secret }))).toBe('connected')
    expect(await outcome(open({}))).toBe('unauthorized')
    expect(await outcome(open({}, { token: 'hf_guess' }))).toBe('invalid_token')
    expect(await outcome(open({ cookie: 'holdfast_session=guessguessguessguessguess' }))).toBe('unauthorized')
    const query = io(`${app.base}/live?token=${secret}`, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
    })
    sockets.push(query)
    expect(await outcome(query)).toBe('unauthorized')
  })

  it('are refused to pages of other origins', async () => {
    app = await startTestApp({ db: database.db, env: { PUBLIC_URL: 'https://fleet.example' } })
    const cookie = withCookie(await app.admin())
    const origins: [string, boolean][] = [
      [app.base, true],
      ['https://fleet.example', true],
      ['http://fleet.example', false],
      ['https://fleet.example.evil', false],
      ['https://evil.example', false],
      [`http://127.0.0.1:${app.port + 1}`, false],
      ['null', false],
    ]
    for (const [origin, allowed] of origins) {
      expect((await outcome(open({ ...cookie, origin }))) === 'connected', origin).toBe(allowed)
    }
  })

  it('answer watching with ok or the code of the refusal', async () => {
    app = await startTestApp({ db: database.db })
    const socket = await connected(withCookie(await app.admin()))
    expect(await socket.emitWithAck('watch', 'fleet')).toEqual({ ok: true })
    expect(await socket.emitWithAck('watch', 'fleet')).toEqual({ ok: true })
    for (const room of ['nothing', '#slow', 42, null, 'x'.repeat(1000), { room: 'fleet' }]) {
      expect(await socket.emitWithAck('watch', room)).toMatchObject({ ok: false, code: 'no_room' })
    }
    expect(await socket.emitWithAck('unwatch', 'fleet')).toEqual({ ok: true })
    socket.emit('watch')
    socket.emit('watch', 'fleet', 'no function')
    expect(await socket.emitWithAck('watch', 'fleet')).toEqual({ ok: true })
  })

  it('show the fleet in the preview, and end when the admin is made', async () => {
    app = await startTestApp({ db: database.db, recheckMs: 50 })
    const socket = await connected({})
    expect(await socket.emitWithAck('watch', 'fleet')).toEqual({ ok: true })
    expect(await socket.emitWithAck('watch', 'logs:1:web')).toMatchObject({
      ok: false,
      code: 'setup_required',
    })
    const gone = disconnected(socket)
    await app.admin()
    await gone
  })

  it.each([
    ['sign-out', (_app: TestApp, user: Client) => user.post('/api/auth/logout')],
    [
      'a new role',
      async (running: TestApp, user: Client & { id: string }) =>
        (await running.admin()).send('PATCH', `/api/users/${user.id}`, { role: 'admin' }),
    ],
    [
      'a password that an admin sets',
      async (running: TestApp, user: Client & { id: string }) =>
        (await running.admin()).send('PATCH', `/api/users/${user.id}`, { password: 'set by the admin now' }),
    ],
    [
      'removal of the user',
      async (running: TestApp, user: Client & { id: string }) =>
        (await running.admin()).send('DELETE', `/api/users/${user.id}`),
    ],
  ])('are cut at once by %s', async (_name, act) => {
    // The regular check must not be what cuts them.
    app = await startTestApp({ db: database.db, recheckMs: 600_000 })
    const user = await app.userWith('operator')
    const socket = await connected(withCookie(user))
    const told = new Promise((resolve) => socket.once('session:ended', resolve))
    const gone = disconnected(socket)
    const answer = await act(app, user)
    expect(answer.status).toBeLessThan(300)
    expect(await told).toMatchObject({ reason: expect.any(String) })
    await gone
  })

  it('are cut when their session or token is revoked elsewhere', async () => {
    app = await startTestApp({ db: database.db, recheckMs: 50 })
    const admin = await app.admin()
    const { token, secret } = (await admin.post('/api/tokens', { name: 't', scopes: ['read'] })).body
    const bySession = await connected(withCookie(admin))
    const byToken = await connected({}, { token: secret })
    const gone = Promise.all([disconnected(bySession), disconnected(byToken)])
    await database.db.execute('UPDATE sessions SET is_valid = FALSE')
    await database.db.execute('DELETE FROM api_tokens WHERE id = $1', [token.id])
    await gone
  })

  it('of others go on when one session ends', async () => {
    app = await startTestApp({ db: database.db })
    const admin = await app.admin()
    const other = app.client()
    await other.post('/api/auth/login', ADMIN)
    const stays = await connected(withCookie(admin))
    const goes = await connected(withCookie(other))
    const gone = disconnected(goes)
    await other.post('/api/auth/logout')
    await gone
    expect(await stays.emitWithAck('watch', 'fleet')).toEqual({ ok: true })
  })

  it('do not live on the root namespace', async () => {
    app = await startTestApp({ db: database.db })
    const cookie = withCookie(await app.admin())
    const root = io(app.base, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      extraHeaders: cookie,
    })
    sockets.push(root)
    expect(await outcome(root)).toBe('Connect to /live')
  })
})
