import { execFile, spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { getPriority, setPriority } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Pace } from '../db/snapshot/index.ts'
import { backupError, hasCode } from './backup-error.ts'
import { steerPace } from './steered-pace.ts'

const run = promisify(execFile)
/** Where Debian, Red Hat and Homebrew put every version beside the others. */
const VERSIONED = ['/usr/lib/postgresql', '/usr/pgsql', '/opt/homebrew/opt', '/usr/local/opt']
const mostErrorText = 4_000
/** Whoever answers requests goes first, and on a machine that is never idle there is still a tenth. */
const NICER_BY = 10
const NICEST = 19
/** Settings of the sessions of a pg_restore that others are not to notice: one process, no waiting for the disk. */
const GENTLE = '-c max_parallel_maintenance_workers=0 -c synchronous_commit=off'

/** What their sessions call themselves. */
const PROGRAM = 'holdfast backup'
/** Of a dump, compressed: what is handed to pg_restore at once, a few milliseconds of the server's work. */
const PIECE = 8 * 1024

/** `pg_dump` and `pg_restore` of one version. */
export interface PgTools {
  readonly dump: string
  readonly restore: string
  readonly version: string
  readonly major: number
}

/**
 * The newest of PostgreSQL's programs on this machine, or those in `folder`.
 *
 * @param atLeast version of the server: older programs cannot read it.
 * @throws AppError `pg_tools_missing`, `pg_tools_too_old`.
 */
export async function findPgTools(folder: string | undefined, atLeast: number): Promise<PgTools> {
  const found = (await Promise.all((await foldersOf(folder)).map(toolsIn))).filter(
    (each) => each !== undefined,
  )
  const newest = found.toSorted((a, b) => b.major - a.major)[0]
  if (!newest) {
    throw backupError(
      'pg_tools_missing',
      folder === undefined
        ? `pg_dump and pg_restore are not installed: install postgresql-client-${atLeast}, or set POSTGRES_TOOLS_DIR to their folder`
        : `There are no pg_dump and pg_restore in ${folder}: correct POSTGRES_TOOLS_DIR`,
    )
  }
  if (newest.major < atLeast) {
    throw backupError(
      'pg_tools_too_old',
      `pg_dump ${newest.version} is older than PostgreSQL ${atLeast}: install postgresql-client-${atLeast}, or set ` +
        'POSTGRES_TOOLS_DIR to the folder of newer ones',
    )
  }
  return newest
}

/** Undefined: on the PATH. */
async function foldersOf(folder: string | undefined): Promise<(string | undefined)[]> {
  if (folder !== undefined) return [folder]
  const versioned = await Promise.all(VERSIONED.map(versionsIn))
  return [...versioned.flat(), undefined]
}

async function versionsIn(parent: string): Promise<string[]> {
  try {
    return (await readdir(parent))
      .filter((name) => /^(postgresql@)?\d+$/.test(name))
      .map((name) => join(parent, name, 'bin'))
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR') || hasCode(error, 'EACCES')) return []
    throw error
  }
}

async function toolsIn(folder: string | undefined): Promise<PgTools | undefined> {
  const dump = folder === undefined ? 'pg_dump' : join(folder, 'pg_dump')
  const restore = folder === undefined ? 'pg_restore' : join(folder, 'pg_restore')
  try {
    const [{ stdout }, other] = await Promise.all([run(dump, ['--version']), run(restore, ['--version'])])
    const version = versionOf(stdout)
    if (version === undefined || versionOf(other.stdout) !== version) return undefined
    return { dump, restore, version, major: Number.parseInt(version, 10) }
  } catch (error) {
    // Not there, not for us, or not for this machine: as good as none.
    if (error instanceof Error) return undefined
    throw error
  }
}

const versionOf = (text: string) => /\(PostgreSQL\) (\d+(?:\.\d+)*)/.exec(text)?.[1]

export interface DumpOptions {
  /** Of a session that holds it while the dump runs. */
  readonly snapshot: string
  readonly excludeSchemas: readonly string[]
  /** False: what TimescaleDB notes of itself, which only a superuser could restore, is left out. */
  readonly timescale: boolean
  /** It gives way to whatever else the machine has to do. */
  readonly pace?: Pace | undefined
  readonly signal: AbortSignal
}

/** A database in pg_dump's own format, piece by piece. @throws AppError `pg_tools_failed` at its end. */
export async function* dumpDatabase(
  tools: PgTools,
  url: string,
  options: DumpOptions,
): AsyncGenerator<Buffer> {
  const pace = options.pace && (await steerPace(options.pace, url, PROGRAM))
  const exclude = options.excludeSchemas.map((schema) => `--exclude-schema="${schema.replaceAll('"', '""')}"`)
  const child = spawn(
    tools.dump,
    [
      '--format=custom',
      // A third of the time of the usual 6 for a seventh more of bytes.
      '--compress=1',
      '--no-owner',
      '--no-privileges',
      '--no-comments',
      '--no-password',
      `--snapshot=${options.snapshot}`,
      '--lock-wait-timeout=60s',
      ...exclude,
      ...(options.timescale ? [] : ['--exclude-schema=_timescaledb_*']),
    ],
    { env: libpqEnv(url), stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const ended = endOf('pg_dump', child)
  if (pace) giveWay(child)
  const stop = () => child.kill('SIGTERM')
  options.signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const chunk of child.stdout) {
      yield chunk
      await pace?.rest()
    }
    await ended
  } catch (error) {
    options.signal.throwIfAborted()
    throw error
  } finally {
    options.signal.removeEventListener('abort', stop)
    child.kill('SIGTERM')
    await ended.catch(() => undefined) // told already, or of no interest to whoever stopped reading
    await pace?.close()
  }
}

