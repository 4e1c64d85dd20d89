import { expect, it } from 'vitest'
import { plainDatabases } from '../../../test/databases.ts'
import { createPace } from './pace.ts'
import { openPgSnapshot } from './pg-snapshot.ts'

it('is the same read a little at a time, in tables, partitions and what has neither', async () => {
  const kind = plainDatabases.find(({ name }) => name === 'postgres')!
  const database = await kind.open()
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
      const paced = await snapshot.digest({ pace: createPace(1), onProgress: (share) => seen.push(share) })
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
  const kind = plainDatabases.find(({ name }) => name === 'postgres')!
  const database = await kind.open()
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
