import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type Check, info, ok, warning } from '../check.ts'

const run = promisify(execFile)
const LIMIT_MS = 5_000

/** Backups of PostgreSQL are made by its own programs, which must not be older than the server. */
export const toolsCheck: Check = {
  id: 'backups.tools',
  category: 'backups',
  title: 'the programs that make backups',
  async run({ stores, env }) {
    if (stores.postgres.state === 'absent') return []
    const server =
      stores.postgres.state === 'there'
        ? await stores.postgres.store.db.queryOne<{ version: number }>(
            `SELECT current_setting('server_version_num')::INTEGER / 10000 AS version`,
          )
        : undefined
    const found = await Promise.all(
      ['pg_dump', 'pg_restore'].map(async (program) => ({
        program,
        version: await versionOf(program, env.PATH),
      })),
    )
    return found.map(({ program: subject, version }) => {
      if (version === undefined) {
        return warning('backups.no-tool', 'A program for backups of PostgreSQL is missing', {
          subject,
          seen: 'It is not on the PATH',
          fix: `Install the client of PostgreSQL ${server?.version ?? 17} or later.`,
          command: `apt-get install postgresql-client-${server?.version ?? 17}`,
        })
      }
      const major = Number.parseInt(version, 10)
      if (server && major < server.version) {
        return warning('backups.old-tool', 'A program for backups is older than the server', {
          subject,
          seen: `${version}, and the server is ${server.version}: it refuses to dump it`,
          fix: `Install the client of PostgreSQL ${server.version} or later.`,
          command: `apt-get install postgresql-client-${server.version}`,
        })
      }
      if (!server) return info('backups.tool', 'A program for backups is there', { subject, seen: version })
      return ok('backups.tool', 'A program for backups is there, and fits the server', {
        subject,
        seen: version,
      })
    })
  },
}

/** Undefined when there is no such program. */
async function versionOf(program: string, path: string | undefined): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, ['--version'], { timeout: LIMIT_MS, env: { PATH: path } })
    return /\d+(\.\d+)*/.exec(stdout)?.[0] ?? stdout.trim()
  } catch (reason) {
    if (reason instanceof Error && 'code' in reason && reason.code === 'ENOENT') return undefined
    throw reason
  }
}
