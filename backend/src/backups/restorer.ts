import { isDbError } from '../db/db-errors.ts'
import { giveAway, linkToAny, type PgFacts, type PgLink, withLink } from '../db/snapshot/index.ts'
import { backupError } from './backup-error.ts'
import type { BackupPlace } from './engine.ts'

/** What of a backup decides who may restore it. */
type Contents = Pick<PgFacts, 'extensions' | 'hypertables'>

/** Who makes and fills the database of a restore. */
export interface Restorer {
  /** Of the server, with the user that restores. */
  readonly url: string
  /** Whom everything is given to afterwards; undefined: the user that restores keeps it. */
  readonly owner: string | undefined
}

/**
 * The product's own user, or the one of POSTGRES_ADMIN_URL for what that user may not restore.
 *
 * @param link of the product's user, to any database of the server.
 * @param entrances databases to connect to.
 * @throws AppError `rights_missing` with the setting or the role to change.
 */
export async function findRestorer(
  place: Pick<BackupPlace, 'adminUrl'>,
  own: { readonly url: string; readonly link: PgLink; readonly entrances: readonly string[] },
  contents: Contents,
): Promise<Restorer> {
  const { url, link, entrances } = own
  const beyond = await beyondUsers(link, contents)
  const [role] = await link.query<{ name: string; superuser: boolean }>(
    'SELECT r.rolname AS name, r.rolsuper AS superuser FROM pg_roles AS r WHERE r.rolname = current_user',
  )
  if (beyond.length === 0 || !role || role.superuser) return { url, owner: undefined }
  if (place.adminUrl === undefined) {
    throw backupError(
      'rights_missing',
      `${beyond.join(', ')}: nobody but a superuser may restore that, and ${role.name} is none: set POSTGRES_ADMIN_URL to ` +
        'one of the same server, who is used for that alone',
    )
  }
  await assertSameServer(link, place.adminUrl, entrances)
  return { url: place.adminUrl, owner: role.name }
}

/** What a user who owns a database may not restore into it, by name. */
async function beyondUsers(link: PgLink, { extensions, hypertables }: Contents): Promise<string[]> {
  const guarded = await link.texts(`
    SELECT v.name FROM pg_available_extension_versions AS v
    GROUP BY v.name HAVING bool_and(v.superuser AND NOT v.trusted) ORDER BY v.name
  `)
  const names = new Set(guarded.map(([name]) => name))
  return [
    ...(hypertables ? ['hypertables of TimescaleDB'] : []),
    ...extensions.filter(({ name }) => names.has(name)).map(({ name }) => `the extension ${name}`),
  ]
}

async function assertSameServer(link: PgLink, adminUrl: string, entrances: readonly string[]): Promise<void> {
  const started = 'SELECT pg_postmaster_start_time()::text'
  let there: (string | null)[][]
  try {
    const { link: admin } = await linkToAny(adminUrl, entrances)
    there = await admin.texts(started).finally(() => admin.close())
  } catch (cause) {
    if (!isDbError(cause)) throw cause
    const reason = cause.message.replaceAll('POSTGRES_APP_URL', 'POSTGRES_ADMIN_URL')
    throw backupError('rights_missing', `POSTGRES_ADMIN_URL cannot be used: ${reason}`, { cause })
  }
  const [here] = await link.texts(started)
  if (here?.[0] !== there[0]?.[0]) {
    throw backupError(
      'rights_missing',
      'POSTGRES_ADMIN_URL leads to another server than POSTGRES_APP_URL: set it to a superuser of the same one',
    )
  }
}

/**
 * In one transaction, for the end of which the jobs wait that the first statement starts: retention would otherwise delete
 * what is to be compared. They begin once the database has its place.
 */
const AFTER_RESTORE =
  'SELECT timescaledb_post_restore(); SELECT _timescaledb_functions.stop_background_workers()'

/**
 * Fills an empty database: extensions come first; TimescaleDB is told before and after, and must be of the very version.
 *
 * @param restore brings the rest in.
 */
export async function fillDatabase(
  url: string,
  contents: Contents,
  owner: string | undefined,
  restore: () => Promise<void>,
): Promise<void> {
  const { hypertables } = contents
  await withLink(url, (link) => makeExtensions(link, contents))
  // On connections of their own: the extension wants a fresh one after it was made.
  if (hypertables) await withLink(url, prepareTimescale)
  await restore()
  if (owner !== undefined) await withLink(url, (link) => giveAway(link, owner))
  if (hypertables) await withLink(url, (link) => link.script(AFTER_RESTORE))
}

/** Whether the very version is needed: hypertables are noted in a catalog that differs from one to the next. */
export const isExact = (extension: string, { hypertables }: Contents): boolean =>
  extension === 'timescaledb' && hypertables

async function makeExtensions(link: PgLink, contents: Contents): Promise<void> {
  for (const { name, version } of contents.extensions) {
    const exact = isExact(name, contents) ? ` VERSION '${version.replaceAll("'", "''")}'` : ''
    try {
      await link.script(`CREATE EXTENSION IF NOT EXISTS "${name.replaceAll('"', '""')}"${exact}`)
    } catch (cause) {
      if (!isDbError(cause)) throw cause
      throw backupError(
        'extension_missing',
        `The extension ${name} of the backup cannot be made in a new database: ${cause.message}`,
        { cause },
      )
    }
  }
}

async function prepareTimescale(link: PgLink): Promise<void> {
  try {
    await link.script('SELECT timescaledb_pre_restore()')
  } catch (cause) {
    if (!isDbError(cause) || cause.engineCode !== '42501') throw cause
    throw backupError(
      'rights_missing',
      'TimescaleDB lets nobody but a superuser restore: set POSTGRES_ADMIN_URL to one of the same server',
      { cause },
    )
  }
}
