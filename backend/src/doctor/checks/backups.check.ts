import { stat } from 'node:fs/promises'
import { findPgTools, listFolder, readNote, whoRestores } from '../../backups/index.ts'
import { AppError } from '../../core/errors.ts'
import { type Check, type DoctorContext, error, type Finding, info, ok, warning } from '../check.ts'
import { readMigrationTimes } from '../migration-times.ts'
import { span } from '../words.ts'

const DAY_MS = 86_400_000
/** A daily one that failed once is made up for; a weekly one is late by then. */
const OLD_DAYS = 8
/** Nobody has backups of an installation of yesterday. */
const YOUNG_DAYS = 2

/** Backups of PostgreSQL are made by its own programs, which must not be older than the server. */
const toolsCheck: Check = {
  id: 'backups.tools',
  category: 'backups',
  title: 'the programs that make backups',
  async run({ stores, config }) {
    if (stores.postgres.state === 'absent') return []
    const server =
      stores.postgres.state === 'there'
        ? await stores.postgres.store.db.queryOne<{ version: number }>(
            `SELECT current_setting('server_version_num')::INTEGER / 10000 AS version`,
          )
        : undefined
    try {
      const { version, dump } = await findPgTools(config.postgresToolsDir, server?.version ?? 0)
      return [
        ok('backups.tools', 'pg_dump and pg_restore are there, and fit the server', {
          seen: `${version}: ${dump}`,
        }),
      ]
    } catch (reason) {
      if (!(reason instanceof AppError)) throw reason
      return [
        warning('backups.tools', 'PostgreSQL cannot be backed up', {
          seen: reason.message,
          fix: 'Install the programs of the same version as the server, or a later one:',
          command: `apt-get install postgresql-client-${server?.version ?? 17}`,
        }),
      ]
    }
  },
}

/** A backup that nobody may restore is none, and is not proved either. */
const restorerCheck: Check = {
  id: 'backups.restorer',
  category: 'backups',
  title: 'who may restore backups',
  async run({ stores, config }) {
    const { postgresAppUrl: url, postgresAdminUrl: adminUrl } = config
    if (stores.postgres.state !== 'there' || url === undefined) return []
    try {
      const who = await whoRestores(url, { adminUrl })
      const seen = { user: 'The user of POSTGRES_APP_URL', admin: 'The user of POSTGRES_ADMIN_URL' }[who]
      return [ok('backups.restorer', 'Backups of this database can be filled in again', { seen })]
    } catch (reason) {
      if (!(reason instanceof AppError)) throw reason
      return [
        warning('backups.restorer', 'Backups of this database can neither be proved nor restored', {
          seen: reason.message,
          fix: 'Set POSTGRES_ADMIN_URL (or POSTGRES_ADMIN_URL_FILE) to a superuser of the same server, and start again.',
        }),
      ]
    }
  },
}

/** Whether there is a backup that could be restored today. */
const freshCheck: Check = {
  id: 'backups.fresh',
  category: 'backups',
  title: 'whether there are backups',
  async run(context) {
    const { backupDir: folder, dataDir } = context.config
    const findings: Finding[] = []
    if (!(await exists(folder))) return missing(await ageDays(context), folder)
    const entries = (await listFolder(folder)).filter(({ kind }) => kind === 'backup')
    const newestFirst = entries.toSorted((a, b) => b.modifiedMs - a.modifiedMs)
    const [newest] = newestFirst
    if (!newest) return missing(await ageDays(context), folder)
    const note = await readNote(folder, newest)
    const days = (context.now().getTime() - newest.modifiedMs) / DAY_MS
    const said = { subject: newest.name, seen: `${span(days * 86_400)} old, of ${entries.length}` }
    if (note?.proveProblem || note?.problem) {
      findings.push(
        error('backups.broken', 'The newest backup cannot be restored', {
          subject: newest.name,
          seen: note.proveProblem ?? note.problem?.message ?? '',
          fix: 'Make another one and see whether it is proved.',
        }),
      )
    } else if (days > OLD_DAYS) {
      findings.push(
        warning('backups.old', 'The newest backup is old', {
          ...said,
          fix: 'See on the page Backups why the schedule did not make one.',
        }),
      )
    } else if (!note?.provedAt) {
      findings.push(
        info('backups.unproved', 'The newest backup was not proved', {
          ...said,
          fix: 'Prove it on the page Backups.',
        }),
      )
    } else findings.push(ok('backups.fresh', 'There is a backup that was restored for a try', said))
    if ((await stat(folder)).dev === (await stat(dataDir)).dev) {
      findings.push(
        info('backups.same-disk', 'Backups are on the disk of what they are of', {
          subject: folder,
          fix: 'A disk that dies takes both: set BACKUP_DIR to another one, or copy them elsewhere.',
        }),
      )
    }
    return findings
  },
}

function missing(installationDays: number | undefined, folder: string): Finding[] {
  const say = (installationDays ?? 0) > YOUNG_DAYS ? warning : info
  return [
    say('backups.none', 'There is no backup', {
      subject: folder,
      fix: 'Make one on the page Backups, and let a schedule make them.',
    }),
  ]
}

async function exists(folder: string): Promise<boolean> {
  try {
    await stat(folder)
    return true
  } catch (reason) {
    if (reason instanceof Error && 'code' in reason && reason.code === 'ENOENT') return false
    throw reason
  }
}

/** Since the database was set up. */
async function ageDays({ stores, now }: DoctorContext): Promise<number | undefined> {
  const ages: number[] = []
  for (const access of [stores.sqlite, stores.postgres]) {
    if (access.state !== 'there') continue
    const times = await readMigrationTimes(access.store.db)
    if (times) ages.push((now().getTime() - times.firstMs) / DAY_MS)
  }
  return ages.length === 0 ? undefined : Math.max(...ages)
}

export const backupChecks: readonly Check[] = [toolsCheck, restorerCheck, freshCheck]
