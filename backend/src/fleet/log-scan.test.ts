import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { downloadLogs, type LogDownload, type LogQuery } from './container-logs.ts'
import { createDockerSource } from './docker/docker-source.ts'
import { createEngineClient } from './docker/engine-client.ts'
import { engineTarget } from './docker/engine-target.ts'
import type { LogSearchStep } from './log.schema.ts'
import { readLogs, searchLogs } from './log-scan.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const START_MS = Date.UTC(2026, 10, 1)
const timeOf = (index: number) => new Date(START_MS + index * 1000).toISOString()
const webContainer = { id: 'web', tty: true }

type Send = (res: ServerResponse, lines: readonly string[]) => void

/**
 * An engine with one log, line `i` written at second `i`. As the real one does, it takes `tail` from the end of the log
 * and leaves out what is after `until` then.
 */
async function engine(lines: readonly string[], send: Send = (res, text) => res.end(text.join(''))) {
  const tails: number[] = []
  const server = createServer((req, res) => {
    const query = new URL(req.url ?? '', 'http://engine').searchParams
    const asked = query.get('tail')
    const tail = asked === 'all' ? Number.POSITIVE_INFINITY : Number(asked)
    const until = Number(query.get('until') ?? Number.POSITIVE_INFINITY)
    tails.push(tail)
    const kept = lines
      .map((text, index) => ({ text: `${timeOf(index)} ${text}\n`, seconds: START_MS / 1000 + index }))
      .slice(-tail)
      .filter(({ seconds }) => seconds <= until)
    send(
      res,
      kept.map(({ text }) => text),
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  const client = createEngineClient(engineTarget(`tcp://127.0.0.1:${address.port}`))
  closers.push(
    () => server.close(),
    () => server.closeAllConnections(),
    () => client.close(),
  )
  return { source: createDockerSource(client), tails }
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index}`)

function watcher(signal = new AbortController().signal) {
  const steps: LogSearchStep[] = []
  return { steps, signal, ready: () => true, step: (step: LogSearchStep) => void steps.push(step) }
}

const search = (query: Partial<LogQuery>): LogQuery => ({ tail: 100, q: 'line', ...query })

describe('a search', () => {
  it('tells what it finds while the log still comes', async () => {
    let goOn = () => {}
    const { source } = await engine(numbered(10), (res, lines) => {
      res.write(lines.slice(0, 6).join(''))
      goOn = () => res.end(lines.slice(6).join(''))
    })
    const watched = watcher()
    const ended = searchLogs(source, webContainer, search({ q: 'line [2468]', regex: true }), watched)
    await expect.poll(() => watched.steps.at(-1)).toMatchObject({ scanned: 6, at: timeOf(5) })
    expect(watched.steps.flatMap(({ lines }) => lines.map(({ text }) => text))).toEqual(['line 2', 'line 4'])
    goOn()
    expect(await ended).toEqual({
      type: 'end',
      scanned: 10,
      from: timeOf(0),
      at: timeOf(9),
      truncated: false,
      limit: null,
    })
    const found = watched.steps.flatMap(({ lines }) => lines)
    expect(found.map(({ text, seq }) => [text, seq])).toEqual([
      ['line 2', 0],
      ['line 4', 1],
      ['line 6', 2],
      ['line 8', 3],
    ])
  })

  it('says that it stopped at its limit of lines, and how far back it got', async () => {
    const { source } = await engine(numbered(50))
    const end = await searchLogs(source, webContainer, search({ q: '4' }), watcher(), {
      lines: 20,
      ms: 20_000,
    })
    expect(end).toMatchObject({ scanned: 20, from: timeOf(30), truncated: true, limit: 'lines' })
  })

  it('says that its time was over, and answers with what it has', async () => {
    const { source } = await engine(numbered(5), (res, lines) => res.write(lines.join('')))
    const page = await readLogs(source, webContainer, search({}), { lines: 100, ms: 200 })
    expect(page).toMatchObject({ scanned: 5, truncated: true, limit: 'time' })
    expect(page.lines).toHaveLength(5)
  })

  it('leaves out older matches beyond those asked for, and says so', async () => {
    const { source } = await engine(numbered(50))
    const watched = watcher()
    const end = await searchLogs(source, webContainer, search({ tail: 3 }), watched)
    expect(end).toMatchObject({ scanned: 50, truncated: true, limit: null })
    const [step] = watched.steps
    expect(step).toMatchObject({ skipped: true })
    expect(step?.lines.map(({ text }) => text)).toEqual(['line 47', 'line 48', 'line 49'])
  })

  it('keeps what is found for a watcher that cannot take it yet', async () => {
    let goOn = () => {}
    const { source } = await engine(numbered(4), (res, lines) => {
      res.write(lines.join(''))
      goOn = () => res.end()
    })
    const watched = { ...watcher(), ready: vi.fn(() => false) }
    const ended = searchLogs(source, webContainer, search({}), watched)
    await expect.poll(() => watched.ready).toHaveBeenCalled()
    expect(watched.steps).toEqual([])
    goOn()
    await ended
    expect(watched.steps.flatMap(({ lines }) => lines)).toHaveLength(4)
  })

  it('ends at the engine too when its watcher leaves', async () => {
    let left: Promise<unknown> = Promise.resolve()
    const { source } = await engine(numbered(4), (res, lines) => {
      left = once(res, 'close')
      res.write(lines.join(''))
    })
    const abort = new AbortController()
    const watched = watcher(abort.signal)
    const ended = searchLogs(source, webContainer, search({}), watched)
    await expect.poll(() => watched.steps).not.toEqual([])
    abort.abort()
    await expect(ended).rejects.toThrow()
    await left
  })

  it('fails when the engine goes away in the middle', async () => {
    const { source } = await engine(numbered(4), (res, lines) => {
      res.write(lines.join(''), () => res.destroy())
    })
    await expect(searchLogs(source, webContainer, search({}), watcher())).rejects.toThrow()
  })
})

describe('older lines', () => {
  const until = timeOf(4_999)

  it('are found though the engine counts from the end of the log', async () => {
    const { source, tails } = await engine(numbered(20_000))
    const page = await readLogs(source, webContainer, { tail: 10, until })
    expect(page.lines.map(({ text }) => text)).toEqual(numbered(5_000).slice(-10))
    expect(page).toMatchObject({ truncated: true, limit: null })
    expect(tails).toEqual([4_000, 32_000])
  })

  it('end where the log begins', async () => {
    const { source } = await engine(numbered(20_000))
    const page = await readLogs(source, webContainer, { tail: 10_000, until })
    expect(page.lines).toHaveLength(5_000)
    expect(page).toMatchObject({ scanned: 5_000, truncated: false, limit: null })
  })

  it('are none before the log begins', async () => {
    const { source } = await engine(numbered(10))
    const before = new Date(START_MS - 1000).toISOString()
    const page = await readLogs(source, webContainer, { tail: 10, until: before })
    expect(page).toEqual({ lines: [], scanned: 0, truncated: false, limit: null })
  })

  it('are searched for too, each told once', async () => {
    const { source } = await engine(numbered(40_000))
    const watched = watcher()
    const end = await searchLogs(source, webContainer, search({ q: 'line 7', until }), watched)
    const found = watched.steps.flatMap(({ lines }) => lines.map(({ text }) => text))
    expect(found).toHaveLength(100)
    expect(new Set(found).size).toBe(100)
    expect(found.at(-1)).toBe('line 799')
    expect(end).toMatchObject({ from: timeOf(0), at: until, truncated: true })
  })

  it('of a pass that time has cut are left out: newer ones would be missing', async () => {
    const { source } = await engine(numbered(5), (res, lines) => res.write(lines.slice(0, 2).join('')))
    const page = await readLogs(source, webContainer, { tail: 10, until: timeOf(4) }, { lines: 10, ms: 200 })
    expect(page).toMatchObject({ lines: [], truncated: true, limit: 'time' })
  })
})

describe('a download', () => {
  async function download(query: LogDownload) {
    const { source, tails } = await engine(numbered(100))
    const never = new AbortController().signal
    const { response, toText } = await downloadLogs(source, webContainer, query, never)
    let text = ''
    for await (const chunk of response.pipe(toText)) text += String(chunk)
    const lines = text.split('\n').slice(0, -1)
    return { numbers: lines.map((line) => Number(/line (\d+)$/.exec(line)?.[1])), tails }
  }

  it('is the whole log, oldest first', async () => {
    const { numbers } = await download({})
    expect(numbers).toEqual(numbered(100).map((_, index) => index))
  })

  it('leaves the newest lines to the engine to choose', async () => {
    expect(await download({ tail: 3 })).toEqual({ numbers: [97, 98, 99], tails: [3] })
  })

  it('has the newest lines before a moment, though the engine counts from the end of the log', async () => {
    const { numbers } = await download({ tail: 3, until: timeOf(49) })
    expect(numbers).toEqual([47, 48, 49])
  })

  it('has the newest lines that match', async () => {
    const { numbers } = await download({ tail: 2, q: '5$', regex: true })
    expect(numbers).toEqual([85, 95])
  })
})
