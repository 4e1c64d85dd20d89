import type { ChildProcess } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ADMIN } from '../test/app.ts'
import { openDatabase } from '../test/databases.ts'
import { makeAdmin, type Running, SETUP_LINE, startProcess } from '../test/processes.ts'
import { readServerFile } from './core/server-file.ts'

const backend = fileURLToPath(new URL('..', import.meta.url))
const START = `import('./src/server.ts').then((server) => server.runServer(process.env))`

let dataDir: string
const children: ChildProcess[] = []
const closers: (() => void)[] = []
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-server-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const close of closers.splice(0)) close()
  rmSync(dataDir, { recursive: true, force: true })
})

const file = () => join(dataDir, 'holdfast.db')

/** The product as a process of its own. */
function run(env: Record<string, string>): Running {
  const running = startProcess({ cwd: backend, args: ['-e', START], dataDir, env })
  children.push(running.child)
  return running
}

describe('the server', () => {
  it('starts on an empty folder, keeps its secrets to itself and stops cleanly on SIGTERM', async () => {
    const running = run({})
    const { base, cookie } = await makeAdmin(running)
    expect((await fetch(`${base}/health/ready`)).status).toBe(200)
    expect((await fetch(`${base}/api/users`, { headers: { cookie } })).status).toBe(200)
    expect(statSync(join(dataDir, 'secret.key')).mode & 0o077).toBe(0)
    running.child.kill('SIGTERM')
    expect(await running.ended).toBe(0)
    expect(running.output()).toContain('"msg":"stopped"')
    expect(running.output()).not.toContain(ADMIN.password)
    // A checkpointed file without a write-ahead log: the store was closed, not abandoned.
    expect(readdirSync(dataDir)).not.toContain('holdfast.db-wal')
  })

  it('stops cleanly when the signal comes twice, as Ctrl+C does under npm', async () => {
    const running = run({})
    await running.line('started')
    running.child.kill('SIGINT')
    await running.line('stopping')
    running.child.kill('SIGINT')
    expect(await running.ended).toBe(0)
    expect(running.output()).toContain('"msg":"stopped"')
    expect(readdirSync(dataDir)).not.toContain('holdfast.db-wal')
  })

  it('goes on when the terminal closes that it was started away from', async () => {
    const running = run({})
    await running.line('started')
    const { url } = await running.line('listening')
    running.child.kill('SIGHUP')
    expect((await fetch(`${url}/health/live`)).status).toBe(200)
    running.child.kill('SIGTERM')
    expect(await running.ended).toBe(0)
  })

  it('lets a request that runs end before it stops', async () => {
    const running = run({})
    const { base, cookie } = await makeAdmin(running)
    const body = JSON.stringify({ username: 'bob', password: 'a long enough phrase', role: 'viewer' })
    const headers = { cookie, 'content-type': 'application/json' }
    const answer = fetch(`${base}/api/users`, { method: 'POST', headers, body })
    await new Promise((resolve) => setTimeout(resolve, 5))
    running.child.kill('SIGTERM')
    const status = await answer.then(
      (response) => response.status,
      () => 'refused',
    )
    expect(await running.ended).toBe(0)
    const again = run({})
    await again.line('started')
    const { url } = await again.line('listening')
    const users = await fetch(`${url}/api/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'bob', password: 'a long enough phrase' }),
    })
    // What was answered is there; what was refused is not.
    expect(users.status === 200).toBe(status === 201)
  })

  it('keeps acknowledged changes over SIGKILL', async () => {
    const running = run({})
    await makeAdmin(running)
    running.child.kill('SIGKILL')
    await running.ended
    const again = run({})
    await again.line('started')
    expect(again.output()).not.toContain(SETUP_LINE)
  })

  it('lists every problem of the configuration and ends with 1', async () => {
    const running = run({ PORT: 'x', LOG_LEVEL: 'loud', SECRET_KEY: 'changeme' })
    expect(await running.ended).toBe(1)
    for (const name of ['PORT', 'LOG_LEVEL', 'SECRET_KEY']) expect(running.output()).toContain(`- ${name} `)
    expect(running.output()).not.toContain('changeme')
  })

  it('says what to do when the port is taken', async () => {
    const other = createServer()
    closers.push(() => other.close())
    const port = await listen(other)
    const running = run({ PORT: String(port) })
    expect(await running.ended).toBe(1)
    expect(running.output()).toContain(`Port ${port} on 127.0.0.1 is taken`)
    expect(running.output()).toContain('set PORT')
  })

  it('says what to do when the data folder cannot be written', async () => {
    writeFileSync(join(dataDir, 'file'), '')
    const running = run({ DATA_DIR: join(dataDir, 'file', 'below') })
    expect(await running.ended).toBe(1)
    expect(running.output()).toContain('Set DATA_DIR')
  })

  it.each<[string, () => void, RegExp]>([
    [
      'damaged',
      () => writeFileSync(file(), 'no database'.repeat(1000)),
      /Move it aside and restore a backup/,
    ],
    ['a folder', () => mkdirSync(file()), /See that it is a file/],
  ])('starts although the SQLite file is %s, says so, and heals', async (_, damage, advice) => {
    damage()
    const running = run({})
    const { url } = await running.line('listening')
    expect((await fetch(`${url}/health/live`)).status).toBe(200)
    expect((await fetch(`${url}/health/ready`)).status).toBe(503)
    const refused = await fetch(`${url}/api/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(ADMIN),
    })
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({
      code: 'store_unavailable',
      reason: expect.stringMatching(advice),
    })
    rmSync(file(), { recursive: true })
    await makeAdmin(running)
  })

  it('refuses a folder that another server uses', async () => {
    const first = run({})
    await first.line('started')
    const second = run({})
    expect(await second.ended).toBe(1)
    expect(second.output()).toMatch(/another|other/i)
  })
})

