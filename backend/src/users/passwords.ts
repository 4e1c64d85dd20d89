import { hash, verify } from '@node-rs/argon2'
import { verify as verifyBcrypt } from '@node-rs/bcrypt'
import { isSampleSecret } from '../core/crypto/sample-secrets.ts'
import { AppError, invalid } from '../core/errors.ts'

// OWASP Password Storage Cheat Sheet (2024): argon2id, 19 MiB, 2 passes, 1 lane. Argon2id is the library's default.
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const
/** Each hash takes 19 MiB and a core for some 30 ms: more at once would let a login flood stop everything else. */
const CONCURRENT = 2
const MAX_WAITING = 64

export const PASSWORD_MIN = 10
export const PASSWORD_MAX = 256

export interface Passwords {
  hash(password: string): Promise<string>
  /**
   * Takes the same time for an unknown user, and for one who signs in elsewhere: without a hash it verifies
   * against one that nothing matches.
   */
  verify(passwordHash: string | undefined, password: string): Promise<boolean>
  /** Whether a password that matches this hash should be hashed anew. */
  isOutdated(passwordHash: string): boolean
}

const isArgon = (text: string | undefined) => text?.startsWith('$argon2') ?? false
/** What the older dashboard kept. */
const isBcrypt = (text: string | undefined) => /^\$2[aby]\$/.test(text ?? '')

export function createPasswords(): Passwords {
  const limit = createLimit(CONCURRENT, MAX_WAITING)
  let decoy: Promise<string> | undefined
  return {
    hash: (password) => limit(() => hash(password, PARAMETERS)),
    async verify(passwordHash, password) {
      decoy ??= limit(() => hash(crypto.randomUUID(), PARAMETERS))
      // Accounts of a sign-in provider have a text in this column that is no hash.
      const known = isArgon(passwordHash) || isBcrypt(passwordHash) ? passwordHash : undefined
      const against = known ?? (await decoy)
      const matches = await limit(() =>
        isBcrypt(against) ? verifyBcrypt(password, against) : verify(against, password),
      )
      return known !== undefined && matches
    },
    isOutdated: isBcrypt,
  }
}

/** @throws {AppError} 400 `weak_password` */
export function requireGoodPassword(password: string, username: string): void {
  const plain = password.toLowerCase()
  if (plain === username.toLowerCase() || isSampleSecret(password)) {
    throw invalid(
      'body.password: this password is among the first that anybody would try',
      undefined,
      'weak_password',
    )
  }
}

function createLimit(concurrent: number, maxWaiting: number) {
  let running = 0
  const waiting: (() => void)[] = []
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= concurrent) {
      if (waiting.length >= maxWaiting) {
        throw new AppError(503, 'busy', 'Too many people sign in at once', {
          extra: { retryAfterSeconds: 2 },
        })
      }
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running += 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      // The place goes straight to the next in line, so `running` stays as it is.
      if (next) next()
      else running -= 1
    }
  }
}
