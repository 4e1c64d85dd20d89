import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { backupError } from './backup-error.ts'

// A plain tar of a few parts, so that a person can take a backup apart without this product.

const BLOCK = 512
const ENTRY = /^[a-z]+(\.[a-z0-9]+){1,3}$/
const mostEntries = 16
/** What fits into the octal digits of a tar header; larger sizes are written in binary. */
const octalLimit = 8 ** 11

export interface Part {
  readonly name: string
  readonly bytes: number
  /** Of the bytes as they are in the archive. */
  readonly sha256: string
}

/** Writes an archive part by part into a new file that only its owner can read. */
export class ArchiveWriter {
  readonly #file: FileHandle
  #at = 0

  private constructor(file: FileHandle) {
    this.#file = file
  }

  static async create(path: string): Promise<ArchiveWriter> {
    return new ArchiveWriter(await open(path, 'wx', 0o600))
  }

  /** The size is not known before the end: the header is written last. */
  async add(name: string, source: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<Part> {
    const header = this.#at
    const hash = createHash('sha256')
    let bytes = 0
    this.#at += BLOCK
    for await (const chunk of source) {
      hash.update(chunk)
      await this.#file.write(chunk, 0, chunk.length, this.#at)
      this.#at += chunk.length
      bytes += chunk.length
    }
    this.#at += (BLOCK - (bytes % BLOCK)) % BLOCK
    await this.#file.write(headerOf(name, bytes), 0, BLOCK, header)
    return { name, bytes, sha256: hash.digest('hex') }
  }

  /** Ends the archive and brings it to the disk. */
  async finish(): Promise<number> {
    await this.#file.truncate(this.#at + 2 * BLOCK)
    await this.#file.sync()
    await this.#file.close()
    return this.#at + 2 * BLOCK
  }

  async abandon(): Promise<void> {
    await this.#file.close()
  }
}

function headerOf(name: string, bytes: number): Buffer {
  const header = Buffer.alloc(BLOCK)
  header.write(name, 0, 100, 'latin1')
  header.write('0000600\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  if (bytes < octalLimit) header.write(`${bytes.toString(8).padStart(11, '0')}\0`, 124)
  else {
    header[124] = 0x80
    header.writeBigUInt64BE(BigInt(bytes), 128)
  }
  header.write(
    `${Math.floor(Date.now() / 1000)
      .toString(8)
      .padStart(11, '0')}\0`,
    136,
  )
  header.write('0', 156)
  header.write('ustar\x0000', 257, 'latin1')
  header.fill(' ', 148, 156)
  header.write(`${sumOf(header).toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

function sumOf(header: Buffer): number {
  let sum = 0
  for (const [i, byte] of header.entries()) sum += i >= 148 && i < 156 ? 0x20 : byte
  return sum
}

interface Entry {
  readonly name: string
  readonly start: number
  readonly bytes: number
}

/** An archive that was looked through: its entries are regular files with names of ours, and it ends where it should. */
export class Archive {
  readonly path: string
  readonly #entries: ReadonlyMap<string, Entry>

  private constructor(path: string, entries: ReadonlyMap<string, Entry>) {
    this.path = path
    this.#entries = entries
  }

  /** @throws AppError `not_a_backup`, or `backup_damaged` when it is cut off. */
  static async open(path: string): Promise<Archive> {
    const file = await open(path, 'r')
    try {
      return new Archive(path, await readEntries(file))
    } finally {
      await file.close()
    }
  }

  has(name: string): boolean {
    return this.#entries.has(name)
  }

  bytes(name: string): number {
    return this.#entry(name).bytes
  }

  names(): string[] {
    return [...this.#entries.keys()]
  }

  /** The bytes of a part. With `sha256` the last piece is followed by an error when they are not those. */
  async *read(name: string, sha256?: string): AsyncGenerator<Buffer> {
    const { start, bytes } = this.#entry(name)
    const hash = createHash('sha256')
    if (bytes > 0) {
      const stream = createReadStream(this.path, { start, end: start + bytes - 1, highWaterMark: 256 * 1024 })
      for await (const chunk of stream) {
        hash.update(chunk)
        yield chunk
      }
    }
    if (sha256 !== undefined && hash.digest('hex') !== sha256) {
      throw backupError(
        'backup_damaged',
        `${name} in the backup is damaged: its checksum is not the one noted`,
      )
    }
  }

  /** A part as a whole, at most `limit` bytes. */
  async whole(name: string, limit: number): Promise<Buffer> {
    if (this.bytes(name) > limit) throw notOurs(`${name} is too large`)
    const chunks: Buffer[] = []
    for await (const chunk of this.read(name)) chunks.push(chunk)
    return Buffer.concat(chunks)
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name)
    if (!entry) throw notOurs(`it has no ${name}`)
    return entry
  }
}

const notOurs = (why: string) => backupError('not_a_backup', `This is no backup of Holdfast: ${why}`)
const cutOff = () => backupError('backup_damaged', 'The backup is cut off: it ends before its last part')

async function readEntries(file: FileHandle): Promise<Map<string, Entry>> {
  const { size } = await file.stat()
  const entries = new Map<string, Entry>()
  const header = Buffer.alloc(BLOCK)
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(header, 0, BLOCK, at)
    if (bytesRead < BLOCK) throw at === 0 ? notOurs('it is too short') : cutOff()
    if (header.every((byte) => byte === 0)) {
      if (entries.size === 0) throw notOurs('it is empty')
      if (size !== at + 2 * BLOCK)
        throw size < at + 2 * BLOCK ? cutOff() : notOurs('something follows its end')
      return entries
    }
    const { name, bytes } = parseHeader(header)
    if (entries.has(name)) throw notOurs(`${name} is in it twice`)
    if (entries.size >= mostEntries) throw notOurs('it has too many parts')
    entries.set(name, { name, start: at + BLOCK, bytes })
    at += BLOCK + Math.ceil(bytes / BLOCK) * BLOCK
    if (at > size) throw cutOff()
  }
}

function parseHeader(header: Buffer): { name: string; bytes: number } {
  const text = (from: number, to: number) => header.toString('latin1', from, to).replace(/\0.*$/s, '')
  if (text(257, 262) !== 'ustar') throw notOurs('it is no archive')
  if (Number.parseInt(text(148, 156), 8) !== sumOf(header)) {
    throw backupError('backup_damaged', 'The backup is damaged: a header has another checksum')
  }
  const name = text(0, 100)
  // Links, folders and devices have no place in it, and neither has a name that leads elsewhere.
  if (header.toString('latin1', 156, 157) !== '0' || text(157, 257) !== '' || text(345, 500) !== '') {
    throw notOurs('one of its entries is no regular file')
  }
  if (!ENTRY.test(name)) throw notOurs('one of its entries has a name that is none of ours')
  const bytes =
    header[124] === 0x80 ? Number(header.readBigUInt64BE(128)) : Number.parseInt(text(124, 136), 8)
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw notOurs('one of its entries has no size')
  return { name, bytes }
}
