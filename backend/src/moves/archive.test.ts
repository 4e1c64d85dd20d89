import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type MoveBench, moveBench, OPERATOR, reasonsOf } from '../../test/moves.ts'
import { flip } from '../../test/two-stores.ts'
import { createLogger } from '../core/log.ts'
import type { StorageControl } from '../db/storage-control.ts'
import { createTransfer, digestHex } from '../db/transfer/index.ts'
import { allUnits } from './unit.ts'

const file = (target: MoveBench) => join(target.dataDir, 'holdfast.db')

/** Begins the move of a unit, so far that it can be finished. */
async function cutOver(target: MoveBench, unit: string): Promise<void> {
  await target.mirror(unit)
  await target.cutOver(unit)
  await target.verify(unit)
}

/** Everything is in PostgreSQL; `moved` with its rows, as an operator does it. */
async function movedAll(target: MoveBench, moved: readonly string[] = ['insights']): Promise<void> {
  for (const unit of moved) {
    await target.fill(unit, 30)
    await cutOver(target, unit)
    await target.moves.act(unit, 'finish', OPERATOR)
  }
  for (const { name, domains } of allUnits) {
    if (!moved.includes(name)) await flip(target.storage, domains)
  }
  // The setting with which it began is gone.
  await target.restart()
}

/** Does something again and again until it is told to end; rejects with the first failure. */
function keepOn(work: () => Promise<unknown>) {
  let ended = false
  let times = 0
  const running = (async () => {
    for (; !ended; times++) {
      await work()
      await sleep(1)
    }
  })()
  return async () => {
    ended = true
    await running
    return times
  }
}

