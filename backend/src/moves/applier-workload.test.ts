// Random writers beside an applier that crashes: whatever they do, the mirror becomes equal. A failure names its seed;
// WORKLOAD_SEED=… runs that one again.
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Mirror, openBoth } from '../../test/mirror.ts'
import type { AppDbSession } from '../db/app-db.ts'
import { isDbError } from '../db/db-errors.ts'
import type { Domain } from '../db/domains.ts'
import { applyBatch } from './applier.ts'
import { createCapture } from './capture.ts'

class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 ≤ n < `below`. */
  number(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }

  chance(share: number): boolean {
    return this.number(1_000) < share * 1_000
  }

  of<T>(values: readonly T[]): T {
    return values[this.number(values.length)]!
  }
}

type Operation = (db: AppDbSession, random: Random) => Promise<unknown>
interface Workload {
  readonly domains: readonly Domain[]
  readonly operations: readonly Operation[]
}

const letters = [...'abcdefghij']
const numbers = [1, 2, 3, 4, 5, 6, 7, 8]
const insertUser = 'INTO users (id, username, password_hash) VALUES ($1, $2, $3)'

const workloads: Record<string, Workload> = {
  users: {
    domains: ['users'],
    operations: [
      (db, r) => db.execute(`INSERT ${insertUser}`, [r.of(letters), r.of(letters), 'x']),
      (db, r) => db.execute(`INSERT ${insertUser}`, [r.of(letters), r.of(letters), 'x']),
      (db, r) =>
        db.execute(
          {
            sqlite: `INSERT OR REPLACE ${insertUser}`,
            postgres: `INSERT ${insertUser} ON CONFLICT (username) DO UPDATE SET id = excluded.id`,
          },
          [r.of(letters), r.of(letters), 'replaced'],
        ),
      (db, r) => db.execute('UPDATE users SET username = $2 WHERE id = $1', [r.of(letters), r.of(letters)]),
      (db, r) => db.execute('UPDATE users SET id = $2 WHERE id = $1', [r.of(letters), r.of(letters)]),
      (db, r) => db.execute('DELETE FROM users WHERE id = $1', [r.of(letters)]),
      async (db, r) => {
        const [one, two] = [r.of(letters), r.of(letters)]
        const names = await db.query<{ id: string; username: string }>(
          'SELECT id, username FROM users WHERE id IN ($1, $2) ORDER BY id',
          [one, two],
        )
        if (names.length < 2) return
        await db.execute(`UPDATE users SET username = 'swapped' WHERE id = $1`, [names[0]!.id])
        await db.execute('UPDATE users SET username = $2 WHERE id = $1', [names[1]!.id, names[0]!.username])
        await db.execute('UPDATE users SET username = $2 WHERE id = $1', [names[0]!.id, names[1]!.username])
      },
      (db, r) =>
        db.execute('INSERT INTO api_tokens (id, user_id, name, token_hash) VALUES ($1, $2, $1, $3)', [
          r.of(letters),
          r.of(letters),
          r.of(letters),
        ]),
      (db, r) =>
        db.execute('UPDATE api_tokens SET user_id = $2, token_hash = $3 WHERE id = $1', [
          r.of(letters),
          r.of(letters),
          r.of(letters),
        ]),
      (db, r) => db.execute('DELETE FROM api_tokens WHERE id = $1', [r.of(letters)]),
      (db, r) => {
        // What PostgreSQL cannot hold.
        const spoiled = { sqlite: `username || char(0)`, postgres: 'username' }[db.dialect]
        return db.execute(`UPDATE users SET username = ${spoiled} WHERE id = $1`, [r.of(letters)])
      },
    ],
  },
  endpoints: {
    domains: ['fleet'],
    operations: [
      ...Array.from(
        { length: 3 },
        (): Operation => (db, r) =>
          db.execute(
            `INSERT INTO endpoints (id, kind, name, parent_id, external_id) VALUES ($1, 'docker', $2, $3, $4)`,
            [r.of(numbers), r.of(letters), r.of([null, ...numbers]), r.of([null, 1, 2])],
          ),
      ),
      (db, r) =>
        db.execute('UPDATE endpoints SET parent_id = $2 WHERE id = $1', [
          r.of(numbers),
          r.of([null, ...numbers]),
        ]),
      (db, r) =>
        db.execute('UPDATE endpoints SET external_id = $2, name = $3 WHERE id = $1', [
          r.of(numbers),
          r.of([null, 1, 2]),
          r.of(letters),
        ]),
      (db, r) => db.execute('DELETE FROM endpoints WHERE id = $1', [r.of(numbers)]),
      // Trees, whose branches are hung elsewhere before what they hung on is deleted.
      (db, r) =>
        db.execute(
          `INSERT INTO endpoints (id, kind, name, parent_id)
           SELECT $1, 'docker', $2, max(id) FROM endpoints WHERE id <= $3`,
          [r.of(numbers), r.of(letters), r.of(numbers)],
        ),
      async (db, r) => {
        const left = r.of(numbers)
        await db.execute('UPDATE endpoints SET parent_id = $2 WHERE parent_id = $1', [
          left,
          r.of([null, ...numbers]),
        ])
        await db.execute('DELETE FROM endpoints WHERE id = $1', [left])
      },
    ],
  },
  insights: {
    domains: ['insights', 'actions', 'investigations', 'incidents'],
    operations: [
      (db, r) =>
        db.execute(
          `INSERT INTO insights (id, severity, category, title, description) VALUES ($1, 'info', 'c', $2, 'd')`,
          [r.of(letters), r.of(letters)],
        ),
      (db, r) => db.execute('DELETE FROM insights WHERE id = $1', [r.of(letters)]),
      (db, r) => db.execute('UPDATE insights SET title = $2 WHERE id = $1', [r.of(letters), r.of(letters)]),
      (db, r) =>
        db.execute(
          `INSERT INTO actions (id, insight_id, endpoint_id, container_id, container_name, action_type, rationale)
           VALUES ($1, $2, 1, $3, 'n', $4, 'r')`,
          [r.of(letters), r.of([null, ...letters]), r.of(['x', 'y']), r.of(['stop', 'start'])],
        ),
      (db, r) =>
        db.execute('UPDATE actions SET status = $2, container_id = $3 WHERE id = $1', [
          r.of(letters),
          r.of(['pending', 'completed', 'approved']),
          r.of(['x', 'y']),
        ]),
      (db, r) =>
        db.execute('UPDATE actions SET insight_id = $2 WHERE id = $1', [
          r.of(letters),
          r.of([null, ...letters]),
        ]),
      (db, r) => db.execute('DELETE FROM actions WHERE id = $1', [r.of(letters)]),
      (db, r) =>
        db.execute('INSERT INTO investigations (id, insight_id, confidence_score) VALUES ($1, $2, $3)', [
          r.of(letters),
          r.of(letters),
          r.number(1_000) / 7,
        ]),
      (db, r) =>
        db.execute('UPDATE investigations SET insight_id = $2 WHERE id = $1', [r.of(letters), r.of(letters)]),
      (db, r) => db.execute('DELETE FROM investigations WHERE id = $1', [r.of(letters)]),
      (db, r) =>
        db.execute('UPDATE investigations SET id = $2 WHERE id = $1', [r.of(letters), r.of(letters)]),
      (db, r) => {
        // What SQLite cannot hold.
        const spoiled = { sqlite: '0.25', postgres: `'NaN'` }[db.dialect]
        return db.execute(`UPDATE investigations SET confidence_score = ${spoiled} WHERE id = $1`, [
          r.of(letters),
        ])
      },
    ],
  },
}

