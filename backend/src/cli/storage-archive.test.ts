import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cliInstallation, printed } from '../../test/cli.ts'
import { flip } from '../../test/two-stores.ts'
import { allUnits } from '../moves/unit.ts'
import { runStorageArchive } from './storage/run.ts'

describe('holdfast storage archive', () => {
  const installation = cliInstallation()
  const file = () => join(installation.dataDir, 'holdfast.db')

  const archive = (flags: Parameters<typeof runStorageArchive>[0]) =>
    printed((output) => runStorageArchive(flags, installation.env(), output))

  async function moved(): Promise<void> {
    await installation.stopped(async (storage) => {
      for (const { domains } of allUnits) await flip(storage, domains)
    })
  }

  it('says what is left to do, with exit code 2', async () => {
    await installation.stopped()
    expect((await archive({ list: true })).output).toMatch(/cannot be archived yet:\n {2}In SQLite: /)
    expect(await archive({})).toMatchObject({ exit: 2, errors: expect.stringContaining('Move and finish') })
    expect(existsSync(file())).toBe(true)
  })

  it('does it without a server, lists and deletes, and asks before', async () => {
    await moved()
    const unasked = await archive({})
    expect(unasked).toMatchObject({ exit: 1, errors: expect.stringContaining('--yes') })
    expect(existsSync(file())).toBe(true)
    const done = await archive({ yes: true, json: true })
    expect(done.exit).toBe(0)
    const { archive: archived } = JSON.parse(done.output)
    expect(archived).toMatchObject({ archivedBy: 'cli', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(existsSync(file())).toBe(false)
    expect((await archive({ list: true })).output).toContain(archived.sha256)
    expect((await archive({ delete: '../server.json', yes: true })).exit).toBe(2)
    expect((await archive({ delete: archived.name, yes: true })).exit).toBe(0)
    expect(existsSync(archived.path)).toBe(false)
    expect((await archive({ list: true })).output).toContain('deleted')
    expect((await archive({ yes: true })).errors).toContain('There is no SQLite file')
  })

  it('asks the server that runs, whose answers go on', async () => {
    await moved()
    const app = await installation.serve(await installation.open({ placement: 'unset' }))
    const admin = await app.admin()
    expect((await archive({ yes: true })).exit).toBe(0)
    const { body } = await admin.get('/api/storage/archives')
    expect(body).toMatchObject({ possible: false, file: null, items: [{ deletedAt: null }] })
    expect((await admin.get('/api/system')).body.stores).toMatchObject([
      { name: 'postgres', reachable: true },
    ])
    expect((await admin.get('/health/ready')).body.checks.sqlite).toBeUndefined()
    const audits = (await admin.get('/api/audit?action=storage.archive')).body.items
    expect(audits[0]).toMatchObject({ action: 'storage.archive', targetId: body.items[0].name })
    const viewer = await app.userWith('viewer')
    expect((await viewer.get('/api/storage/archives')).status).toBe(403)
    expect((await viewer.post('/api/storage/archive')).status).toBe(403)
    expect((await archive({ delete: body.items[0].name, yes: true })).exit).toBe(0)
  })
})