describe('the command line on the same machine', () => {
  const file = () => join(dataDir, 'server.json')

  it('gets the rights of an admin by a file that goes when the server stops', async () => {
    const running = run({})
    await running.line('started')
    expect(statSync(file()).mode & 0o077).toBe(0)
    const { url, secret } = JSON.parse(readFileSync(file(), 'utf8')) as Record<string, string>
    const send = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      fetch(url + path, { method, headers: { authorization: `Bearer ${secret}`, ...headers } })
    // Even before there is an admin.
    expect((await send('/api/users')).status).toBe(200)
    expect((await send('/api/users', { 'x-forwarded-for': '203.0.113.9' })).status).toBe(401)
    expect((await send('/api/users', { via: '1.1 proxy' })).status).toBe(401)
    expect((await send('/api/auth/sessions')).status).toBe(403)
    expect(running.output()).not.toContain(secret)
    running.child.kill('SIGTERM')
    expect(await running.ended).toBe(0)
    expect(existsSync(file())).toBe(false)
  })

  it('has another secret after a restart, also when the old file was left', async () => {
    const killed = run({})
    await killed.line('started')
    const before = readFileSync(file(), 'utf8')
    killed.child.kill('SIGKILL')
    await killed.ended
    expect(readServerFile(dataDir)).toBeUndefined()
    const running = run({})
    await running.line('started')
    expect(readServerFile(dataDir)?.pid).toBe(running.child.pid)
    expect(readServerFile(dataDir)?.secret).not.toBe(JSON.parse(before).secret)
  })
})

describe('with PostgreSQL away', () => {
  it('answers 503 with the reason for its domains, serves the others, and heals', async () => {
    const database = await openDatabase('postgres')
    closers.push(() => void database.close())
    const target = new URL(database.location)
    const proxy = await switchableProxy(Number(target.port), target.hostname)
    target.host = `127.0.0.1:${proxy.port}`
    proxy.open()
    const running = run({
      POSTGRES_APP_URL: target.href,
      STORAGE_PLACEMENT: 'sqlite',
      STORAGE_PLACEMENT_AUDIT: 'postgres',
    })
    const { base, cookie } = await makeAdmin(running)
    const get = (path: string) => fetch(base + path, { headers: { cookie } })
    proxy.cut()
    while ((await get('/api/audit')).status !== 503) await pause()

    const refused = await get('/api/audit')
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBeTruthy()
    expect(await refused.json()).toMatchObject({
      code: 'store_unavailable',
      domain: 'audit',
      reason: expect.any(String),
    })
    expect((await get('/api/users')).status).toBe(200)
    const ready = await get('/health/ready')
    expect(ready.status).toBe(503)
    expect(await ready.json()).toMatchObject({
      status: 'unhealthy',
      checks: {
        appDb: { status: 'unhealthy', reason: expect.any(String) },
        sqlite: { status: 'healthy' },
        domains: { status: 'unhealthy' },
      },
    })
    const stranger = await (await fetch(`${base}/health/ready`)).text()
    expect(stranger).not.toContain('reason')

    const change = await fetch(`${base}/api/auth/password`, {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/json' },
      body: JSON.stringify({ currentPassword: ADMIN.password, newPassword: 'another long phrase' }),
    })
    expect(change.status).toBe(204)

    proxy.open()
    await untilOk(() => get('/health/ready'))
    // The change was recorded while the store was away.
    const audited = async () => await (await get('/api/audit')).text()
    while (!(await audited()).includes('"auth.password"')) await pause()

    running.child.kill('SIGTERM')
    expect(await running.ended).toBe(0)
  })
})

const pause = () => new Promise((resolve) => setTimeout(resolve, 50))

async function untilOk(request: () => Promise<Response>): Promise<void> {
  while ((await request()).status !== 200) await pause()
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}

/** A way to PostgreSQL that can be shut; it begins shut. */
async function switchableProxy(port: number, host: string) {
  const sockets = new Set<Socket>()
  let isOpen = false
  const server = createServer((client) => {
    if (!isOpen) {
      client.destroy()
      return
    }
    const upstream = connect(port, host)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
    }
    client.pipe(upstream).pipe(client)
  })
  closers.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    port: await listen(server),
    open() {
      isOpen = true
    },
    cut() {
      isOpen = false
      for (const socket of sockets) socket.destroy()
    },
  }
}
