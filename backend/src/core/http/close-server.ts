import type { Server } from 'node:http'

/** Takes no more connections; those that are kept alive are closed as their requests end. */
export async function closeServer(server: Server): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), 50)
  await new Promise<void>((resolve) => server.close(() => resolve()))
  clearInterval(sweep)
}
