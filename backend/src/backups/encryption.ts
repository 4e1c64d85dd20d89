import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, scrypt } from 'node:crypto'
import { z } from 'zod'
import { backupError } from './backup-error.ts'

// Chunks of AES-256-GCM in the STREAM construction: the nonce counts, and its last byte marks the last chunk, so that
// chunks can neither be cut off, put elsewhere nor repeated. Each part has a key of its own.

const CHUNK = 64 * 1024
const TAG = 16
const HEX_KEY = /^[0-9a-f]{64}$/i
const COST = { N: 2 ** 15, r: 8, p: 1 } as const

/** `key.json`, the one part of an encrypted backup that anybody can read. */
export const keyInfoSchema = z.object({
  cipher: z.literal('aes-256-gcm'),
  kdf: z.enum(['none', 'scrypt']),
  salt: z.string().regex(/^[0-9a-f]{32}$/),
  // Bounded, so that a backup from elsewhere cannot take the memory of the machine.
  N: z.union([z.literal(2 ** 14), z.literal(2 ** 15), z.literal(2 ** 16), z.literal(2 ** 17)]),
  /** Tells a wrong key from a damaged backup. */
  check: z.string().regex(/^[0-9a-f]{32}$/),
})
export type KeyInfo = z.infer<typeof keyInfoSchema>

/** The key of one backup. */
export interface BackupKey {
  readonly info: KeyInfo
  encrypt(part: string, source: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer>
  /** @throws AppError `backup_damaged` while it is read, when it is not what was written. */
  decrypt(part: string, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer>
}

/** @param secret 64 hex digits are the key itself; anything else is a passphrase. */
export async function newKey(secret: string): Promise<BackupKey> {
  const salt = randomBytes(16)
  const kdf = HEX_KEY.test(secret) ? 'none' : 'scrypt'
  const master = await derive(secret, kdf, salt, COST.N)
  const info = {
    cipher: 'aes-256-gcm',
    kdf,
    salt: salt.toString('hex'),
    N: COST.N,
    check: checkOf(master),
  } as const
  return keyFrom(master, info)
}

/** @throws AppError `key_wrong`. */
export async function openKey(secret: string, info: KeyInfo): Promise<BackupKey> {
  const master = await derive(secret, info.kdf, Buffer.from(info.salt, 'hex'), info.N)
  if (checkOf(master) !== info.check) {
    throw backupError('key_wrong', 'The backup was encrypted with another key than the one in BACKUP_KEY')
  }
  return keyFrom(master, info)
}

function derive(secret: string, kdf: KeyInfo['kdf'], salt: Buffer, cost: number): Promise<Buffer> {
  if (kdf === 'none') {
    const raw = HEX_KEY.test(secret) ? Buffer.from(secret, 'hex') : Buffer.from(secret)
    return Promise.resolve(Buffer.from(hkdfSync('sha256', raw, salt, 'holdfast backup', 32)))
  }
  const { r, p } = COST
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, 32, { N: cost, r, p, maxmem: 256 * cost * r }, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })
}

const checkOf = (master: Buffer) => createHmac('sha256', master).update('check').digest('hex').slice(0, 32)

function keyFrom(master: Buffer, info: KeyInfo): BackupKey {
  const keyOf = (part: string) => Buffer.from(hkdfSync('sha256', master, '', `part ${part}`, 32))
  return {
    info,
    async *encrypt(part, source) {
      const key = keyOf(part)
      let counter = 0
      let held: Buffer | undefined
      for await (const chunk of pieces(source, CHUNK)) {
        if (held) yield seal(key, counter++, false, held)
        held = chunk
      }
      yield seal(key, counter, true, held ?? Buffer.alloc(0))
    },
    async *decrypt(part, source) {
      const key = keyOf(part)
      let counter = 0
      let held: Buffer | undefined
      for await (const chunk of pieces(source, CHUNK + TAG)) {
        if (held) yield unseal(part, key, counter++, false, held)
        held = chunk
      }
      yield unseal(part, key, counter, true, held ?? Buffer.alloc(0))
    },
  }
}

function nonceOf(counter: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeBigUInt64BE(BigInt(counter), 3)
  nonce[11] = last ? 1 : 0
  return nonce
}

function seal(key: Buffer, counter: number, last: boolean, plain: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonceOf(counter, last))
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function unseal(part: string, key: Buffer, counter: number, last: boolean, sealed: Buffer): Buffer {
  if (sealed.length >= TAG) {
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(counter, last))
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG))
    const plain = decipher.update(sealed.subarray(0, sealed.length - TAG))
    try {
      return Buffer.concat([plain, decipher.final()])
    } catch (cause) {
      throw damaged(part, cause)
    }
  }
  throw damaged(part)
}

const damaged = (part: string, cause?: unknown) =>
  backupError('backup_damaged', `${part} in the backup is damaged: it is not what was encrypted`, { cause })

/** The same bytes in pieces of one size; the last may be shorter. */
async function* pieces(
  source: AsyncIterable<Buffer> | Iterable<Buffer>,
  size: number,
): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = []
  let bytes = 0
  for await (const chunk of source) {
    waiting.push(chunk)
    bytes += chunk.length
    if (bytes < size) continue
    const all = waiting.length === 1 ? chunk : Buffer.concat(waiting)
    let at = 0
    for (; bytes - at >= size; at += size) yield all.subarray(at, at + size)
    waiting = at === bytes ? [] : [all.subarray(at)]
    bytes -= at
  }
  if (bytes > 0) yield Buffer.concat(waiting)
}
