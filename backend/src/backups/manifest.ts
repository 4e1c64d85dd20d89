import { createHash } from 'node:crypto'
import { z } from 'zod'
import { domainNames } from '../db/domains.ts'
import type { Archive, ArchiveWriter, Part } from './archive.ts'
import { backupError } from './backup-error.ts'
import { type BackupKey, keyInfoSchema, openKey } from './encryption.ts'

export const FORMAT = 1
const mostManifestBytes = 4 * 1024 * 1024

const fingerprint = z.object({
  table: z.string().max(200),
  rows: z.int().min(0),
  digest: z.string().regex(/^[0-9a-f]{16}$/),
  aggregate: z.literal(true).optional(),
})
const tables = z.array(fingerprint).max(1000)
const part = z.object({ name: z.string(), bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) })
const migrations = z.array(z.string().max(200)).max(1000)

export const manifestSchema = z.object({
  product: z.literal('holdfast'),
  format: z.int().min(1),
  version: z.string().max(50),
  createdAt: z.iso.datetime(),
  reason: z.enum(['manual', 'scheduled', 'safety']),
  installation: z.string().max(100),
  /** Where the truth of every domain was. */
  placements: z
    .array(
      z.object({
        domain: z.string().max(100),
        placement: z.enum(['sqlite', 'postgres']),
        epoch: z.int().min(0),
      }),
    )
    .max(1000),
  postgres: z
    .object({
      database: z.string(),
      schema: z.string(),
      version: z.string(),
      major: z.int(),
      bytes: z.int(),
      extensions: z.array(z.object({ name: z.string().max(100), version: z.string().max(100) })).max(200),
      hypertables: z.boolean().optional(),
      tool: z.int(),
      migrations,
      tables,
    })
    // Before it was noted, every database with the extension was dumped as one that has them.
    .transform(({ hypertables, ...facts }) => ({
      ...facts,
      hypertables: hypertables ?? facts.extensions.some(({ name }) => name === 'timescaledb'),
    }))
    .nullable(),
  sqlite: z.object({ version: z.string().max(50), bytes: z.int(), migrations, tables }).nullable(),
  /** The key of stored secrets is in it: only in encrypted backups. */
  secretKey: z.boolean(),
  parts: z.array(part).max(16),
})
export type Manifest = z.infer<typeof manifestSchema>

/** A backup that can be read: what is in it, and its parts as they were before they were encrypted. */
export interface OpenedBackup {
  readonly manifest: Manifest
  readonly encrypted: boolean
  readonly archive: Archive
  read(part: string): AsyncGenerator<Buffer>
}

export const ENCRYPTED = '.enc'

/** Adds the manifest and its checksum to an archive, as its last parts. */
export async function addManifest(
  writer: ArchiveWriter,
  manifest: Manifest,
  key: BackupKey | undefined,
): Promise<void> {
  const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)
  const name = key ? `manifest.json${ENCRYPTED}` : 'manifest.json'
  const { sha256 }: Part = await writer.add(name, key ? key.encrypt('manifest.json', [text]) : [text])
  await writer.add('manifest.sha256', [Buffer.from(`${sha256}  ${name}\n`)])
}

/**
 * @throws AppError `not_a_backup`, `backup_damaged`, `backup_newer`, `key_missing`, `key_wrong`.
 */
export async function openBackup(archive: Archive, secret: string | undefined): Promise<OpenedBackup> {
  const encrypted = archive.has('key.json')
  const key = encrypted ? await keyOf(archive, secret) : undefined
  const name = encrypted ? `manifest.json${ENCRYPTED}` : 'manifest.json'
  const stored = await archive.whole(name, mostManifestBytes)
  const noted = (await archive.whole('manifest.sha256', 1000)).toString('latin1')
  if (noted !== `${createHash('sha256').update(stored).digest('hex')}  ${name}\n`) {
    throw backupError('backup_damaged', 'The backup is damaged: its list of contents has another checksum')
  }
  const manifest = parseManifest(key ? await decrypted(key, stored) : stored.toString('utf8'))
  const byName = new Map(manifest.parts.map((each) => [each.name, each]))
  return {
    manifest,
    encrypted,
    archive,
    read(wanted) {
      const stored = encrypted ? wanted + ENCRYPTED : wanted
      const found = byName.get(stored)
      if (!found) throw backupError('not_a_backup', `The list of contents does not name ${wanted}`)
      if (found.bytes !== archive.bytes(stored)) {
        throw backupError('backup_damaged', `${wanted} in the backup has another size than is noted`)
      }
      const bytes = archive.read(stored, found.sha256)
      return key ? key.decrypt(wanted, bytes) : bytes
    },
  }
}

async function keyOf(archive: Archive, secret: string | undefined): Promise<BackupKey> {
  if (secret === undefined) {
    throw backupError('key_missing', 'The backup is encrypted: set BACKUP_KEY or BACKUP_KEY_FILE to its key')
  }
  const info = keyInfoSchema.safeParse(parseJson((await archive.whole('key.json', 4096)).toString('utf8')))
  if (!info.success)
    throw backupError('not_a_backup', 'This is no backup of Holdfast: its key.json is another')
  return openKey(secret, info.data)
}

async function decrypted(key: BackupKey, stored: Buffer): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of key.decrypt(
    'manifest.json',
    (async function* () {
      yield stored
    })(),
  ))
    chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function parseManifest(text: string): Manifest {
  const json = parseJson(text)
  const format = z.object({ product: z.literal('holdfast'), format: z.number() }).safeParse(json)
  if (!format.success)
    throw backupError('not_a_backup', 'This is no backup of Holdfast: its list of contents is another')
  if (format.data.format > FORMAT) {
    throw backupError('backup_newer', 'The backup was made by a newer version of Holdfast: install that one')
  }
  const parsed = manifestSchema.safeParse(json)
  if (!parsed.success) {
    throw backupError('not_a_backup', 'This is no backup of Holdfast: its list of contents is not complete')
  }
  return parsed.data
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Whatever it is, it fits no schema.
    return undefined
  }
}

/** Rows in it, over all tables. */
export function rowsOf({ postgres, sqlite }: Manifest): number {
  return [...(postgres?.tables ?? []), ...(sqlite?.tables ?? [])].reduce((sum, { rows }) => sum + rows, 0)
}

/** Domains whose truth is in each store, counted. */
export function domainsOf({ placements }: Manifest): { sqlite: number; postgres: number } {
  const known = placements.filter(({ domain }) => domainNames.some((name) => name === domain))
  const sqlite = known.filter(({ placement }) => placement === 'sqlite').length
  return { sqlite, postgres: known.length - sqlite }
}
