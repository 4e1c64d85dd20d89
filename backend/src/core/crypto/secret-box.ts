import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { chmodSync, closeSync, fsyncSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Encrypts what must be read back later: API keys, TLS keys, secret settings. */
export interface SecretBox {
  seal(plain: string): string
  /** @throws {SecretBoxError} when the text was sealed with another key, or was changed. */
  open(sealed: string): string
}

export class SecretBoxError extends Error {
  constructor(cause?: unknown) {
    super(
      'A stored secret cannot be decrypted: SECRET_KEY (or secret.key in the data folder) is not the one it was sealed with',
      {
        cause,
      },
    )
    this.name = 'SecretBoxError'
  }
}

/** The file of the installation's secret cannot be used. The message says why and what to do. */
export class SecretKeyError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'SecretKeyError'
  }
}

const VERSION = 'v1'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * AES-256-GCM, a fresh nonce each time. The form is `v1:` and base64url of nonce, tag and ciphertext.
 *
 * @param secret any text with enough entropy; the key is derived from it by HKDF-SHA-256 (RFC 5869).
 */
export function createSecretBox(secret: string): SecretBox {
  const key = Buffer.from(hkdfSync('sha256', secret, 'holdfast', 'secret-box', 32))
  return {
    seal(plain) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      return `${VERSION}:${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`
    },
    open(sealed) {
      const bytes = Buffer.from(sealed.slice(VERSION.length + 1), 'base64url')
      if (!sealed.startsWith(`${VERSION}:`) || bytes.length < NONCE_BYTES + TAG_BYTES)
        throw new SecretBoxError()
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES))
        decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
        return (
          decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
        )
      } catch (error) {
        throw new SecretBoxError(error)
      }
    },
  }
}

/**
 * The installation's secret: the configured one, or the one in `<dataDir>/secret.key`, which is generated
 * (mode 0600) when it is missing. Two processes starting at once agree on one file.
 *
 * @throws {SecretKeyError} when the file cannot be made or read, or holds no key.
 */
export function loadSecretKey(configured: string | undefined, dataDir: string): string {
  if (configured !== undefined) return configured
  const file = join(dataDir, 'secret.key')
  const secret = readOrMake(file)
  if (secret.length < 32)
    throw new SecretKeyError(
      `${file} holds no key: restore it from a backup, or delete it to start with a new one`,
    )
  return secret
}

function readOrMake(file: string): string {
  try {
    makeKey(file)
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new SecretKeyError(
      `The key of stored secrets cannot be read from or written to ${file} (${reason}). Let the user of this process (uid ${process.getuid?.() ?? '?'}) own that file, make room on its disk, or set SECRET_KEY.`,
      error,
    )
  }
}

function makeKey(file: string): void {
  let descriptor: number
  try {
    descriptor = openSync(file, 'wx', 0o600)
  } catch (error) {
    // Already there: the usual case from the second start on.
    if (!hasCode(error, 'EEXIST')) throw error
    keepPrivate(file)
    return
  }
  try {
    writeSync(descriptor, `${randomBytes(32).toString('base64url')}\n`)
    fsyncSync(descriptor)
  } catch (error) {
    // A full disk must not leave an empty key behind, which would be refused from then on.
    rmSync(file)
    throw error
  } finally {
    closeSync(descriptor)
  }
}

function keepPrivate(file: string): void {
  if ((statSync(file).mode & 0o077) === 0) return
  try {
    chmodSync(file, 0o600)
  } catch (error) {
    // It is another user's, such as a mounted secret: who may read it was decided there.
    if (!hasCode(error, 'EPERM') && !hasCode(error, 'EROFS')) throw error
  }
}

const hasCode = (error: unknown, code: string) =>
  error instanceof Error && 'code' in error && error.code === code
