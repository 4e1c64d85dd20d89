import { isIPv6 } from 'node:net'
import { hashToken } from '../core/crypto/tokens.ts'
import { AppError } from '../core/errors.ts'
import type { LoginAttemptsStore } from './login-attempts.store.ts'

/** Many people may share an address; one of them mistyping must not lock out the others. */
const ADDRESS_FACTOR = 4

export type LoginLimiter = ReturnType<typeof createLoginLimiter>

/**
 * Counts failed sign-ins in the store, so that a restart forgives nothing: for an account from one address, and
 * for an address. The attempt is counted before the password is checked, and taken back when it was right.
 */
export function createLoginLimiter(deps: {
  store: LoginAttemptsStore
  settings: { number(key: 'login.max_failures' | 'login.lock_minutes'): Promise<number> }
  clock: () => Date
}) {
  const { store, settings } = deps

  const keysOf = (username: string, ip: string) => {
    const address = networkOf(ip)
    // Hashed: people type passwords into the name field.
    return {
      account: `account:${hashToken(`${username.toLowerCase()}\n${address}`)}`,
      address: `address:${address}`,
    }
  }

  return {
    /** @throws {AppError} 429 `too_many_attempts` with the seconds to wait. */
    async attempt(username: string, ip: string): Promise<void> {
      const keys = keysOf(username, ip)
      const now = deps.clock()
      const lockMs = (await settings.number('login.lock_minutes')) * 60_000
      const most = await settings.number('login.max_failures')
      const limit = {
        at: now.toISOString(),
        windowStart: new Date(now.getTime() - lockMs).toISOString(),
        lockedUntil: new Date(now.getTime() + lockMs).toISOString(),
      }
      const locks = [
        await store.count(keys.address, { ...limit, most: most * ADDRESS_FACTOR }),
        await store.count(keys.account, { ...limit, most }),
      ]
      const until = Math.max(...locks.map((lock) => (lock === null ? 0 : Date.parse(lock))))
      if (until <= now.getTime()) return
      const retryAfterSeconds = Math.ceil((until - now.getTime()) / 1000)
      throw new AppError(
        429,
        'too_many_attempts',
        `Too many failed sign-ins. Try again in ${minutes(retryAfterSeconds)}.`,
        {
          extra: { retryAfterSeconds },
        },
      )
    },

    async succeeded(username: string, ip: string): Promise<void> {
      const keys = keysOf(username, ip)
      await store.forget(keys.account)
      await store.uncount(keys.address)
    },

    async prune(): Promise<void> {
      const now = deps.clock()
      await store.deleteOld(new Date(now.getTime() - 86_400_000).toISOString(), now.toISOString())
    },
  }
}

function minutes(seconds: number): string {
  const count = Math.ceil(seconds / 60)
  return count === 1 ? 'a minute' : `${count} minutes`
}

/** An IPv6 client owns a whole /64, so that is what counts as its address. */
export function networkOf(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)
  if (mapped?.[1]) return mapped[1]
  if (!isIPv6(ip)) return ip
  const [head = '', tail] = ip.split('%')[0]?.split('::') ?? []
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = tail === undefined ? 0 : 8 - front.length - back.length
  const groups = [...front, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...back]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
