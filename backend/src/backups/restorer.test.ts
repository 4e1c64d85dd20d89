import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { createInstallation, type Installation, startDumpable, watch } from '../../test/backups.ts'
import { startPostgres, type TestServer } from '../../test/postgres-server.ts'
import { giveAway, onDatabase, withLink } from '../db/snapshot/index.ts'
import { openNamed } from './catalog.ts'
import { createBackup } from './create.ts'
import type { BackupPlace } from './engine.ts'
import { completeRestore, prepareRestore } from './restore.ts'
import { proveBackup, whoRestores } from './unpack.ts'

let server: TestServer
let installation: Installation
/** The installation as a user has it who owns its database and is no superuser. */
let own: BackupPlace
let role: string

beforeAll(async () => {
  server = await startDumpable()
})
afterAll(() => server?.stop())
beforeEach(async () => {
  installation = await createInstallation(server, 'postgres')
  const { database, place } = installation
  role = `user of "${database}"`
  await withLink(onDatabase(server.url, database), async (link) => {
    await link.script(
      `CREATE ROLE "${role.replaceAll('"', '""')}" LOGIN CREATEDB PASSWORD 'own';
       ALTER DATABASE ${database} OWNER TO "${role.replaceAll('"', '""')}";
       CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE VIEW spoken AS SELECT key FROM settings;`,
    )
    await giveAway(link, role)
    // Nobody but a superuser may make it.
    await link.script('CREATE EXTENSION pg_stat_statements')
  })
  const url = new URL(onDatabase(server.url, database))
  url.username = role
  url.password = 'own'
  own = { ...place, postgresUrl: url.href }
})
afterEach(async () => {
  await installation?.remove()
  await withLink(server.url, (link) => link.script(`DROP ROLE "${role.replaceAll('"', '""')}"`))
})

/** Relations, functions and types that belong to anybody else than the user. */
const others = () =>
  withLink(onDatabase(server.url, installation.database), (link) =>
    link.texts(
      `
      SELECT o.name
      FROM (
        SELECT c.oid, c.relowner AS owner, c.relname::text AS name, c.relnamespace AS schema FROM pg_class AS c
        WHERE c.relkind NOT IN ('t', 'c')
        UNION ALL SELECT p.oid, p.proowner, p.proname::text, p.pronamespace FROM pg_proc AS p
        UNION ALL SELECT t.oid, t.typowner, t.typname::text, t.typnamespace FROM pg_type AS t
      ) AS o
      WHERE o.schema = 'public'::regnamespace AND pg_get_userbyid(o.owner) <> $1
        AND NOT EXISTS (SELECT 1 FROM pg_depend AS d WHERE d.objid = o.oid AND d.deptype = 'e')
        AND o.name NOT LIKE '%pg\\_stat\\_statements%'
      ORDER BY o.name
      `,
      [role],
    ),
  )

it('refuses beforehand what its own user may not restore, and names the setting', async () => {
  expect(await others()).toEqual([])
  const name = await createBackup(own, 'manual', watch())
  const refused = {
    code: 'rights_missing',
    message: expect.stringMatching(/the extension pg_stat_statements.*set POSTGRES_ADMIN_URL/),
  }
  await expect(prepareRestore(own, name, watch())).rejects.toMatchObject(refused)
  await expect(whoRestores(own.postgresUrl ?? '', own)).rejects.toMatchObject(refused)
})

it('restores by the admin, and everything belongs to its own user afterwards', async () => {
  const place = { ...own, adminUrl: server.url }
  expect(await whoRestores(place.postgresUrl ?? '', place)).toBe('admin')
  const before = await installation.fingerprint()
  const name = await createBackup(place, 'manual', watch())
  await proveBackup(place, await openNamed(place, name), watch())
  const prepared = await prepareRestore(place, name, watch())
  await completeRestore(place, prepared, { safety: true }, watch())
  expect(await others()).toEqual([])
  const storage = await installation.open()
  expect(storage.status().domains.every(({ available }) => available)).toBe(true)
  await storage.close()
  // But for the epochs, it is what it was.
  await withLink(own.postgresUrl ?? '', (link) => link.script('UPDATE _placement SET epoch = 1'))
  expect(await installation.fingerprint()).toBe(before)
})

it('says what is wrong with an admin who does not get in, or is on another server', async () => {
  const name = await createBackup(own, 'manual', watch())
  const wrong = new URL(server.url)
  wrong.password = 'wrong'
  await expect(prepareRestore({ ...own, adminUrl: wrong.href }, name, watch())).rejects.toMatchObject({
    code: 'rights_missing',
    message: expect.stringContaining('POSTGRES_ADMIN_URL cannot be used'),
  })
  const other = await startPostgres()
  try {
    await expect(prepareRestore({ ...own, adminUrl: other.url }, name, watch())).rejects.toMatchObject({
      code: 'rights_missing',
      message: expect.stringContaining('another server'),
    })
  } finally {
    await other.stop()
  }
})
