import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { databases, openDatabase, type TestDatabase } from '../../../test/databases.ts'
import { deleteKeys, rowsByKeys, upsertRows } from './rows.ts'
import { readTableShapes } from './shapes.ts'
import type { CanonicalRow, TableShape } from './types.ts'

const spanOf = (shape: TableShape, values: Readonly<Record<string, string | null>>): CanonicalRow =>
  shape.columns.map(({ name }) => values[name] ?? null)

const time = '2026-11-21 03:04:05.12+00'
const required = {
  trace_id: 't',
  name: 'n',
  kind: 'client',
  status: 'ok',
  start_time: time,
  service_name: 's',
  trace_source: 'http',
  created_at: time,
}
const byText = (a: CanonicalRow, b: CanonicalRow) => ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1)

describe.each(databases)('rows by their keys on $name', (kind) => {
  let database: TestDatabase
  let other: TestDatabase
  let spans: TableShape
  let metrics: TableShape
  beforeEach(async () => {
    database = await kind.open({ migrated: true })
    other = await openDatabase(kind.dialect === 'sqlite' ? 'postgres' : 'sqlite', { migrated: true })
    const [sqlite, postgres] = kind.dialect === 'sqlite' ? [database, other] : [other, database]
    const shapes = await readTableShapes(sqlite.store, postgres.store, ['traces', 'metrics'])
    const named = (table: string) => shapes.find((shape) => shape.table === table)!
    spans = named('spans')
    metrics = named('metrics_recent')
  })
  afterEach(() => Promise.all([database.close(), other.close()]))

  it('are written, read, overwritten and deleted', async () => {
    // A statement of half a megabyte ends the server in WebAssembly.
    const count = kind.name === 'timescale' ? 120 : 1_200
    const rows = Array.from({ length: count }, (_, i) =>
      spanOf(spans, {
        ...required,
        id: `id ${i}`,
        duration_ms: i % 3 ? String(i) : null,
        attributes: `{"n": ${i}, "t": "a\\"b"}`,
      }),
    )
    await database.store.transaction((tx) => upsertRows(tx, spans, rows))
    const keys = rows.map(([id]) => [id!])
    const read = await database.store.snapshot((session) => rowsByKeys(session, spans, [...keys, ['none']]))
    expect(read.rejects).toEqual([])
    expect(read.rows.sort(byText)).toEqual([...rows].sort(byText))

    const changed = rows.slice(0, 2).map((row) => row.with(3, 'changed "\\ \n\t'))
    await database.store.transaction((tx) => upsertRows(tx, spans, changed))
    const again = await database.store.snapshot((session) => rowsByKeys(session, spans, keys.slice(0, 2)))
    expect(again.rows.sort(byText)).toEqual(changed.sort(byText))

    expect(
      await database.store.transaction((tx) => deleteKeys(tx, spans, [...keys.slice(20), ['none']])),
    ).toBe(count - 20)
    expect(await database.db.queryOne('SELECT count(*) AS n FROM spans')).toEqual({ n: 20 })
  })

  it('have keys of several columns', async () => {
    const rows = [
      ['1763694245000', '1', '0.1'],
      ['1763694245000', '2', '1e+300'],
      ['1763694246000', '1', '-2.5e-07'],
    ]
    await database.store.transaction((tx) => upsertRows(tx, metrics, rows))
    const { rows: found } = await database.store.snapshot((session) =>
      rowsByKeys(session, metrics, [
        ['1763694245000', '2'],
        ['1763694246000', '1'],
        ['1763694246000', '2'],
      ]),
    )
    expect(found.sort(byText)).toEqual([rows[1], rows[2]])
    expect(await database.store.transaction((tx) => deleteKeys(tx, metrics, [['1763694245000', '1']]))).toBe(
      1,
    )
    expect(
      await database.db.query('SELECT series_id, time_ms, value FROM metrics_recent ORDER BY time_ms'),
    ).toEqual([
      { series_id: 2, time_ms: 1763694245000, value: 1e300 },
      { series_id: 1, time_ms: 1763694246000, value: -2.5e-7 },
    ])
  })

  it('keep odd keys apart', async () => {
    const ids = ['a', 'A', 'a ', '', '1', '01', "it's", 'a"b\\c', 'null', 'é', '{a,b}', 'U+FFFD: \ufffd']
    const rows = ids.map((id) => spanOf(spans, { ...required, id, attributes: '{}' }))
    await database.store.transaction((tx) => upsertRows(tx, spans, rows))
    for (const row of rows) {
      const { rows: found } = await database.store.snapshot((session) =>
        rowsByKeys(session, spans, [[row[0]!]]),
      )
      expect(found).toEqual([row])
    }
  })
})

describe('rows that only one store can hold', () => {
  it('are rejected with what is wrong', async () => {
    const sqlite = await openDatabase('sqlite', { migrated: true })
    const postgres = await openDatabase('postgres', { migrated: true })
    try {
      const [spans] = await readTableShapes(sqlite.store, postgres.store, ['traces'])
      await sqlite.store.transaction((tx) =>
        tx.execScript(`
          INSERT INTO spans (id, trace_id, name, kind, start_time, service_name) VALUES
            ('bytes', 't', CAST(x'41ff42' AS TEXT), 'client', '2026-11-21T03:04:05.000Z', 's'),
            ('blob', 't', x'41', 'client', '2026-11-21T03:04:05.000Z', 's'),
            ('date', 't', 'n', 'client', '2026-11-21', 's'),
            ('fine', 't', 'a real \ufffd', 'client', '2026-11-21 03:04:05', 's')`),
      )
      const { rows, rejects } = await sqlite.store.snapshot((session) =>
        rowsByKeys(session, spans!, [['bytes'], ['blob'], ['date'], ['fine']]),
      )
      expect(rows.map(([id, , , name]) => [id, name])).toEqual([['fine', 'a real \ufffd']])
      expect(rejects.map(({ key, reason, column }) => [key, reason, column])).toEqual([
        ['["bytes"]', 'utf8', 'name'],
        ['["blob"]', 'type', 'name'],
        ['["date"]', 'timestamp', 'start_time'],
      ])
      await postgres.db.execute(
        `INSERT INTO spans (id, trace_id, name, kind, start_time, service_name)
         VALUES ('late', 't', 'n', 'client', 'infinity', 's')`,
      )
      const back = await postgres.store.snapshot((session) => rowsByKeys(session, spans!, [['late']]))
      expect(back.rejects).toMatchObject([{ key: '["late"]', reason: 'timestamp', column: 'start_time' }])
    } finally {
      await sqlite.close()
      await postgres.close()
    }
  })
})
