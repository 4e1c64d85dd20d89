import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { hashToken, newToken } from '../core/crypto/tokens.ts'
import type { SessionRow, SessionsStore } from './sessions.store.ts'

/** However much it is used, a session ends after this. Also the life of the cookie. */
export const SESSION_MAX_AGE_MS = 30 * 86_400_000

export interface SessionSettings {
  number(key: 'sessions.idle_hours' | 'sessions.max_per_user' | 'sessions.retention.days'): Promise<number>
}

export interface LiveSession {
  readonly id: string
  readonly userId: string
}

export type SessionsService = ReturnType<typeof createSessionsService>

export function createSessionsService(deps: {
  store: SessionsStore
  settings: SessionSettings
  clock: () => Date
}) {
  const { store, settings } = deps
  const events = new EventEmitter<{ ended: [readonly string[]] }>()
  const uses = new Map<string, { createdAt: string; at: Date }>()
  const now = () => deps.clock().toISOString()

  function announce(ids: readonly string[]): void {
    for (const id of ids) uses.delete(id)
    if (ids.length > 0) events.emit('ended', ids)
  }

  async function idleExpiry(at: Date, createdAt: string): Promise<string> {
    const idleMs = (await settings.number('sessions.idle_hours')) * 3_600_000
    const latest = new Date(createdAt).getTime() + SESSION_MAX_AGE_MS
    return new Date(Math.min(at.getTime() + idleMs, latest)).toISOString()
  }

  async function makeRoom(userId: string): Promise<void> {
    const most = await settings.number('sessions.max_per_user')
    const surplus = (await store.listActive(userId, now())).slice(most - 1)
    for (const session of surplus) await store.revoke(session.id, userId)
    announce(surplus.map((session) => session.id))
  }

  return {
    /** Begins a session. The token goes into the cookie; only its hash is kept. */
    async begin(
      user: { id: string; username: string },
      client: { ip: string; userAgent: string | undefined },
    ): Promise<{ id: string; token: string }> {
      await makeRoom(user.id)
      const at = deps.clock()
      const token = newToken('')
      const id = randomUUID()
      await store.insert({
        id,
        userId: user.id,
        username: user.username,
        tokenHash: hashToken(token),
        at: at.toISOString(),
        expiresAt: await idleExpiry(at, at.toISOString()),
        ipAddress: client.ip,
        userAgent: client.userAgent?.slice(0, 300) ?? null,
      })
      return { id, token }
    },

    /** The session of this token, when it is in force; counts as a use. */
    async use(token: string): Promise<LiveSession | undefined> {
      const row = await store.activeByHash(hashToken(token), now())
      if (!row) return undefined
      uses.set(row.id, { createdAt: row.created_at, at: deps.clock() })
      return { id: row.id, userId: row.user_id }
    },

    /** Whether the session is still in force; no use. For sockets, which stay open. */
    async isActive(id: string): Promise<boolean> {
      return (await store.activeById(id, now())) !== undefined
    },

    async list(userId: string, currentId: string | null) {
      const rows = await store.listActive(userId, now())
      return rows.map((row) => toSession(row, currentId))
    },

    /** @returns false when the user has no such session. */
    async end(id: string, userId: string): Promise<boolean> {
      const ended = await store.revoke(id, userId)
      if (ended) announce([id])
      return ended
    },

    async endAll(userId: string, exceptId?: string): Promise<void> {
      announce(await store.revokeAll(userId, exceptId))
    },

    /** Calls `listener` with the ids of sessions that were ended in this process. */
    onEnded(listener: (ids: readonly string[]) => void): void {
      events.on('ended', listener)
    },

    /** Writes when sessions were last used; they are collected, because every request would write otherwise. */
    async flush(): Promise<void> {
      if (uses.size === 0) return
      const batch = new Map<string, { at: string; expiresAt: string }>()
      for (const [id, { at, createdAt }] of uses) {
        batch.set(id, { at: at.toISOString(), expiresAt: await idleExpiry(at, createdAt) })
      }
      uses.clear()
      await store.touch(batch)
    },

    async prune(signal: AbortSignal): Promise<void> {
      const days = await settings.number('sessions.retention.days')
      const before = new Date(deps.clock().getTime() - days * 86_400_000).toISOString()
      while (!signal.aborted && (await store.deleteEndedBefore(before, 1000)) === 1000);
    },
  }
}

function toSession(row: SessionRow, currentId: string | null) {
  return {
    id: row.id,
    current: row.id === currentId,
    userAgent: row.user_agent,
    ipAddress: row.ip_address,
    createdAt: row.created_at,
    lastActiveAt: row.last_active,
    expiresAt: row.expires_at,
  }
}
