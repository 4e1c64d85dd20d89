import { randomUUID } from 'node:crypto'
import { AppError, conflict, notFound, unauthorized } from '../core/errors.ts'
import type { Role } from '../core/http/principal.ts'
import { isDbError } from '../db/db-errors.ts'
import { type Passwords, requireGoodPassword } from './passwords.ts'
import type { User, UserPatch } from './users.schema.ts'
import type { ChangeResult, UserRow, UsersStore } from './users.store.ts'

export type UsersService = ReturnType<typeof createUsersService>

interface NewUser {
  readonly username: string
  readonly password: string
  readonly role: Role
}

export function createUsersService(deps: {
  store: UsersStore
  passwords: Passwords
  clock: () => Date
  /** Ends the user's sessions except one; called before the change that makes them stale is answered. */
  endSessions(userId: string, exceptSessionId?: string): Promise<void>
}) {
  const { store, passwords } = deps
  const now = () => deps.clock().toISOString()
  // Once an admin exists there always is one: the last cannot be removed or demoted.
  let adminSeen = false

  async function find(id: string): Promise<UserRow> {
    const row = await store.byId(id)
    if (!row) throw notFound('There is no such user', 'user_not_found')
    return row
  }

  async function build(user: NewUser) {
    requireGoodPassword(user.password, user.username)
    const passwordHash = await passwords.hash(user.password)
    return { id: randomUUID(), username: user.username, passwordHash, role: user.role, at: now() }
  }

  async function applyRole(row: UserRow, role: Role): Promise<void> {
    if (row.role === role) return
    requireChanged(await store.setRole(row.id, role, now()))
    await deps.endSessions(row.id)
  }

  /**
   * Ends the sessions before and after: before, so that nothing changes when the session store is away and old
   * sessions would come back with it; after, for who signed in with the old password meanwhile.
   */
  async function replacePassword(id: string, password: string, exceptSessionId?: string): Promise<void> {
    const passwordHash = await passwords.hash(password)
    await deps.endSessions(id, exceptSessionId)
    await store.setPassword(id, passwordHash, now())
    await deps.endSessions(id, exceptSessionId)
  }

  return {
    async adminExists(): Promise<boolean> {
      adminSeen ||= await store.adminExists()
      return adminSeen
    },

    async list(): Promise<User[]> {
      return (await store.list()).map(toUser)
    },

    async get(id: string): Promise<User> {
      return toUser(await find(id))
    },

    /** The user whose name and password these are. Takes the same time whether the name is known or not. */
    async verify(username: string, password: string): Promise<User | undefined> {
      const row = await store.byUsername(username)
      if (!(await passwords.verify(row?.password_hash, password)) || !row) return undefined
      if (passwords.isOutdated(row.password_hash)) {
        await store.replaceHash(row.id, row.password_hash, await passwords.hash(password))
      }
      return toUser(row)
    },

    async byId(id: string): Promise<User | undefined> {
      const row = await store.byId(id)
      return row && toUser(row)
    },

    async create(user: NewUser): Promise<User> {
      const row = await build(user)
      try {
        await store.insert(row)
      } catch (error) {
        if (isDbError(error, 'unique')) throw conflict('This user name is taken', 'username_taken')
        throw error
      }
      return toUser(await find(row.id))
    },

    /** @throws {AppError} 403 when the token is wrong, used, or an admin exists already. */
    async createFirstAdmin(
      user: { username: string; password: string },
      setupTokenHash: string,
    ): Promise<User> {
      const row = await build({ ...user, role: 'admin' })
      try {
        if (!(await store.insertFirstAdmin(row, setupTokenHash))) throw badSetupToken()
      } catch (error) {
        if (isDbError(error, 'unique')) throw conflict('This user name is taken', 'username_taken')
        throw error
      }
      return toUser(await find(row.id))
    },

    setSetupToken: (tokenHash: string) => store.replaceSetupToken(tokenHash, now()),

    /**
     * Changes a user. A new role or password ends all of the user's sessions and live sockets.
     *
     * @returns the user before and after.
     */
    async update(id: string, patch: UserPatch): Promise<{ before: User; after: User }> {
      const before = await find(id)
      if (patch.password !== undefined) requireGoodPassword(patch.password, before.username)
      if (patch.role !== undefined) await applyRole(before, patch.role)
      if (patch.defaultLandingPage !== undefined)
        await store.setLandingPage(id, patch.defaultLandingPage, now())
      if (patch.password !== undefined) {
        await replacePassword(id, patch.password)
      }
      return { before: toUser(before), after: toUser(await find(id)) }
    },

    /** Changes the own password; the session it is done in goes on, all others end. */
    async changePassword(
      id: string,
      change: { currentPassword: string; newPassword: string },
      sessionId: string | undefined,
    ): Promise<void> {
      const row = await find(id)
      if (!(await passwords.verify(row.password_hash, change.currentPassword))) {
        throw new AppError(400, 'wrong_password', 'The current password is not right')
      }
      requireGoodPassword(change.newPassword, row.username)
      await replacePassword(id, change.newPassword, sessionId)
    },

    async remove(id: string): Promise<User> {
      const row = await find(id)
      requireChanged(await store.remove(id))
      await deps.endSessions(id)
      return toUser(row)
    },
  }
}

export const badSetupToken = () =>
  unauthorized(
    'The setup token is not valid (any more). The newest is in the log of the server.',
    'bad_setup_token',
  )

function requireChanged(result: ChangeResult): void {
  if (result === 'gone') throw notFound('There is no such user', 'user_not_found')
  if (result === 'last-admin') {
    throw conflict('This is the last admin: make somebody else admin first', 'last_admin')
  }
}

function toUser(row: UserRow): User {
  return {
    id: row.id,
    username: row.username,
    role: row.role,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    defaultLandingPage: row.default_landing_page,
  }
}
