import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { MigrationError } from './migration-error.ts'

/** Which folder a migration comes from: the twins of each engine, and what TimescaleDB adds to a PostgreSQL twin. */
export type MigrationFolder = 'sqlite' | 'pg' | 'timescale'

export interface MigrationFile {
  readonly number: number
  /** As recorded in `_app_migrations`: `021_metrics.sql`, or `timescale/021_metrics.sql`. */
  readonly name: string
  readonly sql: string
  /** SHA-256 of the text with LF line ends: a checkout with CRLF is no changed history. */
  readonly checksum: string
}

const migrationsRoot = new URL('./', import.meta.url)

/**
 * The migrations of `folder` in order. Numbers may have gaps, but never occur twice.
 *
 * @param root the folder that holds `sqlite-migrations` and its siblings.
 * @throws MigrationError when the folder cannot be read or a file is misnamed.
 */
export function readMigrations(folder: MigrationFolder, root: URL = migrationsRoot): MigrationFile[] {
  const directory = new URL(`${folder}-migrations/`, root)
  const files = listFolder(directory).map((fileName) => {
    const number = /^(\d{3})_[a-z0-9_]+\.sql$/.exec(fileName)?.[1]
    if (number === undefined) {
      throw new MigrationError('bad-file', fileName, `${fileName} is not named like 001_spans.sql`)
    }
    const sql = readFileSync(new URL(fileName, directory), 'utf8').replaceAll('\r\n', '\n')
    const name = folder === 'timescale' ? `timescale/${fileName}` : fileName
    return { number: Number(number), name, sql, checksum: sha256(sql) }
  })
  files.forEach((file, index) => {
    if (files[index - 1]?.number === file.number) {
      throw new MigrationError('bad-file', file.name, `${file.name} has the number of the file before it`)
    }
  })
  return files
}

function listFolder(directory: URL): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith('.sql'))
      .sort()
  } catch (cause) {
    const text = `The migrations in ${directory.pathname} cannot be read: is the installation complete?`
    throw new MigrationError('bad-file', directory.pathname, text, { cause })
  }
}

/** The chain value of a file: it stands for the file and every one before it. */
export function chainOf(previous: string, file: MigrationFile): string {
  return sha256(`${previous}${file.sql}`)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
