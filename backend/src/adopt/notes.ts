import type { AppDbSession } from '../db/app-db.ts'
import { type DomainSpec, domains } from '../db/domains.ts'
import { retentionSettings } from '../settings/index.ts'
import type { LegacyFile } from './legacy-file.ts'

/** A sign-in takes no longer name. */
const LONGEST_NAME = 200
const DAY_MS = 86_400_000

/** What an operator should know that no row says. */
export async function notesOn(file: LegacyFile, now: Date): Promise<string[]> {
  const notes = await retentionNotes(file, now)
  const { db } = file.store
  const count = (sql: string) => countOf(db, sql)

  if (has(file, 'sessions') && (await count('SELECT count(*) AS rows FROM sessions')) > 0) {
    notes.push(
      'Everybody signs in again, with the same password: the older dashboard signed its sessions with a key outside ' +
        'of its database and kept no hash of what a browser holds, so its sessions (of an hour) are a record only.',
    )
  }
  if (has(file, 'users')) {
    const elsewhere = await count(`SELECT count(*) AS rows FROM users WHERE password_hash NOT LIKE '$2_$%'`)
    if (elsewhere > 0) {
      notes.push(
        `Users without a password, because they signed in through a provider: ${elsewhere}. An admin gives them one.`,
      )
    }
    const long = await count(`SELECT count(*) AS rows FROM users WHERE length(username) > ${LONGEST_NAME}`)
    if (long > 0)
      notes.push(
        `Users whose names have more than ${LONGEST_NAME} characters, so that they cannot sign in: ${long}.`,
      )
  }
  if (has(file, 'settings')) {
    const secrets = await count(
      `SELECT count(*) AS rows FROM settings
       WHERE value <> '' AND (key LIKE '%password' OR key LIKE '%token' OR key LIKE '%secret' OR key LIKE '%api_key')`,
    )
    if (secrets > 0) {
      notes.push(
        `Secrets in clear text among the settings, as the older dashboard kept them: ${secrets}. They are in its file, too: ` +
          'delete it when you no longer need it.',
      )
    }
  }
  if (has(file, 'pcap_captures')) {
    const captures = await count('SELECT count(*) AS rows FROM pcap_captures WHERE capture_file IS NOT NULL')
    if (captures > 0)
      notes.push(`Packet captures whose files are not in the database and stay where they are: ${captures}.`)
  }
  const { unknown } = file.history
  if (unknown.length > 0) {
    notes.push(
      `Migrations that no known version has, whose changes may not be understood: ${unknown.join(', ')}.`,
    )
  }
  return notes
}

/** Old rows do not outlive the first day unless somebody wants them to. */
async function retentionNotes(file: LegacyFile, now: Date): Promise<string[]> {
  const known = new Set(retentionSettings.map(({ key }) => key))
  const notes: string[] = []
  for (const { retention = [] } of Object.values<DomainSpec>(domains)) {
    for (const { table, column, defaultDays, settingKey } of retention) {
      if (!known.has(settingKey) || !file.tables.get(table)?.columns.includes(column)) continue
      const before = new Date(now.getTime() - defaultDays * DAY_MS).toISOString().slice(0, 10)
      const rows = await countOf(
        file.store.db,
        `SELECT count(*) AS rows FROM ${table} WHERE substr(${column}, 1, 10) < '${before}'`,
      )
      if (rows > 0) {
        notes.push(
          `Rows of ${table} older than ${defaultDays} days: ${rows}. The server deletes them within a day, unless the ` +
            `setting ${settingKey} says otherwise.`,
        )
      }
    }
  }
  return notes
}

const has = (file: LegacyFile, table: string) => file.tables.has(table)

async function countOf(db: AppDbSession, sql: string): Promise<number> {
  return (await db.queryOne<{ rows: number }>(sql))?.rows ?? 0
}