describe('the archive of the SQLite file', () => {
  it('is refused with what is left to do, and changes nothing', async () => {
    const target = await moveBench()
    await cutOver(target, 'audit')
    for (const { name, domains } of allUnits) {
      if (!['audit', 'traces', 'settings'].includes(name)) await flip(target.storage, domains)
    }
    const reasons = await reasonsOf(target.moves.archive.run(OPERATOR))
    expect(reasons).toEqual([
      expect.stringMatching(/^In SQLite: (traces, settings|settings, traces)\. Move and finish: "holdfast/),
      expect.stringMatching(/^Still mirrored in SQLite: audit\. Finish: "holdfast storage finish audit"/),
      expect.stringMatching(/^STORAGE_PLACEMENT: .*Take it away and start again/),
    ])
    expect(await target.moves.archive.list()).toEqual({
      possible: false,
      reasons,
      file: { path: file(target), sizeBytes: expect.any(Number) },
      items: [],
    })
    expect(existsSync(join(target.dataDir, 'archive'))).toBe(false)
    await target.storage.getAppDbFor('traces').query('SELECT id FROM spans LIMIT 1')
  })

  it('keeps what every table was, while nobody notices', async () => {
    const target = await moveBench()
    await movedAll(target)
    const shapes = await target.shapes('insights')
    const audit = target.storage.getAppDbFor('audit')
    const ends = [
      keepOn(() => audit.execute(`INSERT INTO audit_log (action) VALUES ('meanwhile')`)),
      keepOn(() => target.moves.units()),
    ]
    const archived = target.moves.archive.run({ name: 'ada' })
    await archived.catch(() => undefined) // it fails below
    for (const end of ends) expect(await end()).toBeGreaterThan(0)
    const archive = await archived

    expect(archive).toMatchObject({ archivedBy: 'ada', deletedAt: null, sha256: expect.any(String) })
    expect(readFileSync(archive.path).length).toBe(archive.sizeBytes)
    expect(readdirSync(target.dataDir).filter((name) => name.startsWith('holdfast.db'))).toEqual([])
    const postgresUrl = target.database.location
    const transfer = createTransfer({ sqlitePath: '', postgresUrl, log: createLogger('silent') })
    for (const shape of shapes) {
      const { signal } = new AbortController()
      const digest = await transfer.digest({ side: 'postgres', shape, signal })
      const known = archive.tables.find(({ table }) => table === shape.table)
      expect(known).toEqual({ table: shape.table, rows: digest.rows, digest: digestHex(digest) })
    }
    await transfer.close()
    expect(archive.tables.some(({ rows }) => rows > 0)).toBe(true)
    expect(archive.tables.length).toBeGreaterThan(20)

    expect(await target.database.db.query('SELECT unit FROM _moves')).toEqual([])
    const [entry] = await target.moves.log({ limit: 1 })
    expect(entry).toMatchObject({ unit: 'sqlite', actor: 'ada', action: 'archive' })
    expect(entry?.details).toMatchObject({
      file: archive.name,
      sha256: archive.sha256,
      tables: archive.tables,
    })
    expect(await target.moves.archive.list()).toMatchObject({ possible: false, file: null, items: [archive] })
    expect(await target.moves.unit('insights')).toMatchObject({ placement: 'postgres', archived: false })
  })

  it('leaves no file to purge, and a move back makes a new one with every row', async () => {
    const target = await moveBench()
    await movedAll(target)
    await target.moves.archive.run(OPERATOR)
    await expect(reasonsOf(target.moves.act('insights', 'purge', OPERATOR))).resolves.toEqual([
      expect.stringContaining('There is no SQLite file'),
    ])
    expect(existsSync(file(target))).toBe(false)
    await target.restart()
    expect(existsSync(file(target))).toBe(false)
    const { actions } = await target.until('insights', () => true)
    const possible = actions.filter((each) => each.possible).map(({ action }) => action)
    expect(possible).toEqual(['mirror'])
    await target.moves.act('insights', 'mirror', OPERATOR)
    const state = await target.until(
      'insights',
      (unit) => unit.state === 'mirroring' && typeof unit.verify?.at === 'string',
    )
    expect(state.verify).toMatchObject({ clean: true, differences: 0 })
    const { sqlite, postgres } = await target.contents('insights')
    expect(sqlite).toEqual(postgres)
    await expect(reasonsOf(target.moves.archive.run(OPERATOR))).resolves.toEqual([
      expect.stringMatching(/^Moving to SQLite: insights\. Give that up/),
    ])
  })

  it('gets into the books at the next start when the product was killed before', async () => {
    const killed = new Error('killed')
    const target = await moveBench({
      control: (control) =>
        new Proxy(control, {
          get: (real, name: keyof StorageControl) =>
            name === 'archiveSqlite'
              ? async (note: Parameters<StorageControl['archiveSqlite']>[0]) => {
                  await real.archiveSqlite(note)
                  throw killed
                }
              : real[name],
        }),
    })
    await movedAll(target)
    await expect(target.moves.archive.run({ name: 'ada' })).rejects.toBe(killed)
    expect(await target.database.db.query('SELECT unit FROM _moves')).toEqual([{ unit: 'insights' }])
    for (let start = 0; start < 2; start++) {
      await target.restart()
      const entries = await target.moves.log({ limit: 10 })
      expect(entries.filter(({ action }) => action === 'archive')).toMatchObject([{ actor: 'ada' }])
    }
    expect(await target.database.db.query('SELECT unit FROM _moves')).toEqual([])
    expect(target.storage.control.configured.sqlite).toBe(false)
  })

  it('deletes an archived file, whose note and log stay', async () => {
    const target = await moveBench()
    await movedAll(target, [])
    const archive = await target.moves.archive.run(OPERATOR)
    await expect(target.moves.archive.remove('../secret.key', OPERATOR)).rejects.toMatchObject({
      code: 'unknown_archive',
    })
    const deleted = await target.moves.archive.remove(archive.name, { name: 'bob' })
    expect(deleted).toEqual({ ...archive, deletedAt: expect.any(String) })
    expect(existsSync(archive.path)).toBe(false)
    expect((await target.moves.archive.list()).items).toEqual([deleted])
    const [entry] = await target.moves.log({ limit: 1 })
    expect(entry).toMatchObject({ action: 'archive-deleted', actor: 'bob', details: { file: archive.name } })
  })
})

it('a unit that was purged is copied as a whole when it moves again', async () => {
  const target = await moveBench()
  await movedAll(target, ['audit'])
  await target.moves.act('audit', 'purge', OPERATOR)
  await target.moves.act('audit', 'mirror', OPERATOR)
  const state = await target.until(
    'audit',
    (unit) => unit.state === 'mirroring' && typeof unit.verify?.at === 'string',
  )
  expect(state.verify).toMatchObject({ clean: true, differences: 0, rows: 30 })
})
