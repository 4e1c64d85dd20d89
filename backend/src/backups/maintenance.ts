import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { z } from 'zod'
import { operationSchema } from './backups.schema.ts'

export const maintenanceSchema = z
  .object({
    maintenance: z
      .object({ since: z.string(), step: operationSchema.shape.step, share: z.number().nullable() })
      .nullable()
      .meta({ description: 'Set while a restore exchanges the stores: everything else answers 503 then' }),
  })
  .meta({ id: 'Maintenance' })
type Maintenance = NonNullable<z.infer<typeof maintenanceSchema>['maintenance']>

export type Tell = (step: Maintenance['step'], share: number | null) => void

/** Answers in the place of the product while `work` runs: 503 to everything but what asks for the state. */
export async function withMaintenance<T>(
  address: { readonly host: string; readonly port: number },
  work: (tell: Tell) => Promise<T>,
): Promise<T> {
  let state: Maintenance = { since: new Date().toISOString(), step: 'starting', share: null }
  const server = createServer({ keepAliveTimeout: 1 }, (req, res) => answer(req, res, state))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(address.port, address.host, resolve)
  })
  try {
    return await work((step, share) => {
      state = { ...state, step, share }
    })
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

function answer(req: IncomingMessage, res: ServerResponse, state: Maintenance): void {
  req.resume()
  const path = (req.url ?? '').split('?')[0]
  res.setHeader('Cache-Control', 'no-store')
  // One request each: the product takes the port back in a moment.
  res.setHeader('Connection', 'close')
  if (path === '/health/live') {
    send(res, 200, 'application/json', { status: 'healthy' })
    return
  }
  if (path === '/api/maintenance') {
    send(res, 200, 'application/json', { maintenance: state })
    return
  }
  res.setHeader('Retry-After', '5')
  if (req.headers.accept?.includes('text/html')) {
    res.writeHead(503, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'",
    })
    res.end(PAGE)
    return
  }
  send(res, 503, 'application/problem+json', {
    type: 'about:blank',
    title: 'Service Unavailable',
    status: 503,
    code: 'maintenance',
    detail: 'A backup is being restored: try again in a moment',
    retryAfterSeconds: 5,
  })
}

function send(res: ServerResponse, status: number, type: string, body: unknown): void {
  res.writeHead(status, { 'content-type': type })
  res.end(JSON.stringify(body))
}

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="3">
<meta name="viewport" content="width=device-width"><title>Holdfast</title>
<h1>A backup is being restored</h1><p>This page comes back by itself.</p></html>
`
