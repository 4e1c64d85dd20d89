import { decodeCursor, toPage } from '../core/http/cursor.ts'
import type { AuditEvent } from '../core/http/http-app.ts'
import type { Log } from '../core/log.ts'
import type { Json } from '../db/app-db.ts'
import { isDbError } from '../db/db-errors.ts'
import type { AuditFilter } from './audit.schema.ts'
import type { AuditRow, AuditStore, NewAuditRow } from './audit.store.ts'
import type { AuditSpool } from './audit-spool.ts'
import { redactDetails } from './redact.ts'

export type AuditService = ReturnType<typeof createAuditService>

const DELETE_BATCH = 5000

/**
 * Who did what. A record is durable before its request is answered: in the store, or, while that is away, in
 * the spool, from which it is moved later. When neither takes it the request fails, and says so.
 */
export function createAuditService(deps: {
  store: AuditStore
  spool: AuditSpool
  log: Log
  clock: () => Date
}) {
  const { store, spool, log } = deps
  return {
    async record(event: AuditEvent): Promise<void> {
      const row = toRow(event, deps.clock())
      try {
        await store.insert([row])
      } catch (error) {
        log.warn({ err: error, action: event.action }, 'audit record spooled: the store did not take it')
        await spool.append(row).catch((spoolError: unknown) => {
          log.error({ err: spoolError, action: event.action }, 'audit record lost: the spool did not take it')
          // On a full disk both fail; what the store said is what the caller can be told.
          throw error
        })
      }
    },

    /** Moves spooled records into the store; those stay spooled that it still does not take. */
    async drain(): Promise<void> {
      try {
        const moved = await spool.drain((rows) => store.insertMissing(rows))
        if (moved > 0) log.info({ records: moved }, 'spooled audit records stored')
      } catch (error) {
        if (!isDbError(error)) throw error
        log.debug({ err: error }, 'audit store still unavailable')
      }
    },

    async list(query: AuditFilter & { limit: number; cursor?: string | undefined }) {
      const rows = await store.list(query, decodeCursor(query.cursor), query.limit + 1)
      return toPage(rows, query.limit, toEntry)
    },

    /** Deletes what is older than `days`, in small steps. */
    async prune(days: number, signal: AbortSignal): Promise<void> {
      const before = new Date(deps.clock().getTime() - days * 86_400_000).toISOString()
      while (!signal.aborted && (await store.deleteOlderThan(before, DELETE_BATCH)) === DELETE_BATCH);
    },
  }
}

function toEntry(row: AuditRow) {
  return {
    id: String(row.id),
    at: row.created_at,
    userId: row.user_id,
    username: row.username,
    action: row.action,
    targetType: row.target_type,
    targetId: row.target_id,
    details: row.details,
    ipAddress: row.ip_address,
    requestId: row.request_id,
  }
}

function toRow(event: AuditEvent, at: Date): NewAuditRow {
  const outcome =
    event.outcome === 'failed' ? { outcome: 'failed', code: event.code ?? 'unknown' } : { outcome: 'done' }
  const via = event.principal.kind === 'token' ? { tokenId: event.principal.credentialId } : {}
  const details = redactDetails({ ...outcome, ...via, ...event.details })
  return {
    user_id: event.principal.userId,
    username: event.principal.username,
    action: event.action,
    target_type: event.targetType ?? null,
    target_id: event.targetId ? clean(event.targetId.slice(0, 500)) : null,
    // JSON text and back: dates become texts and undefined members go, as they would in the column.
    details: plainJson(details),
    request_id: event.requestId,
    ip_address: event.ip,
    created_at: at.toISOString(),
  }
}

/** PostgreSQL takes no null character and no half of a surrogate pair, in texts as in JSON. */
const clean = (text: string) => Buffer.from(text).toString().replaceAll('\0', '\uFFFD')

function plainJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value), (_name, item: unknown) =>
    typeof item === 'string' ? clean(item) : item,
  )
}
