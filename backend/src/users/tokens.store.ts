import { z } from 'zod'
import { SCOPES, type Scope } from '../core/http/principal.ts'
import { type AppDb, type Json, json } from '../db/app-db.ts'

export interface TokenRow {
  id: string
  user_id: string
  username: string
  name: string
  scopes: Scope[]
  created_at: string
  last_used_at: string | null
  expires_at: string | null
}

/** A token with what is needed to decide about its bearer. */
export interface TokenWithOwner extends TokenRow {
  role: string
}

interface StoredToken extends Omit<TokenWithOwner, 'scopes'> {
  scopes: Json
}

const SELECT = `
  SELECT t.id, t.user_id, u.username, u.role, t.name, t.scopes, t.created_at, t.last_used_at, t.expires_at
  FROM api_tokens AS t
  JOIN users AS u ON u.id = t.user_id
`

export function createTokensStore(db: AppDb) {
  return {
    async byHash(tokenHash: string): Promise<TokenWithOwner | undefined> {
      const row = await db.queryOne<StoredToken>(`${SELECT} WHERE t.token_hash = $1`, [tokenHash])
      return row && toRow(row)
    },

    /** Newest first, at most 1,000; of everybody when `userId` is undefined. */
    async list(userId: string | undefined): Promise<TokenRow[]> {
      const rows =
        userId === undefined
          ? await db.query<StoredToken>(`${SELECT} ORDER BY t.created_at DESC, t.id LIMIT 1000`)
          : await db.query<StoredToken>(
              `${SELECT} WHERE t.user_id = $1 ORDER BY t.created_at DESC, t.id LIMIT 1000`,
              [userId],
            )
      return rows.map(toRow)
    },

    async insert(token: {
      readonly id: string
      readonly userId: string
      readonly name: string
      readonly tokenHash: string
      readonly scopes: readonly Scope[]
      readonly at: string
      readonly expiresAt: string | null
    }): Promise<void> {
      await db.execute(
        `
        INSERT INTO api_tokens (id, user_id, name, token_hash, scopes, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        `,
        [token.id, token.userId, token.name, token.tokenHash, json(token.scopes), token.at, token.expiresAt],
      )
    },

    /** @param userId whose token it must be; undefined for anybody's. */
    async remove(id: string, userId: string | undefined): Promise<boolean> {
      const { rowCount } =
        userId === undefined
          ? await db.execute('DELETE FROM api_tokens WHERE id = $1', [id])
          : await db.execute('DELETE FROM api_tokens WHERE id = $1 AND user_id = $2', [id, userId])
      return rowCount === 1
    },

    async touch(uses: ReadonlyMap<string, string>): Promise<void> {
      await db.transaction(async (tx) => {
        for (const [id, at] of uses)
          await tx.execute('UPDATE api_tokens SET last_used_at = $2 WHERE id = $1', [id, at])
      })
    },
  }
}

/** Scopes that no version knows grant nothing. */
const scopesSchema = z
  .array(z.unknown())
  .transform((values) => SCOPES.filter((scope) => values.includes(scope)))

function toRow(row: StoredToken): TokenWithOwner {
  const scopes = scopesSchema.safeParse(row.scopes)
  return { ...row, scopes: scopes.success ? scopes.data : [] }
}

export type TokensStore = ReturnType<typeof createTokensStore>
