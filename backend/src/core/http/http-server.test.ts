import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { expect, it } from 'vitest'
import { createHttpServer } from './http-server.ts'

it('makes requests and answers as those of the app, before it sees them', async () => {
  const app = express()
  app.set('trust proxy', true)
  app.get('/', (req, res) => void res.json({ ip: req.ip, isOfApp: req.app === app && res.app === app }))
  const server = createHttpServer(app)
  const born: unknown[] = []
  server.prependListener('request', (req: IncomingMessage, res: ServerResponse) => {
    born.push(Object.getPrototypeOf(req) === app.request, Object.getPrototypeOf(res) === app.response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  try {
    const { port } = server.address() as AddressInfo
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-forwarded-for': '192.0.2.7' } })
    expect(await answer.json()).toEqual({ ip: '192.0.2.7', isOfApp: true })
    expect(born).toEqual([true, true])
  } finally {
    server.close()
  }
})
