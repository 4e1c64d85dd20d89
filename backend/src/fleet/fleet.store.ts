import { type AppDb, type AppDbSession, json, type SqlValue } from '../db/app-db.ts'
import type { EndpointKind } from './endpoint.schema.ts'
import type { FleetEvent, FleetEventKind } from './fleet.schema.ts'

/** A row of `endpoints`. Keys are sealed: they are opened only where the endpoint is connected to. */
export interface EndpointRow {
  readonly id: number
  readonly parentId: number | null
  readonly kind: EndpointKind
  readonly name: string
  readonly url: string | null
  readonly externalId: number | null
  readonly enabled: boolean
  readonly allowActions: boolean
  readonly tlsCa: string | null
  readonly tlsCert: string | null
  readonly tlsKeySealed: string | null
  readonly tlsVerify: boolean
  readonly apiKeySealed: string | null
}
export type EndpointValues = Omit<EndpointRow, 'id'>
export type NewFleetEvent = Omit<FleetEvent, 'id'>

interface StoredEndpoint {
  id: number
  parent_id: number | null
  kind: EndpointKind
  name: string
  url: string | null
  external_id: number | null
  enabled: boolean
  allow_actions: boolean
  tls_ca: string | null
  tls_cert: string | null
  tls_key_encrypted: string | null
  tls_verify: boolean
  api_key_encrypted: string | null
}

interface StoredEvent {
  id: number
  endpoint_id: number
  at: string
  kind: FleetEventKind
  action: string
  subject_id: string
  subject_name: string
  stack: string | null
  attributes: Record<string, string>
}

const ENDPOINT_COLUMNS = `endpoints.id, endpoints.parent_id, endpoints.kind, endpoints.name, endpoints.url, endpoints.external_id,
  endpoints.enabled, endpoints.allow_actions, endpoints.tls_ca, endpoints.tls_cert, endpoints.tls_key_encrypted,
  endpoints.tls_verify, endpoints.api_key_encrypted`

function toEndpoint(row: StoredEndpoint): EndpointRow {
  return {
    id: row.id,
    parentId: row.parent_id,
    kind: row.kind,
    name: row.name,
    url: row.url,
    externalId: row.external_id,
    enabled: row.enabled,
    allowActions: row.allow_actions,
    tlsCa: row.tls_ca,
    tlsCert: row.tls_cert,
    tlsKeySealed: row.tls_key_encrypted,
    tlsVerify: row.tls_verify,
    apiKeySealed: row.api_key_encrypted,
  }
}

function endpointParameters(values: EndpointValues): SqlValue[] {
  return [
    values.parentId,
    values.kind,
    values.name,
    values.url,
    values.externalId,
    values.enabled,
    values.allowActions,
    values.tlsCa,
    values.tlsCert,
    values.tlsKeySealed,
    values.tlsVerify,
    values.apiKeySealed,
  ]
}

export interface EventQuery {
  readonly limit: number
  /** Only events before this one, in the order (at, id). */
  readonly before?: { readonly at: string; readonly id: number } | undefined
  readonly endpointId?: number | undefined
  readonly subjectName?: string | undefined
  /** Only events at or after this time. */
  readonly since?: string | undefined
}

export type FleetStore = ReturnType<typeof createFleetStore>

