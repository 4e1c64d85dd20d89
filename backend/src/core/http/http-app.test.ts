import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { DbError, type DbErrorKind } from '../../db/db-errors.ts'
import { AppError, conflict } from '../errors.ts'
import { createLogger } from '../log.ts'
import { type AuditEvent, createHttpApp, type HttpAppOptions } from './http-app.ts'
import { createHttpServer } from './http-server.ts'
import { ANONYMOUS, PREVIEW } from './principal.ts'
import { defineRoute, type Route } from './route.ts'

let server: Server | undefined
afterEach(() => server?.close())

async function serve(routes: Route[], options: Partial<HttpAppOptions> = {}): Promise<string> {
  const app = createHttpApp({
    log: createLogger('silent'),
    routes,
    publicUrl: undefined,
    trustProxy: false,
    authenticate: async () => ANONYMOUS,
    authorize: async () => undefined,
    audit: async () => undefined,
    checkResponses: true,
    ...options,
  })
  server = createHttpServer(app)
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const Thing = z.object({ name: z.string().min(2), size: z.int().default(1) })
const echo = defineRoute(
  {
    method: 'post',
    path: '/api/things',
    summary: 's',
    tags: ['T'],
    access: 'public',
    body: Thing,
    responses: { 201: Thing },
  },
  async ({ body }) => body,
)

const bodyless = defineRoute(
  {
    method: 'post',
    path: '/api/things',
    summary: 's',
    tags: ['T'],
    access: 'public',
    responses: { 200: z.string() },
  },
  async () => 'done',
)

const failing = (thrown: unknown) =>
  defineRoute(
    {
      method: 'get',
      path: '/api/fails',
      summary: 's',
      tags: ['T'],
      access: 'public',
      responses: { 200: z.string() },
    },
    async () => {
      throw thrown
    },
  )

const post = (base: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${base}/api/things`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })

describe('problem documents', () => {
  it.each([
    ['{', 'invalid_json', 'The body is not valid JSON'],
    ['{"a":1}', 'invalid_input', 'body: this call takes none'],
    ['null', 'invalid_input', 'body: this call takes none'],
    ['[]', 'invalid_input', 'body: this call takes none'],
  ])('refuses %s, sent where no body is expected, as %s', async (body, code, detail) => {
    const response = await post(await serve([bodyless]), body)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code, detail })
  })

  it.each([undefined, '', '{}'])('takes %j for no body', async (body) => {
    const base = await serve([bodyless])
    const response = await fetch(`${base}/api/things`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
    })
    expect(response.status).toBe(200)
  })

  it.each([
    ['{', 400, 'invalid_json'],
    ['{"name":"x"}', 400, 'invalid_input'],
    ['null', 400, 'invalid_input'],
    [`{"name":"${'x'.repeat(300_000)}"}`, 413, 'body_too_large'],
  ])('answers %.20s with %i %s', async (body, status, code) => {
    const response = await post(await serve([echo]), body)
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    expect(await response.json()).toMatchObject({
      status,
      code,
      requestId: response.headers.get('x-request-id'),
    })
  })

  it('says which members are wrong', async () => {
    const response = await post(await serve([echo]), '{"name":"x","size":"big"}')
    const { issues } = (await response.json()) as { issues: { path: string }[] }
    expect(issues.map((issue) => issue.path)).toEqual(['name', 'size'])
  })

  it('refuses a body that is not JSON', async () => {
    const response = await post(await serve([echo]), 'name=xx', {
      'content-type': 'application/x-www-form-urlencoded',
    })
    expect(response.status).toBe(415)
  })

  it('drops members that nobody asked for, __proto__ among them', async () => {
    const response = await post(await serve([echo]), '{"name":"xx","__proto__":{"admin":true},"more":1}')
    expect(await response.json()).toEqual({ name: 'xx', size: 1 })
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  it('hides what it does not know', async () => {
    const response = await fetch(`${await serve([failing(new Error('at db.internal with pw'))])}/api/fails`)
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('db.internal')
  })

  it('does not take a schema error within the server for bad input', async () => {
    const thrown = z.string().safeParse(1).error
    expect((await fetch(`${await serve([failing(thrown)])}/api/fails`)).status).toBe(500)
  })

  it('answers 503 with reason and Retry-After when a store is away', async () => {
    const error = Object.assign(new DbError('unavailable', 'PostgreSQL refuses connections'), {
      domain: 'audit',
    })
    const response = await fetch(`${await serve([failing(error)])}/api/fails`)
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('5')
    expect(await response.json()).toMatchObject({
      code: 'store_unavailable',
      domain: 'audit',
      reason: 'PostgreSQL refuses connections',
    })
  })

  it.each<[DbErrorKind, string]>([
    ['disk-full', 'the disk is full'],
    ['read-only', 'it is read-only'],
    ['corrupt', 'its file is damaged'],
  ])('answers 503 with the reason when a store is %s', async (kind, reason) => {
    const response = await fetch(`${await serve([failing(new DbError(kind, 'x'))])}/api/fails`)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ code: 'store_unavailable', reason })
  })

  it('answers a unique violation with 409', async () => {
    expect((await fetch(`${await serve([failing(new DbError('unique', 'x'))])}/api/fails`)).status).toBe(409)
  })
})

describe('requests', () => {
  it('does not read the body of a caller who may not call', async () => {
    const base = await serve([echo], {
      authorize: async () => {
        throw new AppError(401, 'unauthorized', 'Sign in first')
      },
    })
    expect((await post(base, '{')).status).toBe(401)
  })

  it.each([
    [{ origin: 'http://evil.example' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ origin: 'null' }, 403],
    [{ 'sec-fetch-site': 'same-origin' }, 201],
    [{}, 201],
  ])('with %j get %i', async (headers, status) => {
    expect((await post(await serve([echo]), '{"name":"xx"}', headers as Record<string, string>)).status).toBe(
      status,
    )
  })

  it('takes its own origin and the public one', async () => {
    const base = await serve([echo], { publicUrl: 'https://fleet.example' })
    expect((await post(base, '{"name":"xx"}', { origin: base })).status).toBe(201)
    expect((await post(base, '{"name":"xx"}', { origin: 'https://fleet.example' })).status).toBe(201)
    expect((await post(base, '{"name":"xx"}', { origin: 'https://fleet.example.evil' })).status).toBe(403)
  })

  it.each(['//api/things', '/api//things', '/api/things/', '/API/things', '/api/%74hings', '/api/./things'])(
    'finds nothing at %s',
    async (path) => {
      const base = await serve([echo])
      const { port } = new URL(base)
      const { request } = await import('node:http')
      const status = await new Promise((resolve, reject) => {
        const sent = request(
          { port, path, method: 'POST', headers: { 'content-type': 'application/json' } },
          (res) => {
            res.resume()
            resolve(res.statusCode)
          },
        )
        sent.on('error', reject).end('{"name":"xx"}')
      })
      expect(status).toBe(404)
    },
  )

  it('believes a request id only behind a proxy', async () => {
    const given = { 'x-request-id': 'given-by-client' }
    expect((await post(await serve([echo]), '{"name":"xx"}', given)).headers.get('x-request-id')).not.toBe(
      'given-by-client',
    )
    server?.close()
    const behind = await serve([echo], { trustProxy: 1 })
    expect((await post(behind, '{"name":"xx"}', given)).headers.get('x-request-id')).toBe('given-by-client')
  })

  it('forbids inline scripts', async () => {
    const response = await post(await serve([echo]), '{"name":"xx"}')
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("script-src 'self';")
    expect(policy).not.toContain("script-src 'self' 'unsafe-inline'")
  })
})

describe('audited routes', () => {
  const change = (work: () => Promise<undefined>) =>
    defineRoute(
      {
        method: 'delete',
        path: '/api/things/{id}',
        summary: 's',
        tags: ['T'],
        access: 'public',
        params: z.object({ id: z.string() }),
        responses: { 204: null },
        audit: 'thing.delete',
      },
      async ({ audit }) => {
        audit({ targetType: 'thing' })
        return work()
      },
    )

  async function call(work: () => Promise<undefined>) {
    const events: AuditEvent[] = []
    const base = await serve([change(work)], {
      authenticate: async () => PREVIEW,
      audit: async (event) => void events.push(event),
    })
    const response = await fetch(`${base}/api/things/7`, { method: 'DELETE' })
    return { status: response.status, events }
  }

  it('leave a record with the target before they answer', async () => {
    const { status, events } = await call(async () => undefined)
    expect(status).toBe(204)
    expect(events).toMatchObject([
      { action: 'thing.delete', targetType: 'thing', targetId: '7', outcome: 'done', ip: '127.0.0.1' },
    ])
  })

  it('leave a record of what failed', async () => {
    const { status, events } = await call(async () => {
      throw conflict('No', 'not_now')
    })
    expect(status).toBe(409)
    expect(events).toMatchObject([{ outcome: 'failed', code: 'not_now' }])
  })

  it('fail when the record cannot be kept', async () => {
    const base = await serve([change(async () => undefined)], {
      audit: async () => {
        throw new Error('disk full')
      },
    })
    expect((await fetch(`${base}/api/things/7`, { method: 'DELETE' })).status).toBe(500)
  })
})