class Crash extends Error {}

/** Steps of one writer: transactions of a few operations, some of them given up. What constraints refuse is rolled back. */
async function write(mirror: Mirror, { operations }: Workload, random: Random, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    try {
      await mirror.source.db.transaction(async (tx) => {
        for (let n = random.number(4); n >= 0; n--) await random.of(operations)(tx, random)
        if (random.chance(0.1)) throw new Crash()
      })
    } catch (error) {
      if (!(error instanceof Crash) && !isDbError(error)) throw error
    }
    if (random.chance(0.3)) await turn()
  }
}

/** Applies until `isOver` and nothing is left; crashes here and there, before and after the target's commit. */
async function apply(mirror: Mirror, random: Random, isOver: () => boolean): Promise<void> {
  const sourceCapture = createCapture(mirror.from)
  const targetCapture = createCapture(mirror.from === 'sqlite' ? 'postgres' : 'sqlite')
  const { acknowledge } = sourceCapture
  const { endApply } = targetCapture
  sourceCapture.acknowledge = async (tx, batch) => {
    if (random.chance(0.15)) throw new Crash()
    await acknowledge.call(sourceCapture, tx, batch)
    if (random.chance(0.05)) throw new Crash()
  }
  targetCapture.endApply = async (tx, unit) => {
    if (random.chance(0.1)) throw new Crash()
    await endApply.call(targetCapture, tx, unit)
  }
  for (;;) {
    const wasOver = isOver()
    const batch = await mirror.read(1 + random.number(8))
    if (batch.size === 0 && wasOver) return
    try {
      await applyBatch({ ...mirror, sourceCapture, targetCapture, batch })
    } catch (error) {
      if (!(error instanceof Crash)) throw error
    }
  }
}

