import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { plainDatabases, type TestDatabase } from '../../test/databases.ts'
import type { Role } from '../core/http/principal.ts'
import { createUsersService, createUsersStore, type UsersService } from './index.ts'
import { createPasswords } from './passwords.ts'
import { cappedRole } from './tokens.service.ts'

const password = 'a long enough phrase'

describe.each(plainDatabases)('users on $name', ({ open }) => {
  let database: TestDatabase
  let users: UsersService
  let ended: string[]
  let sessionsAway: boolean
  beforeAll(async () => {
    database = await open({ migrated: true })
  })
  beforeEach(() => {
    ended = []
    sessionsAway = false
    users = createUsersService({
      store: createUsersStore(database.db),
      // Hashing is argon2's business; here only who has which matters.
      passwords: {
        hash: async (text) => `hash of ${text}`,
        verify: async (hash, text) => hash === `hash of ${text}`,
        isOutdated: () => false,
      },
      clock: () => new Date('2026-11-21T00:00:00Z'),
      endSessions: async (userId) => {
        if (sessionsAway) throw new Error('away')
        ended.push(userId)
      },
    })
  })
  afterEach(() => database.db.execute('DELETE FROM users'))
  afterAll(() => database.close())

  const add = (username: string, role: Role) => users.create({ username, password, role })

  it('keeps the last admin', async () => {
    const ada = await add('ada', 'admin')
    await add('vic', 'viewer')
    await expect(users.update(ada.id, { role: 'operator' })).rejects.toMatchObject({ code: 'last_admin' })
    await expect(users.remove(ada.id)).rejects.toMatchObject({ code: 'last_admin' })
    const bob = await add('bob', 'admin')
    await users.update(ada.id, { role: 'operator' })
    await expect(users.remove(bob.id)).rejects.toMatchObject({ code: 'last_admin' })
  })

  it('keeps one admin when all are demoted or removed at once', async () => {
    for (let round = 0; round < 5; round++) {
      const admins = await Promise.all(['a', 'b', 'c', 'd'].map((name) => add(`${name}${round}`, 'admin')))
      await Promise.allSettled(
        admins.map((admin, index) =>
          index % 2 === 0 ? users.remove(admin.id) : users.update(admin.id, { role: 'viewer' }),
        ),
      )
      const left = (await users.list()).filter((user) => user.role === 'admin')
      expect(left).toHaveLength(1)
      await database.db.execute('DELETE FROM users')
    }
  })

  it('takes a name once', async () => {
    await add('ada', 'viewer')
    await expect(add('ada', 'viewer')).rejects.toMatchObject({ status: 409, code: 'username_taken' })
  })

  it('changes no password while old sessions cannot be ended', async () => {
    const ada = await add('ada', 'admin')
    sessionsAway = true
    await expect(users.update(ada.id, { password: 'a new long phrase' })).rejects.toThrow('away')
    expect(await users.verify('ada', password)).toMatchObject({ id: ada.id })
  })

  it('hashes an adopted password anew when it is used, and ends no session for it', async () => {
    const passwords = createPasswords()
    const store = createUsersStore(database.db)
    const adopted = createUsersService({
      store,
      passwords,
      clock: () => new Date('2026-11-21T00:00:00Z'),
      endSessions: async (userId) => void ended.push(userId),
    })
    const ada = await add('ada', 'admin')
    const old = '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
    await store.setPassword(ada.id, old, '2026-01-01T00:00:00.000Z')
    const hash = async () => (await store.byId(ada.id))?.password_hash

    expect(await adopted.verify('ada', 'U*V')).toBeUndefined()
    expect(await hash()).toBe(old)
    expect(await adopted.verify('ada', 'U*U')).toMatchObject({
      id: ada.id,
      updatedAt: '2026-01-01T00:00:00.000Z',
    })
    const anew = await hash()
    expect(anew).toMatch(/^\$argon2id\$/)
    expect(await adopted.verify('ada', 'U*U')).toMatchObject({ id: ada.id })
    expect(await hash()).toBe(anew)
    expect(ended).toEqual([])

    await store.replaceHash(ada.id, old, 'of a sign-in that was overtaken by a new password')
    expect(await hash()).toBe(anew)
  })

  it('ends sessions for a new role or password, and for nothing else', async () => {
    await add('ada', 'admin')
    const vic = await add('vic', 'viewer')
    await users.update(vic.id, { defaultLandingPage: '/containers', role: 'viewer' })
    expect(ended).toEqual([])
    await users.update(vic.id, { role: 'operator' })
    expect(ended).toEqual([vic.id])
  })

  it('answers 404 for a user that is gone', async () => {
    await expect(users.get('x')).rejects.toMatchObject({ status: 404 })
    await expect(users.update('x', {})).rejects.toMatchObject({ status: 404 })
    await expect(users.remove('x')).rejects.toMatchObject({ status: 404 })
  })
})

describe('createPasswords', () => {
  it('hashes with argon2id and verifies', async () => {
    const passwords = createPasswords()
    const hash = await passwords.hash(password)
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(await passwords.verify(hash, password)).toBe(true)
    expect(await passwords.verify(hash, `${password} `)).toBe(false)
    expect(await passwords.verify(undefined, password)).toBe(false)
    expect(await passwords.verify('8b1d8a34-a-provider-account', password)).toBe(false)
  })

  it.each(['$2a$', '$2b$', '$2y$'])('verifies what the older dashboard hashed with %s', async (version) => {
    const passwords = createPasswords()
    // A published test vector of bcrypt.
    const hash = `${version}05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW`
    expect(await passwords.verify(hash, 'U*U')).toBe(true)
    expect(await passwords.verify(hash, 'U*V')).toBe(false)
    expect(await passwords.verify(hash.slice(0, 40), 'U*U')).toBe(false)
    expect(passwords.isOutdated(hash)).toBe(true)
    expect(passwords.isOutdated(await passwords.hash('U*U'))).toBe(false)
  })

  it('turns callers away when too many wait', async () => {
    const passwords = createPasswords()
    const results = await Promise.allSettled(Array.from({ length: 80 }, () => passwords.hash(password)))
    const refused = results.filter((result) => result.status === 'rejected')
    expect(refused).toHaveLength(14)
    expect(refused[0]).toMatchObject({ reason: { status: 503, code: 'busy' } })
  })
})

describe('cappedRole', () => {
  it.each([
    [['read'], 'admin', 'viewer'],
    [['read', 'write'], 'admin', 'operator'],
    [['admin'], 'admin', 'admin'],
    [['admin'], 'viewer', 'viewer'],
    [['metrics'], 'admin', null],
    [[], 'admin', null],
    [['admin'], 'superuser', null],
  ] as const)('%j of %s is %s', (scopes, owner, expected) => {
    expect(cappedRole(scopes, owner)).toBe(expected)
  })
})
