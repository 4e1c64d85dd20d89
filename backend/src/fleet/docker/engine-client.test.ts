import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createDockerSource } from './docker-source.ts'
import { createEngineClient } from './engine-client.ts'
import { connectionError, EngineError } from './engine-error.ts'
import { engineTarget, type TlsMaterial } from './engine-target.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  const address = server.address() as AddressInfo
  return address.port
}

async function client(handler: RequestListener, scheme = 'tcp') {
  const server = createServer(handler)
  closers.push(() => server.closeAllConnections())
  const port = await listening(server)
  const made = createEngineClient(engineTarget(`${scheme}://127.0.0.1:${port}`))
  closers.push(() => made.close())
  return made
}

async function failure(work: Promise<unknown>): Promise<EngineError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof EngineError)) throw new Error('expected an EngineError', { cause: error })
  return error
}

const anything = z.unknown()

describe('engine client', () => {
  it('gives the checked JSON of an answer', async () => {
    const engine = await client((req, res) => res.end(JSON.stringify({ url: req.url })))
    expect(await engine.json(z.object({ url: z.string() }), '/x', { query: { a: 1, b: undefined } })).toEqual(
      {
        url: '/x?a=1',
      },
    )
  })

  it("carries the engine's own words and kind", async () => {
    const engine = await client((_, res) => {
      res.statusCode = 409
      res.end('{"message":"container is paused"}')
    })
    expect(await failure(engine.send('/x'))).toMatchObject({
      kind: 'conflict',
      message: 'container is paused',
    })
  })

  it('follows no redirect', async () => {
    let requests = 0
    const engine = await client((_, res) => {
      requests++
      res.writeHead(302, { location: 'http://169.254.169.254/' })
      res.end()
    })
    expect(await failure(engine.json(anything, '/x'))).toMatchObject({ kind: 'not-docker' })
    expect(requests).toBe(1)
  })

  it('gives up on a server that takes the request and says nothing', async () => {
    const engine = await client(() => {})
    expect(await failure(engine.json(anything, '/x', { timeoutMs: 50 }))).toMatchObject({ kind: 'timeout' })
  })

  it('gives up on an answer that never ends, and on one that is too large', async () => {
    const engine = await client((req, res) => {
      res.write('x'.repeat(2000))
      if (req.url === '/large') res.end()
    })
    expect(await failure(engine.json(anything, '/slow', { timeoutMs: 50 }))).toMatchObject({
      kind: 'timeout',
    })
    expect(await failure(engine.json(anything, '/large', { maxBytes: 1000 }))).toMatchObject({
      kind: 'too-large',
    })
  })

  it('says what is there when it is not an engine', async () => {
    const page = await client((_, res) => res.end('<html>'))
    expect(await failure(page.json(anything, '/version'))).toMatchObject({ kind: 'not-docker' })
    const other = await client((_, res) => {
      res.statusCode = 404
      res.end('nothing here')
    })
    expect(await failure(other.json(anything, '/version'))).toMatchObject({ kind: 'not-docker' })
    const port = await listening(createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')))
    const ssh = createEngineClient(engineTarget(`tcp://127.0.0.1:${port}`))
    expect(await failure(ssh.json(anything, '/version'))).toMatchObject({ kind: 'not-docker' })
  })

  it('says that nothing listens, that no socket is there, and that a name is unknown', async () => {
    const probe = createTcpServer()
    const port = await listening(probe)
    await new Promise((resolve) => probe.close(resolve))
    const refused = createEngineClient(engineTarget(`tcp://127.0.0.1:${port}`))
    expect(await failure(refused.json(anything, '/'))).toMatchObject({ kind: 'connection-refused' })
    const socket = createEngineClient(engineTarget(`unix://${join(tmpdir(), 'no-such.sock')}`))
    expect(await failure(socket.json(anything, '/'))).toMatchObject({ kind: 'no-socket' })
    const name = createEngineClient(engineTarget('tcp://no-such-host.invalid'))
    expect(await failure(name.json(anything, '/'))).toMatchObject({ kind: 'unknown-host' })
  })

  it('says that the other side speaks no TLS', async () => {
    const engine = await client((_, res) => res.end('{}'), 'https')
    const error = await failure(engine.json(anything, '/'))
    expect(error).toMatchObject({ kind: 'tls' })
    expect(error.hint).toContain('TLS')
  })

  it('rejects with the reason when it is cancelled', async () => {
    const engine = await client(() => {})
    const abort = new AbortController()
    const work = engine.json(anything, '/x', { signal: abort.signal })
    abort.abort(new Error('stopped'))
    await expect(work).rejects.toThrow('stopped')
  })
})

const pem = (name: string) => readFileSync(new URL(`./fixtures/${name}.pem`, import.meta.url), 'utf8')

describe('TLS', () => {
  /** An engine with a certificate of the test authority; asks for a client certificate when `mutual`. */
  async function secure(certificate: 'server' | 'other', tls: TlsMaterial, mutual = false) {
    const server = createTlsServer(
      {
        cert: pem(certificate),
        key: pem(`${certificate}-key`),
        ca: pem('ca'),
        requestCert: mutual,
        rejectUnauthorized: mutual,
      },
      (_, res) => res.end('"answered"'),
    )
    closers.push(() => server.closeAllConnections())
    const port = await listening(server)
    const made = createEngineClient(engineTarget(`tcp://127.0.0.1:${port}`, { tls }))
    closers.push(() => made.close())
    return made.json(anything, '/')
  }

  it('connects with the authority of the endpoint', async () => {
    expect(await secure('server', { ca: pem('ca'), verify: true })).toBe('answered')
  })

  it('connects with a client certificate where one is asked for', async () => {
    const tls = { ca: pem('ca'), cert: pem('client'), key: pem('client-key'), verify: true }
    expect(await secure('server', tls, true)).toBe('answered')
  })

  it('skips the check of the certificate only where that is wanted', async () => {
    expect(await secure('other', { verify: false })).toBe('answered')
  })

  it.each([
    ['an unknown authority', 'server', { verify: true }, false, 'not signed by a trusted authority'],
    ['another host name', 'other', { ca: pem('ca'), verify: true }, false, 'for another host name'],
    [
      'a missing client certificate',
      'server',
      { ca: pem('ca'), verify: true },
      true,
      'refused the client certificate',
    ],
    [
      'text that is no certificate',
      'server',
      { ca: 'x', cert: 'x', key: 'x', verify: true },
      false,
      'not in PEM form',
    ],
    [
      "another client's key",
      'server',
      { ca: pem('ca'), cert: pem('client'), key: pem('other-key'), verify: true },
      false,
      'does not belong to',
    ],
  ] as const)('says what is wrong with %s', async (_, certificate, tls, mutual, message) => {
    const error = await failure(secure(certificate, tls, mutual))
    expect(error).toMatchObject({ kind: 'tls', hint: expect.any(String) })
    expect(error.message).toContain(message)
  })

  it('says that a plain port was asked for on a TLS port', async () => {
    const server = createTlsServer({ cert: pem('server'), key: pem('server-key') }, (_, res) => res.end())
    const port = await listening(server)
    const plain = createEngineClient(engineTarget(`tcp://127.0.0.1:${port}`))
    expect(['closed', 'not-docker', 'tls']).toContain((await failure(plain.json(anything, '/'))).kind)
  })
})

describe('permission', () => {
  it('says which group helps', () => {
    const error = connectionError(
      Object.assign(new Error('connect'), { code: 'EACCES' }),
      'unix:///var/run/docker.sock',
    )
    expect(error).toMatchObject({ kind: 'permission', hint: expect.stringContaining('usermod -aG docker') })
  })
})

describe('docker source', () => {
  const version = (body: object) => (req: { url?: string | undefined }, res: { end(text: string): void }) => {
    res.end(
      JSON.stringify(
        req.url === '/version' ? body : { ID: 'x', Name: 'atlas', NCPU: 4, MemTotal: 8, OSType: 'linux' },
      ),
    )
  }

  it('agrees on the newest API that both know', async () => {
    const engine = createDockerSource(
      await client(version({ Version: '29.0', ApiVersion: '1.52', MinAPIVersion: '1.44' })),
    )
    expect(await engine.connect()).toMatchObject({ apiVersion: '1.47', name: 'atlas', cpus: 4 })
  })

  it('refuses an engine that is too old, or that wants a newer API', async () => {
    const old = createDockerSource(await client(version({ Version: '1.11', ApiVersion: '1.23' })))
    expect(await failure(old.connect())).toMatchObject({ kind: 'api-too-old' })
    const young = createDockerSource(
      await client(version({ Version: '40', ApiVersion: '2.1', MinAPIVersion: '2.0' })),
    )
    expect(await failure(young.connect())).toMatchObject({ kind: 'api-too-old' })
  })

  it('lets nothing but ids and names into a path', async () => {
    const paths: (string | undefined)[] = []
    const engine = createDockerSource(
      await client((req, res) => {
        paths.push(req.url)
        res.end('{}')
      }),
    )
    for (const id of ['../../etc', 'a/../b', '..', 'x?y=1', 'a b', '', 'a\r\nb', '%2e%2e']) {
      expect(await failure(engine.inspect(id))).toMatchObject({ kind: 'not-found' })
      expect(await failure(engine.act(id, 'stop'))).toMatchObject({ kind: 'not-found' })
    }
    expect(paths).toEqual([])
  })
})
