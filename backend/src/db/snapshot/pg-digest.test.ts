import { expect, it } from 'vitest'
import { openDatabase } from '../../../test/databases.ts'
import { aSample, openEmptyMetrics } from '../../../test/metrics.ts'
import { PgLink } from '../transfer/pg-link.ts'
import { differencesOf } from './fingerprint.ts'
import { createPace } from './pace.ts'
import { digestTables } from './pg-digest.ts'
import { openPgSnapshot } from './pg-snapshot.ts'

it('is the same read a little at a time, in tables, partitions and what has neither', async () => {
  const database = await openDatabase('postgres')
  try {
    await database.store.transaction((tx) =>
      tx.execScript(`
        CREATE TABLE large (id integer, words text);
        INSERT INTO large SELECT i, repeat(md5(i::text), 8) FROM generate_series(1, 20000) AS s (i);
        DELETE FROM large WHERE id % 7 = 0;
        CREATE TABLE parted (id integer, words text) PARTITION BY RANGE (id);
        CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (15000);
        CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (15000) TO (16000);
        INSERT INTO parted SELECT i, repeat(md5(i::text), 8) FROM generate_series(1, 15900) AS s (i);
        CREATE TABLE empty (id integer);
        CREATE TABLE odd (ctid_of tid, large integer);
        INSERT INTO odd VALUES ('(1,1)', 1);
        CREATE TABLE parent (id integer);
        CREATE TABLE child () INHERITS (parent);
        INSERT INTO child SELECT generate_series(1, 5);
      `),
    )
    const snapshot = await openPgSnapshot(database.location)
    try {
      const seen: number[] = []
      const whole = await snapshot.digest()
      const pace = createPace(0.9, () => true)
      const paced = await snapshot.digest({ pace, onProgress: (share) => seen.push(share) })
      expect(paced).toEqual(whole)
      expect(whole.map(({ table, rows }) => [table, rows])).toEqual([
        ['child', 5],
        ['empty', 0],
        ['large', 17_143],
        ['odd', 1],
        ['parent', 5],
        ['parted', 15_900],
      ])
      // More often than there are tables, and never backwards.
      expect(seen.length).toBeGreaterThan(6)
      expect(seen).toEqual(seen.toSorted((a, b) => a - b))
      expect(seen.at(-1)).toBe(1)
    } finally {
      await snapshot.close()
    }
  } finally {
    await database.close()
  }
})

it('leaves nothing out that is dropped meanwhile', async () => {
  const database = await openDatabase('postgres')
  try {
    await database.store.transaction((tx) =>
      tx.execScript(`
        CREATE TABLE parted (id integer) PARTITION BY RANGE (id);
        CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
        INSERT INTO parted SELECT generate_series(0, 9);
      `),
    )
    const snapshot = await openPgSnapshot(database.location)
    const [print] = await snapshot.digest()
    const dropping = database.db.execute('DROP TABLE parted_1')
    expect(await snapshot.digest()).toEqual([print])
    await snapshot.close()
    await dropping
    expect(print?.rows).toBe(10)
  } finally {
    await database.close()
  }
})

it('holds what TimescaleDB has made of samples that are gone', async () => {
  const database = await openDatabase('timescale', { migrated: true })
  try {
    const noon = Date.UTC(2026, 0, 5, 12)
    const metrics = await openEmptyMetrics(database.db, noon)
    await metrics.write([aSample({ timeMs: noon - 7_200_000, value: 1 })])
    await metrics.settle()
    await database.db.execute('DELETE FROM metrics')
    // Where one connection can be open at a time, it is this one.
    await database.store.close()
    const link = await PgLink.open(database.location)
    for (const [key, value] of Object.entries(database.settings))
      await link.script(`SELECT set_config('${key}', '${value}', false)`)
    await link.script('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const whole = await digestTables(link, {})
    await link.script('ROLLBACK')
    await link.close()
    const rows = Object.fromEntries(whole.map((each) => [each.table, each.rows]))
    expect(rows).toMatchObject({ metrics: 0, metrics_1m: 1, metrics_5m: 1, metrics_1h: 1 })
    const changed = whole.map((each) => (each.table === 'metrics_1m' ? { ...each, rows: 0 } : each))
    expect(differencesOf(whole, changed)).toEqual(['metrics_1m has 0 rows instead of 1'])
    // Of a backup that was made before they were compared.
    expect(
      differencesOf(
        whole.filter(({ aggregate }) => !aggregate),
        whole,
      ),
    ).toEqual([])
  } finally {
    await database.close()
  }
})
