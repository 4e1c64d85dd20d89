import { randomBytes } from 'node:crypto'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openDatabase } from '../../test/databases.ts'
import { findings, storesOf, withFolder, wrong } from '../../test/doctor.ts'
import { loadConfig } from '../core/config/config.ts'
import { backupChecks } from './checks/backups.check.ts'

const DAY_MS = 86_400_000
const NAME = 'holdfast-2026-01-31T03-15-00-000Z.tar'

describe('backups', () => {
  const look = (folder: string, laterMs = 0) =>
    findings(backupChecks, {
      config: loadConfig({ DATA_DIR: folder }),
      now: () => new Date(Date.now() + laterMs),
    })

  it('are missed once the installation is some days old', async () => {
    const database = await openDatabase('sqlite', { migrated: true })
    await withFolder(async (folder) => {
      const missed = (laterMs: number) =>
        findings(backupChecks, {
          config: loadConfig({ DATA_DIR: folder }),
          stores: storesOf(database),
          now: () => new Date(Date.now() + laterMs),
        })
      expect((await missed(0)).map(({ severity, id }) => `${severity} ${id}`)).toEqual(['info backups.none'])
      expect(wrong(await missed(3 * DAY_MS))).toEqual(['warning backups.none'])
    })
    await database.close()
  })

  it('that are old, broken or were never proved are told of', () =>
    withFolder(async (folder) => {
      const backups = join(folder, 'backups')
      mkdirSync(backups)
      const path = join(backups, NAME)
      writeFileSync(path, 'bytes')
      expect((await look(folder)).map(({ id }) => id)).toEqual(['backups.same-disk', 'backups.unproved'])
      expect(wrong(await look(folder, 9 * DAY_MS))).toEqual(['warning backups.old'])
      const at = new Date(Math.floor(Date.now() / 1000) * 1000)
      utimesSync(path, at, at)
      const note = { bytes: 5, modifiedMs: at.getTime(), encrypted: false, manifest: null, problem: null }
      const write = (proved: { provedAt: string | null; proveProblem: string | null }) =>
        writeFileSync(join(backups, `${NAME}.note.json`), JSON.stringify({ ...note, ...proved }))
      write({ provedAt: null, proveProblem: '3 rows differ' })
      expect(wrong(await look(folder))).toEqual(['error backups.broken'])
      write({ provedAt: at.toISOString(), proveProblem: null })
      expect((await look(folder)).map(({ id }) => id)).toEqual(['backups.same-disk', 'backups.fresh'])
    }))
})

describe('programs for backups', () => {
  it('are missed, or too old, or fit the server', async () => {
    const database = await openDatabase('postgres')
    await withFolder(async (folder) => {
      const look = (version?: string) => {
        if (version) {
          for (const program of ['pg_dump', 'pg_restore'])
            writeFileSync(join(folder, program), `#!/bin/sh\necho "${program} (PostgreSQL) ${version}"\n`, {
              mode: 0o755,
            })
        }
        const config = loadConfig({ DATA_DIR: folder, POSTGRES_TOOLS_DIR: folder })
        return findings(backupChecks, { config, stores: storesOf(database) })
      }
      expect(wrong(await look())).toEqual(['warning backups.tools'])
      const old = await look('12.4')
      expect(wrong(old)).toEqual(['warning backups.tools'])
      expect(old.find(({ id }) => id === 'backups.tools')?.seen).toContain('12.4 is older than PostgreSQL 17')
      expect(wrong(await look('99.1'))).toEqual([])
    })
    await database.close()
  })
})

describe('who may restore backups', () => {
  it('is nobody where the database has what only a superuser makes, until one is named', async () => {
    const database = await openDatabase('postgres')
    const role = `doctor_${randomBytes(4).toString('hex')}`
    await database.store.transaction((tx) =>
      tx.execScript(`CREATE ROLE ${role} LOGIN PASSWORD 'own'; CREATE EXTENSION pg_stat_statements`),
    )
    try {
      const url = new URL(database.location)
      url.username = role
      url.password = 'own'
      const look = async (postgresAdminUrl: string | undefined) => {
        const config = { ...loadConfig({ DATA_DIR: tmpdir() }), postgresAppUrl: url.href, postgresAdminUrl }
        const found = await findings(backupChecks, { config, stores: storesOf(database) })
        return found.find(({ id }) => id === 'backups.restorer')
      }
      expect(await look(undefined)).toMatchObject({
        severity: 'warning',
        seen: expect.stringContaining('the extension pg_stat_statements'),
        fix: expect.stringContaining('POSTGRES_ADMIN_URL'),
      })
      expect(await look(database.location)).toMatchObject({ severity: 'ok' })
    } finally {
      await database.db.execute(`DROP ROLE ${role}`)
      await database.close()
    }
  })
})
