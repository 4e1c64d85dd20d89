import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { createInstallation, type Installation, startDumpable, watch } from '../../test/backups.ts'
import { freePort, startPostgres, type TestServer } from '../../test/postgres-server.ts'
import { startProxy } from '../../test/proxy.ts'
import { onDatabase, withLink } from '../db/snapshot/index.ts'
import { Archive, ArchiveWriter } from './archive.ts'
import { createBackup } from './create.ts'
import { exclusively, listFolder } from './folder.ts'
import { withMaintenance } from './maintenance.ts'
import { addManifest, openBackup } from './manifest.ts'
import { findPgTools } from './pg-tools.ts'
import { completeRestore, prepareRestore, removeLeftovers } from './restore.ts'
import { outdated } from './retention.ts'
import { proveBackup } from './unpack.ts'

let server: TestServer
let installation: Installation | undefined
beforeAll(async () => {
  server = await startDumpable()
})
afterEach(async () => {
  await installation?.remove()
  installation = undefined
})
afterAll(() => server?.stop())

const scratch = () =>
  withLink(server.url, async (link) =>
    (await link.texts(`SELECT datname FROM pg_database WHERE datname LIKE '%hfscratch%'`)).flat(),
  )

it('refuses a pg_dump that is missing, or older than the server', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-tools-'))
  await expect(findPgTools(folder, 15)).rejects.toMatchObject({ code: 'pg_tools_missing' })
  for (const name of ['pg_dump', 'pg_restore']) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho '${name} (PostgreSQL) 16.2 (Debian 16.2-1)'\n`)
    chmodSync(join(folder, name), 0o755)
  }
  await expect(findPgTools(folder, 17)).rejects.toMatchObject({ code: 'pg_tools_too_old' })
  expect(await findPgTools(folder, 16)).toMatchObject({ major: 16, version: '16.2' })

  const newer = await startPostgres()
  try {
    installation = await createInstallation(newer, 'postgres')
    const place = { ...installation.place, toolsDir: folder }
    await expect(createBackup(place, 'manual', watch())).rejects.toMatchObject({ code: 'pg_tools_too_old' })
    expect(await listFolder(place.folder)).toEqual([])
    await installation.remove()
    installation = undefined
  } finally {
    await newer.stop()
    rmSync(folder, { recursive: true })
  }
})

it('leaves the live stores as they are when the database goes away half-way', async () => {
  installation = await createInstallation(server, 'both')
  const { place } = installation
  const name = await createBackup(place, 'manual', watch())
  const before = await installation.fingerprint()
  const proxy = await startProxy(place.postgresUrl ?? '')
  const away = {
    ...place,
    postgresUrl: proxy.url,
    async onStep(step: string) {
      if (step === 'file-unpacked') await proxy.close()
    },
  }
  await expect(prepareRestore(away, name, watch())).rejects.toMatchObject({ code: 'store_away' })
  expect(await installation.fingerprint()).toBe(before)

  const gone = { ...place, postgresUrl: proxy.url, sqlitePath: `${place.dataDir}/none.db` }
  await expect(createBackup(gone, 'manual', watch())).rejects.toMatchObject({ code: 'store_away' })

  // And when it goes before the swap: what was prepared is dropped by the next start.
  const second = await startProxy(place.postgresUrl ?? '')
  const later = {
    ...place,
    postgresUrl: second.url,
    async onStep(step: string) {
      if (step === 'stopped') await second.close()
    },
  }
  const prepared = await prepareRestore(later, name, watch())
  await expect(completeRestore(later, prepared, { safety: true }, watch())).rejects.toMatchObject({
    code: 'store_away',
  })
  await removeLeftovers(place)
  expect(await scratch()).toEqual([])
  expect(await installation.fingerprint()).toBe(before)
})

it('gives way to a session that it may not end, and everything stays', async () => {
  installation = await createInstallation(server, 'postgres')
  const { place, database } = installation
  const name = await createBackup(place, 'manual', watch())
  await withLink(server.url, (link) =>
    link.script(`CREATE ROLE owner_${database} LOGIN CREATEDB PASSWORD 'owner'`),
  )
  await withLink(onDatabase(server.url, database), (link) =>
    link.script(
      `ALTER DATABASE ${database} OWNER TO owner_${database}; ALTER SCHEMA public OWNER TO owner_${database};
      DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER TABLE public.%I OWNER TO owner_${database}', t); END LOOP; END $$`,
    ),
  )
  const url = new URL(place.postgresUrl ?? '')
  url.username = `owner_${database}`
  url.password = 'owner'
  const own = { ...place, postgresUrl: url.href }
  const before = await installation.fingerprint()

  // Neither does what is left of one that was killed keep the next one from beginning.
  const left = `${database}_hfscratch_1_x`
  await withLink(server.url, (link) => link.script(`CREATE DATABASE ${left} OWNER owner_${database}`))
  await withLink(onDatabase(server.url, left), () => removeLeftovers(own))
  expect(await scratch()).toEqual([left])
  await removeLeftovers(own)
  expect(await scratch()).toEqual([])

  await withLink(place.postgresUrl ?? '', async (link) => {
    await link.query('SELECT 1')
    const prepared = await prepareRestore(own, name, watch())
    await expect(completeRestore(own, prepared, { safety: true }, watch())).rejects.toThrow()
  })
  expect(await installation.fingerprint()).toBe(before)
  expect(await scratch()).toEqual([])
  const prepared = await prepareRestore(own, name, watch())
  await completeRestore(own, prepared, { safety: false }, watch())
  await installation.remove()
  installation = undefined
  await withLink(server.url, (link) => link.script(`DROP ROLE owner_${database}`))
})

