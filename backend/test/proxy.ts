import { connect, createServer, type Server, type Socket } from 'node:net'

export interface StoreProxy {
  readonly url: string
  /** Cuts every connection and takes no more. */
  refuse(): void
  accept(): void
  /** Carries nothing any more, and says so to nobody: connections that are there, and new ones unless they are spared. */
  silence(options?: { readonly spareNew: boolean }): void
  /** Carries again what waited meanwhile. */
  speak(): void
  close(): Promise<void>
}

/** Stands between the product and PostgreSQL, so that the server can go away without being stopped. */
export async function startProxy(target: string): Promise<StoreProxy> {
  const to = new URL(target)
  const pairs = new Map<Socket, Socket>()
  let open = true
  let silent = false
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
      pairs.set(one, other)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        pairs.delete(one)
        other.destroy()
      })
      if (!silent) one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (!address || typeof address === 'string') throw new Error('The proxy has no port')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String(address.port)
  const cut = () => {
    for (const socket of pairs.keys()) socket.destroy()
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
    silence({ spareNew } = { spareNew: false }) {
      silent = !spareNew
      for (const socket of pairs.keys()) socket.unpipe()
    },
    speak() {
      silent = false
      for (const [one, other] of pairs) one.pipe(other)
    },
    async close() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
