import { createServer, request as httpRequest, type ServerResponse } from 'node:http'

export interface EngineProxy {
  readonly url: string
  /** How often the stream of events was opened. */
  readonly eventStreams: number
  /** Ends the streams of events that are open: in good order, or with the connection. */
  endEvents(how: 'end' | 'cut'): void
  close(): Promise<void>
}

/** Stands between the product and an engine, as a proxy does that ends streams on which nothing happens. */
export async function startEngineProxy(target: string): Promise<EngineProxy> {
  const to = new URL(target.replace(/^tcp:/, 'http:'))
  const events = new Set<ServerResponse>()
  let eventStreams = 0
  const server = createServer((request, response) => {
    const { method, headers, url = '/' } = request
    const upstream = httpRequest(new URL(url, to), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.on('error', () => response.destroy())
      answer.pipe(response)
      if (!url.includes('/events')) return
      eventStreams++
      // The others have their headers with the first event, as with some engines.
      if (eventStreams % 2 === 0) response.flushHeaders()
      events.add(response)
    })
    upstream.on('error', () => response.destroy())
    response.on('close', () => {
      events.delete(response)
      upstream.destroy()
    })
    request.pipe(upstream)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (!address || typeof address === 'string') throw new Error('The proxy has no port')
  return {
    url: `tcp://127.0.0.1:${address.port}`,
    get eventStreams() {
      return eventStreams
    },
    endEvents(how) {
      for (const response of events) {
        if (how === 'end') response.end()
        else response.destroy()
      }
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