it('leaves nothing of a backup or a restore that was cancelled', async () => {
  installation = await createInstallation(server, 'both')
  const { place } = installation
  const name = await createBackup(place, 'manual', watch())
  const before = await installation.fingerprint()
  for (const step of ['copying', 'dumping', 'restoring', 'comparing'] as const) {
    const stop = new AbortController()
    const cancelling = {
      signal: stop.signal,
      onProgress: (at: string) => {
        if (at === step) stop.abort()
      },
    }
    const work =
      step === 'copying' || step === 'dumping'
        ? createBackup(place, 'manual', cancelling)
        : prepareRestore(place, name, cancelling)
    await expect(work).rejects.toMatchObject({ code: 'cancelled' })
  }
  expect((await listFolder(place.folder)).map((each) => each.name)).toEqual([name])
  expect(await scratch()).toEqual([])
  expect(await installation.fingerprint()).toBe(before)
})

it('does not prove what restores to something else, whichever store differs', async () => {
  installation = await createInstallation(server, 'both')
  const { place } = installation
  const name = await createBackup(place, 'manual', watch())
  const whole = await openBackup(await Archive.open(join(place.folder, name)), undefined)
  for (const store of ['sqlite', 'postgres'] as const) {
    const facts = whole.manifest[store]
    const wrong = facts && {
      ...facts,
      tables: facts.tables.map((each) =>
        each.table === 'audit_log' ? { ...each, digest: 'f'.repeat(16) } : each,
      ),
    }
    const path = join(place.folder, `holdfast-${store}.tar`)
    const writer = await ArchiveWriter.create(path)
    for (const part of whole.manifest.parts) {
      const chunks: Buffer[] = []
      for await (const chunk of whole.read(part.name)) chunks.push(chunk)
      await writer.add(part.name, chunks)
    }
    await addManifest(writer, { ...whole.manifest, [store]: wrong }, undefined)
    await writer.finish()
    const changed = await openBackup(await Archive.open(path), undefined)
    await expect(proveBackup(place, changed, watch())).rejects.toMatchObject({ code: 'verify_failed' })
    await expect(prepareRestore(place, `holdfast-${store}.tar`, watch())).rejects.toMatchObject({
      code: 'verify_failed',
      extra: { reasons: ['audit_log has other contents'] },
    })
  }
  expect(await scratch()).toEqual([])
  await proveBackup(place, whole, watch())
})

it('calls a dump damaged over which pg_restore trips in the middle', async () => {
  installation = await createInstallation(server, 'postgres')
  const { place } = installation
  await withLink(place.postgresUrl ?? '', (link) =>
    link.script(`
      INSERT INTO audit_log (action, created_at)
      SELECT md5(i::text) || md5((-i)::text) || md5((i + 0.5)::text), now() FROM generate_series(1, 60000) AS g (i)
    `),
  )
  const name = await createBackup(place, 'manual', watch())
  const path = join(place.folder, name)
  const bytes = readFileSync(path)
  writeFileSync(path, bytes.fill(0, bytes.length / 4, bytes.length / 4 + 20_000))
  await expect(prepareRestore(place, name, watch())).rejects.toMatchObject({
    code: 'backup_damaged',
    message: expect.stringContaining('postgres.dump'),
  })
  expect(await scratch()).toEqual([])
})

it('runs one operation at a time', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-lock-'))
  let finish = () => {}
  let first: Promise<void> | undefined
  await new Promise<void>((held) => {
    first = exclusively(folder, () => {
      held()
      return new Promise((resolve) => {
        finish = resolve
      })
    })
  })
  await expect(exclusively(folder, async () => undefined)).rejects.toMatchObject({
    code: 'operation_running',
  })
  finish()
  await first
  await exclusively(folder, async () => undefined)
  rmSync(folder, { recursive: true })
})

it('answers 503 to everything but what asks for the state while a restore exchanges the stores', async () => {
  const port = await freePort()
  const get = (path: string, accept = '*/*') =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { accept } })
  await withMaintenance({ host: '127.0.0.1', port }, async (tell) => {
    tell('saving', 0.5)
    const state = await get('/api/maintenance')
    expect(await state.json()).toMatchObject({ maintenance: { step: 'saving', share: 0.5 } })
    expect((await get('/health/live')).status).toBe(200)
    const api = await get('/api/settings')
    expect([api.status, await api.json()]).toMatchObject([503, { code: 'maintenance' }])
    const page = await get('/backups', 'text/html')
    expect([page.status, await page.text()]).toEqual([503, expect.stringContaining('comes back by itself')])
  })
  // The port is free again at once.
  const next = createServer()
  await new Promise<void>((resolve, reject) => next.once('error', reject).listen(port, '127.0.0.1', resolve))
  next.close()
})

it('keeps what retention says, and the last proved one whatever it says', () => {
  const now = new Date('2026-03-01T00:00:00Z')
  const backup = (day: number, provedAt: string | null = null, bytes = 10) => ({
    name: `b${day}`,
    bytes,
    createdAt: new Date(now.getTime() - day * 86_400_000).toISOString(),
    provedAt,
  })
  const names = (keep: { count: number; days: number; bytes: number }, all: ReturnType<typeof backup>[]) =>
    outdated(all, keep, now).map(({ name }) => name)
  const all = [backup(1), backup(2), backup(3, 'yes'), backup(4, 'yes'), backup(50)]
  expect(names({ count: 2, days: 90, bytes: 1000 }, all)).toEqual(['b4', 'b50'])
  expect(names({ count: 9, days: 3, bytes: 1000 }, all)).toEqual(['b4', 'b50'])
  expect(names({ count: 9, days: 90, bytes: 25 }, all)).toEqual(['b4', 'b50'])
  expect(names({ count: 1, days: 1, bytes: 1 }, [backup(1), backup(2)])).toEqual([])
})