/** Writers and the applier at once, until the writers are done and the queue is empty. */
async function disturb(mirror: Mirror, workload: Workload, seed: number): Promise<void> {
  const writers = mirror.from === 'sqlite' ? 1 : 3
  let left = writers
  await Promise.all([
    ...Array.from({ length: writers }, (_, i) =>
      write(mirror, workload, new Random(seed + i), STEPS / writers).finally(() => left--),
    ),
    apply(mirror, new Random(seed + 99), () => left === 0),
  ])
}

/** Puts right what was spoiled and tries all of quarantine again. */
async function heal(mirror: Mirror): Promise<void> {
  const { db } = mirror.source
  if (mirror.unit === 'users' && mirror.from === 'sqlite') {
    await db.execute(`UPDATE users SET username = 'healed ' || id WHERE instr(username, char(0)) > 0`)
  }
  if (mirror.unit === 'insights' && mirror.from === 'postgres') {
    await db.execute(`UPDATE investigations SET confidence_score = 0.5 WHERE confidence_score = 'NaN'`)
  }
  for (const { table, key } of await mirror.quarantine()) {
    const shape = mirror.shapes.find((each) => each.table === table)!
    await mirror.source.transaction((tx) => mirror.sourceCapture.enqueue(tx, shape, [JSON.parse(key)]))
  }
}

/** Compared after each: a lasting difference must not be written over by chance. */
const PHASES = 6
const STEPS = 36

const given = process.env.WORKLOAD_SEED
const seeds = given ? [Number(given)] : [7, 19_770_610, Math.floor(Math.random() * 2 ** 31)]

describe.each(['sqlite', 'postgres'] as const)('a mirror of %s', (from) => {
  it.each(Object.keys(workloads))('becomes equal after any %s', async (name) => {
    const workload = workloads[name]!
    for (const seed of seeds) {
      const hint = `WORKLOAD_SEED=${seed}`
      const opened = await openBoth()
      try {
        const mirror = await Mirror.open(opened, from, workload.domains)
        for (let phase = 0; phase < PHASES; phase++) {
          await disturb(mirror, workload, seed + 1_000 * phase)
          const quarantine = await mirror.quarantine()
          // Nothing else is wrong with any row: what constraints refuse is for the applier to sort out.
          expect(
            quarantine.filter(({ reason }) => !['nul', 'float', 'orphan'].includes(reason)),
            hint,
          ).toEqual([])
          const held = new Set(quarantine.map(({ table, key }) => `${table} ${key}`))
          const kept = (await mirror.rows(mirror.source)).filter((row) => !held.has(rowName(mirror, row)))
          expect(await mirror.rows(mirror.target), hint).toEqual(kept)
        }
        await heal(mirror)
        await mirror.drain(5)
        expect(await mirror.quarantine(), hint).toEqual([])
        await mirror.expectEqual(hint)
      } catch (error) {
        throw new Error(hint, { cause: error })
      } finally {
        await opened.close()
      }
    }
  })
})

/** `table key` of a row as {@link Mirror.rows} gives it. */
function rowName(mirror: Mirror, row: string): string {
  const table = row.slice(0, row.indexOf(' '))
  const values: (string | null)[] = JSON.parse(row.slice(table.length + 1))
  const shape = mirror.shapes.find((each) => each.table === table)!
  const key = shape.key.map((column) => values[shape.columns.findIndex(({ name }) => name === column)])
  return `${table} ${JSON.stringify(key)}`
}