export function createFleetStore(db: AppDb) {
  async function insertEndpoint(session: AppDbSession, values: EndpointValues): Promise<EndpointRow> {
    const row = await session.queryOne<StoredEndpoint>(
      `
      INSERT INTO endpoints (parent_id, kind, name, url, external_id, enabled, allow_actions, tls_ca, tls_cert,
        tls_key_encrypted, tls_verify, api_key_encrypted)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
      RETURNING ${ENDPOINT_COLUMNS.replaceAll('endpoints.', '')}
      `,
      endpointParameters(values),
    )
    if (!row) throw new Error('INSERT … RETURNING gave no row')
    return toEndpoint(row)
  }

  return {
    /** All endpoints, in the order they were made; at most 10,000. */
    async listEndpoints(): Promise<EndpointRow[]> {
      const rows = await db.query<StoredEndpoint>(
        `SELECT ${ENDPOINT_COLUMNS} FROM endpoints ORDER BY endpoints.id LIMIT 10000`,
      )
      return rows.map(toEndpoint)
    },

    /** @throws DbError of kind `unique` when the name is taken */
    async insertEndpoint(values: EndpointValues): Promise<EndpointRow> {
      return insertEndpoint(db, values)
    },

    /** @returns the row as it now is; undefined when there is none. @throws DbError `unique` */
    async updateEndpoint(id: number, values: EndpointValues): Promise<EndpointRow | undefined> {
      const text = `
        UPDATE endpoints
        SET parent_id = $1, kind = $2, name = $3, url = $4, external_id = $5, enabled = $6, allow_actions = $7,
          tls_ca = $8, tls_cert = $9, tls_key_encrypted = $10, tls_verify = $11, api_key_encrypted = $12,
          updated_at = $13
        WHERE id = $14
        RETURNING ${ENDPOINT_COLUMNS.replaceAll('endpoints.', '')}
        `
      const row = await db.queryOne<StoredEndpoint>(text, [
        ...endpointParameters(values),
        new Date().toISOString(),
        id,
      ])
      return row && toEndpoint(row)
    },

    /** Removes the endpoint and those found on it. @returns whether there was one */
    async deleteEndpoint(id: number): Promise<boolean> {
      const { rowCount } = await db.execute('DELETE FROM endpoints WHERE id = $1', [id])
      return rowCount > 0
    },

    /** Makes the environments of a Portainer server equal to `children`: adds, renames and removes. */
    async replaceChildren(parentId: number, children: readonly EndpointValues[]): Promise<void> {
      await db.transaction(async (tx) => {
        const rows = await tx.query<StoredEndpoint>(
          `SELECT ${ENDPOINT_COLUMNS} FROM endpoints WHERE endpoints.parent_id = $1 ORDER BY endpoints.id LIMIT 10000`,
          [parentId],
        )
        const known = new Map(rows.map((row) => [row.external_id, row]))
        for (const child of children) {
          const row = known.get(child.externalId)
          known.delete(child.externalId)
          if (!row) await insertEndpoint(tx, child)
          else if (row.name !== child.name) {
            await tx.execute('UPDATE endpoints SET name = $1 WHERE id = $2', [child.name, row.id])
          }
        }
        for (const row of known.values()) await tx.execute('DELETE FROM endpoints WHERE id = $1', [row.id])
      })
    },

    /**
     * Stores events, all or none.
     *
     * @returns their ids, in the order of `events`
     */
    async insertEvents(events: readonly NewFleetEvent[]): Promise<number[]> {
      if (events.length === 0) return []
      const parameters: SqlValue[] = []
      const tuples = events.map((event) => {
        const at = parameters.length
        parameters.push(
          event.endpointId,
          event.at,
          event.kind,
          event.action,
          event.subjectId,
          event.subjectName,
          event.stack,
          json(event.attributes),
        )
        return `(${Array.from({ length: 8 }, (_, index) => `$${at + index + 1}`).join(', ')})`
      })
      const rows = await db.query<{ id: number }>(
        `
        INSERT INTO fleet_events (endpoint_id, at, kind, action, subject_id, subject_name, stack, attributes)
        VALUES ${tuples.join(', ')}
        RETURNING id
        `,
        parameters,
      )
      // Both engines number the rows of one VALUES list in its order; RETURNING promises no order.
      return rows.map((row) => row.id).sort((a, b) => a - b)
    },

    /** Newest first. */
    async listEvents(query: EventQuery): Promise<FleetEvent[]> {
      const conditions: string[] = []
      const parameters: SqlValue[] = []
      const add = (condition: (at: number) => string, ...values: SqlValue[]) => {
        conditions.push(condition(parameters.length + 1))
        parameters.push(...values)
      }
      if (query.before) {
        const { at, id } = query.before
        add((n) => `(fleet_events.at, fleet_events.id) < ($${n}, $${n + 1})`, at, id)
      }
      if (query.endpointId !== undefined) add((n) => `fleet_events.endpoint_id = $${n}`, query.endpointId)
      if (query.subjectName !== undefined) add((n) => `fleet_events.subject_name = $${n}`, query.subjectName)
      if (query.since !== undefined) add((n) => `fleet_events.at >= $${n}`, query.since)
      const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
      const rows = await db.query<StoredEvent>(
        `
        SELECT fleet_events.id, fleet_events.endpoint_id, fleet_events.at, fleet_events.kind, fleet_events.action,
          fleet_events.subject_id, fleet_events.subject_name, fleet_events.stack, fleet_events.attributes
        FROM fleet_events
        ${where}
        ORDER BY fleet_events.at DESC, fleet_events.id DESC
        LIMIT $${parameters.length + 1}
        `,
        [...parameters, query.limit],
      )
      return rows.map((row) => ({
        id: row.id,
        at: row.at,
        endpointId: row.endpoint_id,
        kind: row.kind,
        action: row.action,
        subjectId: row.subject_id,
        subjectName: row.subject_name,
        stack: row.stack,
        attributes: row.attributes,
      }))
    },

    /** When the engine last reported something on the endpoint; undefined when it never did. */
    async lastEngineEventAt(endpointId: number): Promise<string | undefined> {
      const row = await db.queryOne<{ at: string }>(
        `
        SELECT fleet_events.at FROM fleet_events
        WHERE fleet_events.endpoint_id = $1 AND fleet_events.kind <> 'endpoint'
        ORDER BY fleet_events.at DESC, fleet_events.id DESC
        LIMIT 1
        `,
        [endpointId],
      )
      return row?.at
    },

    /** Deletes at most `limit` events older than `before`. @returns how many were deleted */
    async deleteEventsBefore(before: string, limit: number): Promise<number> {
      const { rowCount } = await db.execute(
        `
        DELETE FROM fleet_events
        WHERE id IN (
          SELECT old.id FROM fleet_events AS old WHERE old.at < $1 ORDER BY old.at, old.id LIMIT $2
        )
        `,
        [before, limit],
      )
      return rowCount
    },
  }
}
