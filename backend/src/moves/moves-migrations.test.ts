import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { moveBench, OPERATOR } from '../../test/moves.ts'
import { migrate } from '../db/migrate.ts'
import type { SqlStore } from '../db/sql-store.ts'
import { createCapture } from './capture.ts'

const DB = fileURLToPath(new URL('../db', import.meta.url))
/** One unit of each kind: mirrored, mirrored back, and finished, whose rows in SQLite are an archive. */
const TABLES = { audit: 'audit_log', notifications: 'notification_log', feedback: 'llm_feedback' } as const
type Unit = keyof typeof TABLES
const UNITS: readonly Unit[] = ['audit', 'notifications', 'feedback']

/** The migrations of the next version: they make the tables anew in SQLite, add a column, and change every row. */
async function nextVersion(sqlite: SqlStore): Promise<URL> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-next-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const name of readdirSync(DB).filter((each) => each.endsWith('-migrations')))
    cpSync(join(DB, name), join(folder, name), { recursive: true })
  const numbers = readdirSync(join(folder, 'sqlite-migrations')).map((name) => Number(name.slice(0, 3)))
  const file = `${String(Math.max(...numbers) + 1).padStart(3, '0')}_next.sql`
  const rebuilt = await Promise.all(Object.values(TABLES).map((table) => rebuild(sqlite, table)))
  writeFileSync(join(folder, 'sqlite-migrations', file), rebuilt.join('\n'))
  const altered = Object.values(TABLES).map(
    (table) => `ALTER TABLE ${table} ADD COLUMN extra TEXT; UPDATE ${table} SET extra = 'next';`,
  )
  writeFileSync(join(folder, 'pg-migrations', file), altered.join('\n'))
  return pathToFileURL(`${folder}/`)
}

async function rebuild(sqlite: SqlStore, table: string): Promise<string> {
  const rows = await sqlite.db.query<{ type: string; sql: string }>(
    'SELECT m.type, m.sql FROM sqlite_schema AS m WHERE m.tbl_name = $1 AND m.sql IS NOT NULL ORDER BY m.type DESC',
    [table],
  )
  const create = rows.find(({ type }) => type === 'table')?.sql ?? ''
  const indexes = rows.filter(({ type }) => type === 'index').map(({ sql }) => `${sql};`)
  return `
    ${create.replace(table, `${table}_new`)};
    INSERT INTO ${table}_new SELECT * FROM ${table};
    DROP TABLE ${table};
    ALTER TABLE ${table}_new RENAME TO ${table};
    ${indexes.join('\n')}
    ALTER TABLE ${table} ADD COLUMN extra TEXT;
    UPDATE ${table} SET extra = 'next';
  `
}

it('migrations pass what keeps others out, and what they tear is put right', {
  timeout: 180_000,
}, async () => {
  const target = await moveBench()
  const { moves } = target
  for (const unit of UNITS) {
    await target.fill(unit, 40, 7)
    await target.mirror(unit)
    if (unit !== 'audit') await target.cutOver(unit)
    if (unit !== 'feedback') continue
    await target.verify(unit)
    await moves.act(unit, 'finish', OPERATOR)
  }

  const { control } = target.storage
  const stores = [control.store('sqlite'), control.store('postgres')].filter((store) => store !== undefined)
  const [sqlite] = stores
  await moves.stop()
  const next = await nextVersion(sqlite!)
  for (const store of stores) {
    const { applied } = await migrate(store, { root: next })
    expect(applied).toHaveLength(1)
    // The next start is one of this version, which knows nothing of it.
    await store.db.execute('DELETE FROM _app_migrations WHERE name = $1', [applied[0] ?? ''])
  }
  await target.restart()

  for (const unit of ['audit', 'notifications'] as const) {
    const table = TABLES[unit]
    await target.until(unit, ({ state, lag, error }) => state === 'mirroring' && lag?.changes === 0 && !error)
    const repaired = async () =>
      (await target.moves.log({ unit, limit: 50 })).some(({ action }) => action === 'capture-repaired')
    await expect.poll(repaired, { timeout: 20_000 }).toBe(true)
    const changed = `UPDATE ${table} SET extra = 'changed' WHERE id = (SELECT min(id) FROM ${table})`
    await target.storage.getAppDbFor(unit).execute(changed)
    await target.until(unit, ({ lag }) => lag?.changes === 0)
    const { verify } = await target.verify(unit)
    expect(verify).toMatchObject({ clean: true })
    const both = await target.contents(unit)
    expect(both.sqlite).toEqual(both.postgres)
    expect(JSON.stringify(both.sqlite)).toContain('"extra":"next"')
  }
  // Nobody writes to a mirror or an archive, as before.
  for (const unit of ['notifications', 'feedback'] as const) {
    const shapes = await target.shapes(unit)
    const wrong = () =>
      target.storage.control
        .store('sqlite')!
        .snapshot((session) => createCapture('sqlite').check(session, unit, shapes))
    await expect.poll(wrong, { timeout: 20_000 }).toEqual([])
    await expect(target.db('sqlite').execute(`DELETE FROM ${TABLES[unit]}`)).rejects.toThrow(/other store/)
  }
})
