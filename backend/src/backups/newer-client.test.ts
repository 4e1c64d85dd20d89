import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  createInstallation,
  type Installation,
  postgresPrograms,
  startDumpable,
  watch,
} from '../../test/backups.ts'
import type { TestServer } from '../../test/postgres-server.ts'
import { onDatabase, openPgSnapshot, withLink } from '../db/snapshot/index.ts'
import { Archive } from './archive.ts'
import { createBackup } from './create.ts'
import { existing } from './folder.ts'
import { type OpenedBackup, openBackup } from './manifest.ts'
import { type PgTools, restoreDatabase } from './pg-tools.ts'

const refusal = (parameter: string) =>
  `pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "${parameter}"\n` +
  `Command was: SET ${parameter} = 0;\n`

const folder = mkdtempSync(join(tmpdir(), 'holdfast-tools-'))
let server: TestServer
let installation: Installation
let backup: OpenedBackup

beforeAll(async () => {
  server = await startDumpable()
  installation = await createInstallation(server, 'postgres')
  const { place } = installation
  const name = await createBackup(place, 'manual', watch())
  backup = await openBackup(await Archive.open(await existing(place.folder, name)), undefined)
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await installation?.remove()
  await server?.stop()
})

/** The pg_restore of this machine that ends as that of 17 does on an older server. */
function restoreOf17(said: string, errors: number): PgTools {
  const restore = join(folder, 'pg_restore')
  const script = [
    '#!/bin/sh',
    `'${postgresPrograms()}/pg_restore' "$@" || exit`,
    "cat >&2 <<'END'",
    `${said}pg_restore: warning: errors ignored on restore: ${errors}`,
    'END',
    'exit 1',
  ]
  writeFileSync(restore, `${script.join('\n')}\n`, { mode: 0o755 })
  return { dump: 'pg_dump', restore, version: '17.2', major: 17 }
}

/** @param version of the server, as the product knows it. */
async function restored(tools: PgTools, version: number) {
  const name = `${installation.database}_new`
  const url = onDatabase(server.url, name)
  await withLink(server.url, (link) => link.script(`CREATE DATABASE ${name} TEMPLATE template0`))
  try {
    const { signal } = new AbortController()
    await restoreDatabase(tools, url, backup.read('postgres.dump'), { server: version, signal })
    const snapshot = await openPgSnapshot(url)
    return await snapshot.digest().finally(() => snapshot.close())
  } finally {
    await withLink(server.url, (link) => link.script(`DROP DATABASE ${name} WITH (FORCE)`))
  }
}

it('restores into an older server, which refuses a parameter of pg_restore 17', async () => {
  const tables = await restored(restoreOf17(refusal('transaction_timeout'), 1), 16)
  expect(tables).toEqual(backup.manifest.postgres?.tables)
})

it('takes any other error for a failure, and this one too where the server knows the parameter', async () => {
  const failure = { code: 'pg_tools_failed' }
  const timeout = refusal('transaction_timeout')
  await expect(restored(restoreOf17(refusal('lock_timeout'), 1), 16)).rejects.toMatchObject(failure)
  await expect(restored(restoreOf17(timeout + timeout, 2), 16)).rejects.toMatchObject(failure)
  await expect(restored(restoreOf17(timeout, 1), 17)).rejects.toMatchObject(failure)
})
