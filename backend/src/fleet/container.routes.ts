import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { toAppError, toProblem } from '../core/http/problem.ts'
import {
  defineRoute,
  pageQuery,
  queryBoolean,
  queryId,
  queryInteger,
  type Route,
} from '../core/http/route.ts'
import {
  ContainerActionResult,
  ContainerDetail,
  ContainerHealth,
  ContainerPage,
  ContainerProcesses,
  ContainerStateName,
} from './container.schema.ts'
import { FleetEventPage } from './fleet.schema.ts'
import type { FleetService } from './fleet.service.ts'
import { LogLevel, LogPage, LogSearchMessage, LogStream } from './log.schema.ts'

const id = queryId
const containerParams = z.object({
  endpointId: id,
  containerId: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/, 'must be an id of 12 to 64 hexadecimal digits, or a name'),
})
const isoTime = z.iso.datetime({ offset: true })
const logFilter = {
  since: isoTime.optional(),
  until: isoTime.optional(),
  q: z.string().max(500).optional(),
  regex: queryBoolean.optional(),
  invert: queryBoolean.optional(),
  stream: LogStream.optional(),
  level: LogLevel.optional(),
}

const containerRef = (params: { endpointId: number; containerId: string }) => ({
  endpointId: params.endpointId,
  container: params.containerId,
})

export function containerRoutes(service: FleetService): Route[] {
  const path = '/api/containers/{endpointId}/{containerId}'
  const states = z
    .string()
    .transform((value) => value.split(','))
    .pipe(z.array(ContainerStateName))
  const action = (name: 'start' | 'stop' | 'restart', summary: string) =>
    defineRoute(
      {
        method: 'post',
        path: `${path}/${name}`,
        summary,
        description: 'Needs the operator role, and actions allowed on the endpoint.',
        tags: ['Containers'],
        access: 'operator',
        params: containerParams,
        responses: { 200: ContainerActionResult },
        audit: `container.${name}`,
      },
      async ({ params, audit }) => {
        audit({ targetType: 'container', targetId: `${params.endpointId}/${params.containerId}` })
        const result = await service.act(containerRef(params), name)
        audit({
          targetType: 'container',
          targetId: `${params.endpointId}/${result.container.name}`,
          details: { id: result.container.id, changed: result.changed, state: result.container.state },
        })
        return result
      },
    )
  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/containers',
        summary: 'Containers of all endpoints, by name',
        tags: ['Containers'],
        access: 'viewer',
        query: pageQuery.extend({
          endpointId: id.optional(),
          state: states.optional().meta({ description: 'One or more, separated by commas' }),
          health: ContainerHealth.optional(),
          stack: z.string().max(255).optional(),
          q: z.string().max(255).optional(),
        }),
        responses: { 200: ContainerPage },
      },
      async ({ query }) => service.containers(query),
    ),
    defineRoute(
      {
        method: 'get',
        path,
        summary: 'One container with its configuration, secrets masked',
        tags: ['Containers'],
        access: 'viewer',
        params: containerParams,
        responses: { 200: ContainerDetail },
      },
      ({ params }) => service.container(containerRef(params)),
    ),
    defineRoute(
      {
        method: 'get',
        path: `${path}/processes`,
        summary: 'Processes of a container; empty when it does not run',
        tags: ['Containers'],
        access: 'viewer',
        params: containerParams,
        responses: { 200: ContainerProcesses },
      },
      ({ params }) => service.containerProcesses(containerRef(params)),
    ),
    defineRoute(
      {
        method: 'get',
        path: `${path}/events`,
        summary: 'What happened to a container, newest first, also before it was made anew',
        tags: ['Containers'],
        access: 'viewer',
        params: containerParams,
        query: pageQuery,
        responses: { 200: FleetEventPage },
      },
      ({ params, query }) => service.containerEvents(containerRef(params), query),
    ),
    action('start', 'Start a container'),
    action('stop', 'Stop a container; it has 10 s to end by itself'),
    action('restart', 'Restart a container'),
  ]
}

export function logRoutes(service: FleetService): Route[] {
  const path = '/api/containers/{endpointId}/{containerId}/logs'
  return [
    defineRoute(
      {
        method: 'get',
        path,
        summary: 'The newest log lines that match, oldest first',
        description: 'A search looks at the newest 200,000 lines for at most 20 seconds.',
        tags: ['Containers'],
        access: 'viewer',
        params: containerParams,
        query: z.object({ tail: queryInteger(1, 10_000).default(500), ...logFilter }),
        responses: { 200: LogPage },
      },
      ({ params, query }) => service.logs(containerRef(params), query),
    ),
    defineRoute(
      {
        method: 'get',
        path: `${path}/search`,
        summary: 'The newest log lines that match, told while they are looked for',
        description:
          'Steps with matches and the number of lines looked at, about seven a second, then how it ended. ' +
          'Looks at the newest 200,000 lines for at most 20 seconds; closing the connection ends it.',
        tags: ['Containers'],
        access: 'viewer',
        params: containerParams,
        query: z.object({ tail: queryInteger(1, 10_000).default(500), ...logFilter }),
        responses: {
          200: {
            contentType: 'application/x-ndjson',
            description: 'A LogSearchMessage per line',
            line: LogSearchMessage,
          },
        },
      },
      async ({ params, query, res, requestId }) => {
        const abort = new AbortController()
        res.on('close', () => abort.abort())
        const send = (message: z.input<typeof LogSearchMessage>) => {
          if (!res.headersSent) {
            res.status(200)
            res.setHeader('content-type', 'application/x-ndjson; charset=utf-8')
            // A compressor would keep the steps until it has enough of them.
            res.setHeader('cache-control', 'no-store, no-transform')
          }
          res.write(`${JSON.stringify(message)}\n`)
        }
        try {
          send(
            await service.logSearch(containerRef(params), query, {
              signal: abort.signal,
              ready: () => !res.writableNeedDrain,
              step: send,
            }),
          )
        } catch (error) {
          if (!abort.signal.aborted) {
            if (!res.headersSent) throw error
            send({ type: 'failed', problem: toProblem(toAppError(error).error, requestId) })
            await new Promise<void>((done) => res.end(done))
            throw error
          }
          // The reader went away: nobody is left to tell.
        }
        res.end()
        return undefined
      },
    ),
    defineRoute(
      {
        method: 'get',
        path: `${path}/download`,
        summary: 'The log as a text file, whole or filtered',
        description: 'With `tail` the newest of those lines, oldest first.',
        tags: ['Containers'],
        access: 'viewer',
        params: containerParams,
        query: z.object({ tail: queryInteger(1, 10_000).optional(), ...logFilter }),
        responses: {
          200: { contentType: 'text/plain', description: 'One line per log line, its time first' },
        },
      },
      async ({ params, query, res }) => {
        const abort = new AbortController()
        res.on('close', () => abort.abort())
        const { name, response, toText } = await service.logDownload(
          containerRef(params),
          query,
          abort.signal,
        )
        res.status(200)
        res.setHeader('content-type', 'text/plain; charset=utf-8')
        res.setHeader('content-disposition', `attachment; filename="${name.replace(/[^\w.-]/g, '_')}.log"`)
        res.setHeader('cache-control', 'no-store')
        try {
          await pipeline(response, toText, res)
        } catch (error) {
          // The reader went away: nobody is left to tell.
          if (!abort.signal.aborted) throw error
        }
        return undefined
      },
    ),
  ]
}
