import type { AppDb } from '../db/app-db.ts'

export interface SessionRow {
  id: string
  user_id: string
  username: string
  created_at: string
  expires_at: string
  last_active: string
  ip_address: string | null
  user_agent: string | null
}

export interface NewSessionRow {
  readonly id: string
  readonly userId: string
  readonly username: string
  readonly tokenHash: string
  readonly at: string
  readonly expiresAt: string
  readonly ipAddress: string | null
  readonly userAgent: string | null
}

const COLUMNS =
  's.id, s.user_id, s.username, s.created_at, s.expires_at, s.last_active, s.ip_address, s.user_agent'

export function createSessionsStore(db: AppDb) {
  return {
    /** The session of this token, when it is in force at `at`; one that expires exactly then is over. */
    async activeByHash(tokenHash: string, at: string): Promise<SessionRow | undefined> {
      return db.queryOne<SessionRow>(
        `SELECT ${COLUMNS} FROM sessions AS s WHERE s.token_hash = $1 AND s.is_valid AND s.expires_at > $2`,
        [tokenHash, at],
      )
    },

    async activeById(id: string, at: string): Promise<SessionRow | undefined> {
      return db.queryOne<SessionRow>(
        `SELECT ${COLUMNS} FROM sessions AS s WHERE s.id = $1 AND s.is_valid AND s.expires_at > $2`,
        [id, at],
      )
    },

    /** Sessions of a user in force at `at`, the latest used first; at most 200. */
    async listActive(userId: string, at: string): Promise<SessionRow[]> {
      return db.query<SessionRow>(
        `
        SELECT ${COLUMNS}
        FROM sessions AS s
        WHERE s.user_id = $1 AND s.is_valid AND s.expires_at > $2
        ORDER BY s.last_active DESC, s.id
        LIMIT 200
        `,
        [userId, at],
      )
    },

    async insert(session: NewSessionRow): Promise<void> {
      await db.execute(
        `
        INSERT INTO sessions
          (id, user_id, username, token_hash, created_at, expires_at, last_active, ip_address, user_agent)
        VALUES ($1, $2, $3, $4, $5, $6, $5, $7, $8)
        `,
        [
          session.id,
          session.userId,
          session.username,
          session.tokenHash,
          session.at,
          session.expiresAt,
          session.ipAddress,
          session.userAgent,
        ],
      )
    },

    /** @returns false when the user has no such session in force. */
    async revoke(id: string, userId: string): Promise<boolean> {
      const { rowCount } = await db.execute(
        'UPDATE sessions SET is_valid = FALSE WHERE id = $1 AND user_id = $2 AND is_valid',
        [id, userId],
      )
      return rowCount === 1
    },

    /** @returns ids of the sessions that this ended. */
    async revokeAll(userId: string, exceptId: string | undefined): Promise<string[]> {
      const rows = await db.query<{ id: string }>(
        'UPDATE sessions SET is_valid = FALSE WHERE user_id = $1 AND id <> $2 AND is_valid RETURNING id',
        [userId, exceptId ?? ''],
      )
      return rows.map((row) => row.id)
    },

    /** Uses of sessions since the last call. Never shortens a session, and leaves revoked ones alone. */
    async touch(uses: ReadonlyMap<string, { at: string; expiresAt: string }>): Promise<void> {
      await db.transaction(async (tx) => {
        for (const [id, { at, expiresAt }] of uses) {
          await tx.execute(
            `
            UPDATE sessions
            SET last_active = $2, expires_at = CASE WHEN expires_at < $3 THEN $3 ELSE expires_at END
            WHERE id = $1 AND is_valid
            `,
            [id, at, expiresAt],
          )
        }
      })
    },

    /** Sessions that ended before the given time; at most `limit` are deleted. */
    async deleteEndedBefore(before: string, limit: number): Promise<number> {
      const { rowCount } = await db.execute(
        `
        DELETE FROM sessions
        WHERE id IN (SELECT s.id FROM sessions AS s WHERE s.expires_at < $1 ORDER BY s.expires_at, s.id LIMIT $2)
        `,
        [before, limit],
      )
      return rowCount
    },
  }
}

export type SessionsStore = ReturnType<typeof createSessionsStore>
