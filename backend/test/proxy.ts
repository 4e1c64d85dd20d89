import { connect, createServer, type Server, type Socket } from 'node:net'

export interface StoreProxy {
  readonly url: string
  /** Cuts every connection and takes no more. */
  refuse(): void
  accept(): void
  close(): Promise<void>
}

/** Stands between the product and PostgreSQL, so that the server can go away without being stopped. */
export async function startProxy(target: string): Promise<StoreProxy> {
  const to = new URL(target)
  const sockets = new Set<Socket>()
  let open = true
  const server: Server = createServer((socket) => {
    if (!open) {
      socket.destroy()
      return
    }
    const upstream = connect(Number(to.port), to.hostname)
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (!address || typeof address === 'string') throw new Error('The proxy has no port')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String(address.port)
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: url.href,
    refuse() {
      open = false
      cut()
    },
    accept() {
      open = true
    },
    async close() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
