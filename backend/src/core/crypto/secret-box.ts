import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { chmodSync, closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
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
 */
export function loadSecretKey(configured: string | undefined, dataDir: string): string {
  if (configured !== undefined) return configured
  const file = join(dataDir, 'secret.key')
  try {
    const descriptor = openSync(file, 'wx', 0o600)
    try {
      writeSync(descriptor, `${randomBytes(32).toString('base64url')}\n`)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    // Already there: the usual case from the second start on.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    chmodSync(file, 0o600)
  }
  const secret = readFileSync(file, 'utf8').trim()
  if (secret.length < 32)
    throw new Error(`${file} holds no key: restore it from a backup, or delete it to start with a new one`)
  return secret
}
