import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, it } from 'vitest'
import { watch } from '../../test/backups.ts'
import { Archive, ArchiveWriter } from './archive.ts'
import { newKey, openKey } from './encryption.ts'
import { addManifest, type Manifest, openBackup } from './manifest.ts'
import { assertNotNewer, unpackSqlite } from './unpack.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-archive-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const newPath = () => join(folder, `${++files}.tar`)

const manifest: Manifest = {
  product: 'holdfast',
  format: 1,
  version: '0.1.0',
  createdAt: '2026-01-02T03:04:05.678Z',
  reason: 'manual',
  installation: 'x',
  placements: [],
  postgres: null,
  sqlite: { version: '3', bytes: 100, migrations: [], tables: [] },
  secretKey: false,
  parts: [],
}

const database: NonNullable<Manifest['postgres']> = {
  database: 'dashboard',
  schema: 'public',
  version: '17.6',
  major: 17,
  bytes: 100,
  extensions: [],
  hypertables: true,
  tool: 17,
  migrations: [],
  tables: [],
}

/** A backup whose one part is `part`. */
async function write(part: Buffer, changes: Partial<Manifest> = {}, secret?: string): Promise<string> {
  const path = newPath()
  const key = secret === undefined ? undefined : await newKey(secret)
  const writer = await ArchiveWriter.create(path)
  if (key) await writer.add('key.json', [Buffer.from(JSON.stringify(key.info))])
  const added = key
    ? await writer.add('sqlite.db.gz.enc', key.encrypt('sqlite.db.gz', [part]))
    : await writer.add('sqlite.db.gz', [part])
  await addManifest(writer, { ...manifest, parts: [added], ...changes }, key)
  await writer.finish()
  return path
}

const read = async (path: string, secret?: string) => openBackup(await Archive.open(path), secret)

/** Changes a tar header and corrects its checksum. */
function patchHeader(path: string, at: number, text: string, offset: number): void {
  const bytes = readFileSync(path)
  bytes.write(text, at + offset, 'latin1')
  bytes.fill(' ', at + 148, at + 156)
  const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148)
  writeFileSync(path, bytes)
}

it('reads what it has written, and tar does too', async () => {
  const part = Buffer.alloc(200_000, 'abc')
  const path = await write(part)
  const { execFileSync } = await import('node:child_process')
  expect(execFileSync('tar', ['-xOf', path, 'sqlite.db.gz'], { maxBuffer: 1 << 20 }).equals(part)).toBe(true)
  const backup = await read(path)
  const chunks: Buffer[] = []
  for await (const chunk of backup.read('sqlite.db.gz')) chunks.push(chunk)
  expect(Buffer.concat(chunks).equals(part)).toBe(true)
})

it.each([
  ['a link', 156, '2'],
  ['a folder', 156, '5'],
  ['a name that leads elsewhere', 0, '../../etc/passwd'],
  ['an absolute name', 0, '/etc/cron.d/x'],
  ['a prefix', 345, 'etc'],
])('refuses an entry that is %s', async (_what, offset, text) => {
  const path = await write(Buffer.from('x'))
  patchHeader(path, 0, text.padEnd(offset === 0 ? 100 : text.length, '\0'), offset)
  await expect(read(path)).rejects.toMatchObject({ code: 'not_a_backup' })
})

it('finds it damaged wherever it was cut off or changed', async () => {
  const part = Buffer.alloc(3_000, 'abc')
  const whole = readFileSync(await write(part)).length
  for (const bytes of [600, 4_000, whole - 512, whole - 1]) {
    const path = await write(part)
    truncateSync(path, bytes)
    await expect(read(path)).rejects.toMatchObject({ code: 'backup_damaged' })
  }
  for (const at of [124, 700, 4_700]) {
    const path = await write(part)
    const bytes = readFileSync(path)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(path, bytes)
    const reading = async () => {
      for await (const chunk of (await read(path)).read('sqlite.db.gz')) expect(chunk).toBeDefined()
    }
    await expect(reading()).rejects.toMatchObject({ code: 'backup_damaged' })
  }
})

it.each(['', 'x', 'not a backup '.repeat(1_000)])('refuses a file that is none: %j', async (text) => {
  const path = newPath()
  writeFileSync(path, text)
  await expect(read(path)).rejects.toMatchObject({ code: 'not_a_backup' })
})

it('refuses a format and a schema that are newer', async () => {
  await expect(read(await write(Buffer.from('x'), { format: 2 }))).rejects.toMatchObject({
    code: 'backup_newer',
  })
  const sqlite = { version: '3', bytes: 1, migrations: ['999_later.sql'], tables: [] }
  const { manifest: newer } = await read(await write(Buffer.from('x'), { sqlite }))
  expect(() => assertNotNewer(newer)).toThrow('newer version')
})

it('reads one that does not say whether TimescaleDB has tables: it may, wherever the extension is', async () => {
  for (const name of ['timescaledb', 'pg_trgm']) {
    const postgres = { ...database, extensions: [{ name, version: '2.17.2' }] }
    Reflect.deleteProperty(postgres, 'hypertables')
    const backup = await read(await write(Buffer.from('x'), { postgres }))
    expect(backup.manifest.postgres?.hypertables).toBe(name === 'timescaledb')
  }
})

it('stops unpacking what is larger than it says', async () => {
  const backup = await read(await write(gzipSync(Buffer.alloc(50_000_000))))
  await expect(unpackSqlite(backup, newPath(), watch())).rejects.toMatchObject({ code: 'backup_damaged' })
})

it('opens an encrypted one with its key alone, and finds what was changed', async () => {
  const part = Buffer.alloc(200_000, 'abc')
  const path = await write(part, {}, 'a passphrase')
  expect(readFileSync(path).includes('abcabc')).toBe(false)
  await expect(read(path)).rejects.toMatchObject({ code: 'key_missing' })
  await expect(read(path, 'another')).rejects.toMatchObject({ code: 'key_wrong' })
  await expect(read(path, 'f'.repeat(64))).rejects.toMatchObject({ code: 'key_wrong' })
  expect((await read(path, 'a passphrase')).encrypted).toBe(true)
  const key = await newKey('a'.repeat(64))
  const sealed: Buffer[] = []
  for await (const chunk of key.encrypt('p', [part])) sealed.push(chunk)
  const opened = await openKey('a'.repeat(64), key.info)
  const plainOf = async (chunks: readonly Buffer[], name = 'p') => {
    const plain: Buffer[] = []
    for await (const chunk of opened.decrypt(
      name,
      (async function* () {
        yield* chunks
      })(),
    ))
      plain.push(chunk)
    return Buffer.concat(plain)
  }
  expect((await plainOf(sealed)).equals(part)).toBe(true)
  const [first = part, second = part, ...rest] = sealed
  for (const changed of [sealed.slice(0, -1), [second, first, ...rest], [first, ...rest], []]) {
    await expect(plainOf(changed)).rejects.toMatchObject({ code: 'backup_damaged' })
  }
  await expect(plainOf(sealed, 'other')).rejects.toMatchObject({ code: 'backup_damaged' })
})
