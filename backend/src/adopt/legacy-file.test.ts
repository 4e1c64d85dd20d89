import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLegacyDatabase, makeEarly, put } from '../../test/legacy-database.ts'
import { fillLegacy } from '../../test/legacy-rows.ts'
import { loadSqlite } from '../db/sqlite-driver.ts'
import { openLegacyFile } from './legacy-file.ts'
import { readLegacyHistory } from './legacy-migrations.ts'

const Database = await loadSqlite()

let folder: string
let work: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-legacy-'))
  work = join(folder, 'work')
  mkdirSync(work)
  mkdirSync(join(folder, 'old'))
  path = join(folder, 'old', 'dashboard.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const contents = () =>
  readdirSync(join(folder, 'old')).map((name) => [
    name,
    readFileSync(join(folder, 'old', name)).toString('base64'),
  ])

/** Titles of the insights that the copy has. */
async function titles(file = path): Promise<string[]> {
  const legacy = await openLegacyFile(file, work)
  try {
    const rows = await legacy.store.db.query<{ title: string }>('SELECT title FROM insights ORDER BY id')
    return rows.map((row) => row.title)
  } finally {
    await legacy.close()
  }
}

const insight = (id: string) => ({ id, severity: 'info', category: 'c', title: id, description: 'd' })

describe('openLegacyFile', () => {
  it('takes what is only in the write-ahead log along, and changes nothing', async () => {
    const db = createLegacyDatabase(path)
    db.pragma('wal_autocheckpoint = 0')
    put(db, 'insights', insight('in the log'))
    const before = contents()
    expect(before.map(([name]) => name)).toContain('dashboard.db-wal')
    expect(await titles()).toEqual(['in the log'])
    expect(contents()).toEqual(before)
    db.close()
  })

  it('finds the log of the file that a link leads to', async () => {
    const db = createLegacyDatabase(path)
    db.pragma('wal_autocheckpoint = 0')
    put(db, 'insights', insight('in the log'))
    const link = join(folder, 'link.db')
    symlinkSync(path, link)
    expect(await titles(link)).toEqual(['in the log'])
    db.close()
  })

  it('leaves out what was not committed, in both ways of writing', async () => {
    for (const mode of ['wal', 'delete']) {
      rmSync(join(folder, 'old'), { recursive: true })
      mkdirSync(join(folder, 'old'))
      const db = createLegacyDatabase(path)
      db.pragma(`journal_mode = ${mode}`)
      db.transaction(() => {
        for (let i = 0; i < 300; i++)
          put(db, 'insights', { ...insight(`kept ${i}`), description: 'x'.repeat(4000) })
      })()
      db.pragma('wal_checkpoint(TRUNCATE)')
      db.pragma('cache_size = 2')
      db.exec('BEGIN')
      // More than the cache holds: pages of the open transaction are in the file or its log already.
      db.exec(`UPDATE insights SET title = 'lost', description = description || 'y'`)
      expect(existsSync(`${path}${mode === 'wal' ? '-wal' : '-journal'}`)).toBe(true)
      expect(await titles()).not.toContain('lost')
      db.exec('ROLLBACK')
      db.close()
    }
  })

  it('tells tables, versions and rows', async () => {
    const db = createLegacyDatabase(path)
    fillLegacy(db)
    makeEarly(db)
    put(db, '_migrations', { name: '055_from_the_future.sql' })
    db.close()
    const legacy = await openLegacyFile(path, work)
    expect(legacy.tables.get('users')).toEqual({
      columns: ['id', 'username', 'password_hash', 'role', 'created_at', 'updated_at'],
      rows: 3,
    })
    expect(legacy.tables.has('mcp_servers')).toBe(false)
    expect(legacy.tables.has('_migrations')).toBe(false)
    expect(legacy.history).toMatchObject({
      latest: '015_users',
      formerNames: ['012_users.sql', '012_incidents.sql'],
      unknown: ['055_from_the_future.sql'],
      missing: 34,
    })
    await legacy.close()
  })

  it.each([
    ['an empty file', Buffer.alloc(0), 'an empty file'],
    ['a packed file', gzipSync('x'), 'packed with gzip'],
    ['a dump', Buffer.from('PGDMP\x01\x0e'), 'a dump of PostgreSQL'],
    ['SQL', Buffer.from('-- dump\nCREATE TABLE'), 'SQL text'],
    ['BoltDB', Buffer.concat([Buffer.alloc(16), Buffer.from([0xed, 0xda, 0x0c, 0xed])]), 'Portainer'],
    ['a picture', Buffer.from('\x89PNG....................'), 'the first bytes are not those of SQLite'],
  ])('says that %s is none', async (_, bytes, words) => {
    writeFileSync(path, bytes)
    await expect(openLegacyFile(path, work)).rejects.toThrow(words)
  })

  it('says what else a SQLite file is', async () => {
    const db = new Database(path)
    db.exec('CREATE TABLE heartbeat (id INTEGER); CREATE TABLE monitor (id INTEGER)')
    db.close()
    await expect(openLegacyFile(path, work)).rejects.toMatchObject({
      kind: 'foreign',
      message: expect.stringContaining('Its tables are heartbeat, monitor.'),
    })
    const own = new Database(join(folder, 'holdfast.db'))
    own.exec('CREATE TABLE _installation (id TEXT)')
    own.close()
    await expect(openLegacyFile(own.name, work)).rejects.toThrow('a database of Holdfast itself')
    await expect(openLegacyFile(join(folder, 'old'), work)).rejects.toThrow('is a folder')
    await expect(openLegacyFile(join(folder, 'none.db'), work)).rejects.toMatchObject({ kind: 'missing' })
  })

  it('says that a damaged file is one', async () => {
    const db = createLegacyDatabase(path)
    fillLegacy(db)
    db.pragma('journal_mode = DELETE')
    db.close()
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.fill(7, 8192, 40_000))
    await expect(openLegacyFile(path, work)).rejects.toMatchObject({
      kind: 'corrupt',
      message: expect.stringContaining('.recover'),
    })
  })
})

describe('readLegacyHistory', () => {
  it('takes a step once, under whichever name', () => {
    const history = readLegacyHistory([
      '026_prompt_profiles.sql',
      '032_prompt_profiles.sql',
      '041_oidc_group_mapping.sql',
    ])
    expect([...history.steps]).toEqual(['prompt_profiles', 'oidc_group_mapping'])
    expect(history).toMatchObject({
      latest: '041_oidc_group_mapping',
      missing: 39,
      formerNames: ['026_prompt_profiles.sql'],
    })
  })

  it('does not take a step for another that had its number', () => {
    expect(
      readLegacyHistory(['026_pcap_analysis.sql', '012_users.sql', '012_monitoring_telemetry.sql']),
    ).toMatchObject({
      formerNames: ['012_users.sql'],
      unknown: [],
    })
    expect(readLegacyHistory(['011_audit_log.sql']).unknown).toEqual(['011_audit_log.sql'])
  })
})
