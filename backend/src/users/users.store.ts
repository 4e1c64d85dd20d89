import type { Role } from '../core/http/principal.ts'
import type { AppDb, AppDbSession } from '../db/app-db.ts'
import { forUpdate } from '../db/sql-text.ts'

export interface UserRow {
  id: string
  username: string
  password_hash: string
  role: Role
  default_landing_page: string
  created_at: string
  updated_at: string
}

export interface NewUserRow {
  readonly id: string
  readonly username: string
  readonly passwordHash: string
  readonly role: Role
  readonly at: string
}

/** `last-admin`: the change would leave nobody who can administer. */
export type ChangeResult = 'done' | 'gone' | 'last-admin'

const COLUMNS =
  'u.id, u.username, u.password_hash, u.role, u.default_landing_page, u.created_at, u.updated_at'

export function createUsersStore(db: AppDb) {
  return {
    async byId(id: string): Promise<UserRow | undefined> {
      return db.queryOne<UserRow>(`SELECT ${COLUMNS} FROM users AS u WHERE u.id = $1`, [id])
    },

    /** @param username in lower case, as all are kept. */
    async byUsername(username: string): Promise<UserRow | undefined> {
      return db.queryOne<UserRow>(`SELECT ${COLUMNS} FROM users AS u WHERE u.username = $1`, [username])
    },

    /** By name; at most 1,000. */
    async list(): Promise<UserRow[]> {
      return db.query<UserRow>(`SELECT ${COLUMNS} FROM users AS u ORDER BY u.username, u.id LIMIT 1000`)
    },

    async adminExists(): Promise<boolean> {
      return (await db.queryOne(`SELECT u.id FROM users AS u WHERE u.role = 'admin' LIMIT 1`)) !== undefined
    },

    /** Rejects with a unique violation when the name is taken. */
    async insert(user: NewUserRow): Promise<void> {
      await insertUser(db, user)
    },

    /**
     * Makes the first admin and uses the setup token up, or does neither.
     *
     * @returns false when the token is not valid (any more), or an admin exists.
     */
    async insertFirstAdmin(user: NewUserRow, setupTokenHash: string): Promise<boolean> {
      return db.transaction(async (tx) => {
        const { rowCount } = await tx.execute(
          `
          UPDATE setup_tokens
          SET used_at = $2
          WHERE token_hash = $1 AND used_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
            AND NOT EXISTS (SELECT 1 FROM users AS u WHERE u.role = 'admin')
          `,
          [setupTokenHash, user.at],
        )
        if (rowCount !== 1) return false
        await insertUser(tx, user)
        return true
      })
    },

    /** The one setup token that is valid from now on. */
    async replaceSetupToken(tokenHash: string, at: string): Promise<void> {
      await db.transaction(async (tx) => {
        await tx.execute('DELETE FROM setup_tokens')
        await tx.execute('INSERT INTO setup_tokens (token_hash, created_at) VALUES ($1, $2)', [tokenHash, at])
      })
    },

    async setPassword(id: string, passwordHash: string, at: string): Promise<boolean> {
      const { rowCount } = await db.execute(
        'UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1',
        [id, passwordHash, at],
      )
      return rowCount === 1
    },

    /** Another hash of the same password: nothing happens when the password was changed meanwhile. */
    async replaceHash(id: string, before: string, after: string): Promise<void> {
      await db.execute('UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2', [
        id,
        before,
        after,
      ])
    },

    async setLandingPage(id: string, page: string, at: string): Promise<boolean> {
      const { rowCount } = await db.execute(
        'UPDATE users SET default_landing_page = $2, updated_at = $3 WHERE id = $1',
        [id, page, at],
      )
      return rowCount === 1
    },

    async setRole(id: string, role: Role, at: string): Promise<ChangeResult> {
      return db.transaction(async (tx) => {
        if (role !== 'admin' && (await isLastAdmin(tx, id))) return 'last-admin'
        const { rowCount } = await tx.execute('UPDATE users SET role = $2, updated_at = $3 WHERE id = $1', [
          id,
          role,
          at,
        ])
        return rowCount === 1 ? 'done' : 'gone'
      })
    },

    /** Takes the user's API tokens with it. */
    async remove(id: string): Promise<ChangeResult> {
      return db.transaction(async (tx) => {
        if (await isLastAdmin(tx, id)) return 'last-admin'
        const { rowCount } = await tx.execute('DELETE FROM users WHERE id = $1', [id])
        return rowCount === 1 ? 'done' : 'gone'
      })
    },
  }
}

async function insertUser(db: AppDbSession, user: NewUserRow): Promise<void> {
  await db.execute(
    `
    INSERT INTO users (id, username, password_hash, role, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $5)
    `,
    [user.id, user.username, user.passwordHash, user.role, user.at],
  )
}

const ADMINS = `SELECT u.id FROM users AS u WHERE u.role = 'admin' ORDER BY u.id`

/** Locks the admins, so that two of them who demote each other at once cannot both succeed. */
async function isLastAdmin(tx: AppDbSession, id: string): Promise<boolean> {
  const admins = await tx.query<{ id: string }>(forUpdate(ADMINS))
  return admins.length === 1 && admins[0]?.id === id
}

export type UsersStore = ReturnType<typeof createUsersStore>
