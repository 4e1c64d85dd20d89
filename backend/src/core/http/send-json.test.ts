import { createServer, get, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { sendJson } from './send-json.ts'

let server: Server | undefined
afterEach(() => server?.close())

/** A server that sends the value; `sent` resolves when sending has ended. */
async function serve(value: () => unknown) {
  const app = express()
  let ended: () => void = () => undefined
  const sent = new Promise<void>((resolve) => {
    ended = resolve
  })
  app.get('/', async (_req, res) => {
    await sendJson(res, value())
    ended()
  })
  server = createServer(app)
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, sent }
}

/** About 5 MB. */
const long = () => ({
  unit: '%',
  series: Array.from({ length: 300 }, (_, i) => ({
    name: `container ${i}`,
    mean: Array.from({ length: 1_500 }, (_, j) => (i * j) / 7),
  })),
})

describe('an answer', () => {
  it('is the text that JSON.stringify gives', async () => {
    let value: unknown
    const { url } = await serve(() => value)
    const odd = {
      a: undefined,
      b: [undefined, null, Number.NaN, () => 1],
      c: new Date(0),
      'd"é\u2028': { e: [[], {}] },
      f: () => 1,
      g: [],
      h: { toJSON: () => [1] },
    }
    const values = [
      odd,
      {},
      [],
      [1, [2]],
      null,
      'text',
      7,
      true,
      new Date(1),
      [new Date(2)],
      { only: undefined },
    ]
    for (value of values) expect(await (await fetch(url)).text()).toBe(JSON.stringify(value))
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (any) => {
        value = any
        expect(await (await fetch(url)).text()).toBe(JSON.stringify(any))
      }),
      { numRuns: 50 },
    )
  })

  it.each([true, false])('that is long arrives whole, compressed: %s', async (compressed) => {
    const value = long()
    const { url } = await serve(() => value)
    const response = await fetch(url, { headers: { 'accept-encoding': compressed ? 'gzip' : 'identity' } })
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(response.headers.get('content-encoding')).toBe(compressed ? 'gzip' : null)
    expect(await response.text()).toBe(JSON.stringify(value))
  })

  it('is compressed from a kilobyte on', async () => {
    let value = 'x'.repeat(1_021)
    const { url } = await serve(() => value)
    expect((await fetch(url)).headers.get('content-encoding')).toBe(null)
    value += 'x'
    const response = await fetch(url)
    expect(response.headers.get('content-encoding')).toBe('gzip')
    expect(await response.json()).toBe(value)
  })

  it('that is long lets others have their turns while it is printed', async () => {
    let turns = 0
    let counting = true
    const count = () => {
      turns++
      if (counting) setImmediate(count)
    }
    const value = long()
    const { url, sent } = await serve(() => {
      count()
      return value
    })
    const response = await fetch(url)
    void sent.then(() => {
      counting = false
    })
    await response.text()
    expect(turns).toBeGreaterThan(5)
  })

  it('that is short has an ETag and is not sent twice', async () => {
    const { url } = await serve(() => ({ items: [{ a: 1 }] }))
    const first = await fetch(url)
    const etag = first.headers.get('etag') ?? ''
    expect(etag).not.toBe('')
    expect(
      (await fetch(url, { headers: { 'if-none-match': etag, 'cache-control': 'max-age=0' } })).status,
    ).toBe(304)
  })

  it('waits for a slow reader, and ends when the reader goes', async () => {
    const { url, sent } = await serve(long)
    const request = get(url)
    const response = await new Promise<IncomingMessage>((resolve) => request.once('response', resolve))
    response.pause()
    let isSent = false
    void sent.then(() => {
      isSent = true
    })
    await sleep(300)
    expect(isSent).toBe(false)
    request.destroy()
    await sent
  })
})