/** From 17 on pg_restore sets a parameter that older servers refuse, and has no option against it. */
const NEW_PARAMETER = { since: 17, words: 'Command was: SET transaction_timeout = 0;' } as const
const onlyNewParameter = (said: string) =>
  said.includes(NEW_PARAMETER.words) && /errors ignored on restore: 1$/.test(said)

export interface PgRestoreOptions {
  /** Major version of the server. */
  readonly server: number
  readonly signal: AbortSignal
  /** It gives way to whatever else the machine has to do. */
  readonly pace?: Pace | undefined
}

/** Fills the empty database of `url`. @throws AppError `pg_tools_failed`, or what `source` throws. */
export async function restoreDatabase(
  tools: PgTools,
  url: string,
  source: AsyncIterable<Buffer>,
  options: PgRestoreOptions,
): Promise<void> {
  const { server, signal } = options
  const pace = options.pace && (await steerPace(options.pace, url, PROGRAM))
  const env = libpqEnv(url, pace ? GENTLE : '')
  const refused = tools.major >= NEW_PARAMETER.since && server < NEW_PARAMETER.since
  const child = spawn(
    tools.restore,
    [
      '--no-owner',
      '--no-privileges',
      ...(refused ? [] : ['--exit-on-error']),
      '--no-password',
      `--dbname=${conninfoOf(env)}`,
    ],
    { env, stdio: ['pipe', 'ignore', 'pipe'] },
  )
  const ended = endOf('pg_restore', child, refused ? onlyNewParameter : undefined)
  if (pace) giveWay(child)
  const stop = () => child.kill('SIGTERM')
  signal.addEventListener('abort', stop, { once: true })
  try {
    const over = ended.catch(() => undefined) // told at the end
    let broken = false
    // Its own words follow at its end and say more.
    child.stdin.on('error', () => {
      broken = true
    })
    for await (const piece of pace ? inPieces(source) : source) {
      if (broken || child.exitCode !== null) break
      if (!child.stdin.write(piece)) {
        const drained = new Promise((resolve) => child.stdin.once('drain', resolve))
        await Promise.race([drained, over])
      }
      await pace?.rest()
    }
    child.stdin.end()
    await pace?.restBetweenStatements(over)
    await ended
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    child.kill('SIGTERM')
    await ended.catch(() => undefined) // told already
    await pace?.close()
  }
}

async function* inPieces(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += PIECE) yield chunk.subarray(at, at + PIECE)
  }
}

/** A process that has ended, or a system that lets nobody do so, is no reason not to go on. */
function giveWay({ pid }: ReturnType<typeof spawn>): void {
  try {
    if (pid !== undefined) setPriority(pid, Math.min(NICEST, getPriority() + NICER_BY))
  } catch (error) {
    if (!hasCode(error, 'ERR_SYSTEM_ERROR')) throw error
  }
}

/** Only the name: everything else, the password too, is in the environment. */
const conninfoOf = (env: NodeJS.ProcessEnv) =>
  `dbname='${(env.PGDATABASE ?? '').replaceAll(/['\\]/g, '\\$&')}'`

/** @param harmless whether what it said with exit code 1 is no failure. */
function endOf(
  name: string,
  child: ReturnType<typeof spawn>,
  harmless?: (said: string) => boolean,
): Promise<void> {
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('utf8')).slice(-mostErrorText)
  })
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (cause) => reject(backupError('pg_tools_failed', `${name} cannot be run`, { cause })))
    child.once('close', (code, signal) => {
      if (code === 0 || (code === 1 && harmless?.(text.trim()))) resolve()
      else {
        const said = text.trim() || `it ended with ${code ?? signal}`
        const full = /No space left on device|disk full|could not extend file/i.test(said)
        reject(
          full
            ? backupError(
                'disk_full',
                `The disk of PostgreSQL is full: free space there. ${name} said: ${said}`,
              )
            : backupError('pg_tools_failed', `${name} failed: ${said}`),
        )
      }
    })
  })
  ended.catch(() => undefined) // whoever waits for it gets the error
  return ended
}

/** What libpq calls the parameters of a connection string. The password is never on a command line. */
function libpqEnv(text: string, settings = ''): NodeJS.ProcessEnv {
  const url = new URL(text)
  const given = (name: string) => url.searchParams.get(name) ?? undefined
  const host = given('host') ?? decodeURIComponent(url.hostname.replace(/^\[|\]$/g, ''))
  // What node-postgres calls require is libpq's verify-full, and its no-verify is libpq's require.
  const sslmode = given('sslmode')
  const values: Readonly<Record<string, string | undefined>> = {
    PGHOST: host || undefined,
    PGPORT: url.port || given('port'),
    PGUSER: decodeURIComponent(url.username) || given('user'),
    PGPASSWORD: decodeURIComponent(url.password) || given('password'),
    PGDATABASE: decodeURIComponent(url.pathname.slice(1)) || given('dbname'),
    PGSSLMODE: sslmode === 'no-verify' ? 'require' : sslmode,
    PGSSLROOTCERT: given('sslrootcert'),
    PGSSLCERT: given('sslcert'),
    PGSSLKEY: given('sslkey'),
    PGOPTIONS: `${given('options') ?? ''} ${settings}`.trim() || undefined,
    PGAPPNAME: PROGRAM,
    PGCONNECT_TIMEOUT: '10',
    LC_ALL: 'C.UTF-8',
    // Debian's pg_dump is a script that finds the real one by these.
    // biome-ignore lint/style/noProcessEnv: a child gets them as they are
    PATH: process.env.PATH,
    // biome-ignore lint/style/noProcessEnv: a child gets it as it is
    HOME: process.env.HOME,
  }
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
