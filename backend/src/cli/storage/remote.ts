import type { z } from 'zod'
import { storageArchiveSchema, storageArchivesSchema } from '../../moves/archive.schema.ts'
import {
  moveLogPageSchema,
  planSchema,
  quarantinePageSchema,
  rehearsalSchema,
  replaySchema,
  storageUnitSchema,
  storageUnitsSchema,
} from '../../moves/moves.schema.ts'
import { callServer, type Server } from '../server-call.ts'
import type { Moves } from './moves.ts'

const STEPS_WITH_BODY: readonly string[] = ['cutover', 'rollback', 'finish']

/** The moves of a server, over its API. Errors are those of the service there, or {@link UnreachableError}. */
export function remoteMoves(server: Server): Moves {
  const get = <T>(path: string, schema: z.ZodType<T>, query: Record<string, unknown> = {}) =>
    callServer(server, 'GET', path + queryOf(query), schema)
  const post = <T>(path: string, schema: z.ZodType<T>, body?: unknown, signal?: AbortSignal) =>
    callServer(server, 'POST', path, schema, body, signal)
  const unitPath = (unit: string) => `/api/storage/units/${encodeURIComponent(unit)}`
  return {
    archive: {
      list: () => get('/api/storage/archives', storageArchivesSchema),
      run: () => post('/api/storage/archive', storageArchiveSchema),
      remove: (name) =>
        callServer(
          server,
          'DELETE',
          `/api/storage/archives/${encodeURIComponent(name)}`,
          storageArchiveSchema,
        ),
    },
    units: async () => (await get('/api/storage', storageUnitsSchema)).items,
    unit: (name) => get(unitPath(name), storageUnitSchema),
    plan: (units, signal) => post('/api/storage/plan', planSchema, { units }, signal),
    rehearse: (unit, _actor, signal) =>
      post(`${unitPath(unit)}/rehearse`, rehearsalSchema, undefined, signal),
    act: (unit, action, _actor, options = {}) =>
      post(
        `${unitPath(unit)}/${action}`,
        storageUnitSchema,
        STEPS_WITH_BODY.includes(action) ? options : undefined,
      ),
    log: async (query) => (await get('/api/storage/log', moveLogPageSchema, query)).items,
    quarantine: async (query) => (await get('/api/storage/quarantine', quarantinePageSchema, query)).items,
    acknowledge: (unit, rows) =>
      post(`${unitPath(unit)}/quarantine/acknowledge`, storageUnitSchema, { rows }),
    shadow: (unit, share) =>
      callServer(server, 'PUT', `${unitPath(unit)}/shadow`, storageUnitSchema, { share }),
    replay: (unit) => post(`${unitPath(unit)}/quarantine/replay`, replaySchema),
  }
}

function queryOf(query: Record<string, unknown>): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) params.set(name, String(value))
  }
  return params.size === 0 ? '' : `?${params.toString()}`
}
