import { ensurePartitions } from '../db/pg-partitions.ts'
import type { ScriptSession } from '../db/sql-store.ts'
import { quoteName } from '../db/sql-text.ts'
import {
  type CanonicalRow,
  codecOf,
  deleteKeys,
  type Key,
  keyOf,
  type Reject,
  reasonOfRefusal,
  rejected,
  rowsByKeys,
  type TableShape,
  upsertRows,
} from '../db/transfer/index.ts'
import type { ApplyJob } from './applier.ts'
import { keysWhere, type Reference, readReferences, valuesOf } from './applier-relations.ts'
import {
  type BookedJob,
  type Found,
  isAboutRows,
  keepBooks,
  keyText,
  type Outcome,
  readRows,
  type Wanted,
} from './applier-rows.ts'

/** Each round brings rows along or learns what the target refuses; a chain of them is hardly longer. */
const MAX_ROUNDS = 50

type Keys = Map<string, Map<string, Key>>
type Rejects = Map<string, Map<string, Reject>>

/**
 * Applies keys where a constraint of the target was in the way. All that the rows are entangled with in the target
 * comes along: rows that hold their unique values, parents that are missing there, children of what goes. The source
 * allows the state that is read, so with all of it applied the target does too. Rows that it refuses nevertheless, and
 * those whose parent is not to be had, go to quarantine and leave the mirror.
 */
export async function applyCarefully(job: BookedJob, batch: Wanted): Promise<Outcome> {
  const { source, target, shapes } = job
  const wanted: Keys = new Map([...batch].map(([table, keys]) => [table, new Map(keys)]))
  const refused: Rejects = new Map()
  const references = await target.snapshot((session) => readReferences(session, shapes))
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const found = await readRows(source, shapes, wanted)
    for (const [table, rejects] of refused) reject(found, table, rejects)
    if (await comesAlong(job, references, found, wanted)) continue
    await makePartitions(job, found)
    const learned = await attempt(job, references, found)
    if ('found' in learned) return learned
    for (const { table, key, ...rest } of learned) {
      const known = refused.get(table) ?? new Map<string, Reject>()
      refused.set(table, known.set(key, { table, key, ...rest }))
    }
  }
  throw new Error(`The changes of ${job.unit} do not fit into the mirror, after ${MAX_ROUNDS} attempts`)
}

/** Takes rows from those to write. A row that has changed since it was refused is refused again. */
function reject(found: readonly Found[], table: string, rejects: ReadonlyMap<string, Reject>): void {
  const of = found.find(({ shape }) => shape.table === table)
  for (const [text, reason] of rejects) {
    if (of?.rows.delete(text)) of.rejects.set(text, reason)
  }
}

/** Adds keys to `wanted`; true when there were any. Rows without a parent are rejected on the way. */
async function comesAlong(
  { target }: ApplyJob,
  references: readonly Reference[],
  found: readonly Found[],
  wanted: Keys,
): Promise<boolean> {
  const add = (shape: TableShape, keys: readonly Key[]) => {
    const known = wanted.get(shape.table) ?? new Map<string, Key>()
    wanted.set(shape.table, known)
    const before = known.size
    for (const key of keys) known.set(keyText(key), key)
    return known.size > before
  }
  return target.snapshot(async (session) => {
    let added = false
    for (const reference of references) {
      const parents = await missingParents(session, reference, found, wanted)
      added = add(reference.parent, parents) || added
    }
    if (added) return true
    rejectOrphans(references, found)
    for (const { shape, rows } of found) {
      for (const unique of shape.uniques) {
        const holders = await holdersOf(session, shape, unique, [...rows.values()])
        added =
          add(
            shape,
            holders.map(({ key }) => key),
          ) || added
      }
    }
    for (const { child, parent, columns } of references) {
      const children = await keysWhere(session, child, columns, leaving(found, parent))
      added =
        add(
          child,
          children.map(({ key }) => key),
        ) || added
    }
    return added
  })
}

/** Keys of one table that will not be in the mirror. */
function leaving(found: readonly Found[], shape: TableShape): Key[] {
  const of = found.find((each) => each.shape.table === shape.table)
  if (!of) return []
  return [...of.gone.values(), ...keysOfRejects(of)]
}

const keysOfRejects = ({ rejects }: Found): Key[] =>
  [...rejects.keys()].map((text): unknown => JSON.parse(text)).filter(isKey)

const isKey = (value: unknown): value is Key =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')

/** Parents that rows refer to and that are neither on their way nor in the target. */
async function missingParents(
  session: ScriptSession,
  { child, parent, columns }: Reference,
  found: readonly Found[],
  wanted: Keys,
): Promise<Key[]> {
  const rows = found.find(({ shape }) => shape.table === child.table)?.rows ?? new Map<string, CanonicalRow>()
  const keys = new Map<string, Key>()
  for (const row of rows.values()) {
    const key = valuesOf(child, row, columns)
    if (key && !wanted.get(parent.table)?.has(keyText(key))) keys.set(keyText(key), key)
  }
  const there = await rowsByKeys(session, parent, [...keys.values()])
  for (const row of there.rows) keys.delete(keyText(keyOf(parent, row)))
  for (const { key } of there.rejects) keys.delete(key)
  return [...keys.values()]
}

/** Rejects rows whose parent is not to come, and then those whose parent they are. */
function rejectOrphans(references: readonly Reference[], found: readonly Found[]): void {
  for (let changed = true; changed; ) {
    changed = false
    for (const { child, parent, columns } of references) {
      const of = found.find(({ shape }) => shape.table === child.table)
      const missing = new Set(leaving(found, parent).map(keyText))
      for (const [text, row] of of?.rows ?? []) {
        const key = valuesOf(child, row, columns)
        if (!key || !missing.has(keyText(key))) continue
        const message = `${columns.join(', ')} refers to ${key.join(', ')}, which ${parent.table} does not have`
        of?.rows.delete(text)
        of?.rejects.set(text, rejected(child, row, columns[0] ?? null, 'orphan', message))
        changed = true
      }
    }
  }
}

/** Rows of the target that hold a unique value of another row that is to be written. */
async function holdersOf(
  session: ScriptSession,
  shape: TableShape,
  unique: readonly string[],
  rows: readonly CanonicalRow[],
): Promise<{ key: Key }[]> {
  const claims = rows.flatMap((row) => {
    const values = valuesOf(shape, row, unique)
    return values ? [{ values, owner: keyText(keyOf(shape, row)) }] : []
  })
  const holders = await keysWhere(
    session,
    shape,
    unique,
    claims.map(({ values }) => values),
  )
  return holders.filter(({ key, place }) => keyText(key) !== claims[place]?.owner)
}

async function makePartitions({ target }: ApplyJob, found: readonly Found[]): Promise<void> {
  if (target.db.dialect === 'sqlite') return
  for (const { shape, rows } of found) {
    const { time, partition } = shape
    if (!partition || time === undefined || rows.size === 0) continue
    const times = [...rows.values()].map((row) => Number(valuesOf(shape, row, [time])?.[0]))
    for (const at of new Set(times.map((each) => each - (each % partition.widthMs)))) {
      await ensurePartitions(target.db, [shape.table], at, at + 1)
    }
  }
}

/** Undoes an attempt that has learned something. */
class Refusals extends Error {
  readonly rejects: readonly Reject[]

  constructor(rejects: readonly Reject[]) {
    super('Rows were refused')
    this.rejects = rejects
  }
}

/** Applies everything in one transaction. Rows that the target refuses are returned, and nothing was changed then. */
async function attempt(
  job: BookedJob,
  references: readonly Reference[],
  found: readonly Found[],
): Promise<Outcome | readonly Reject[]> {
  const { unit, target, targetCapture } = job
  try {
    return await target.transaction(async (tx) => {
      await targetCapture.beginApply(tx, unit)
      for (const of of found) await partUniques(tx, of)
      const refusals: Reject[] = []
      for (const of of found) refusals.push(...(await writeRows(tx, of, references)))
      if (refusals.length > 0) throw new Refusals(refusals)
      let deleted = 0
      // After the writes: no row that stays refers to them any more.
      for (const { shape } of found.toReversed())
        deleted += await deleteKeys(tx, shape, leaving(found, shape))
      await targetCapture.endApply(tx, unit)
      if (tx.dialect === 'postgres') await keepBooks(tx, job, found)
      return { upserted: found.reduce((total, { rows }) => total + rows.size, 0), deleted, found }
    })
  } catch (error) {
    if (error instanceof Refusals) return error.rejects
    throw error
  }
}

/**
 * Takes unique values from the rows that hold them, for the rows that are to have them. Every such row is part of the
 * batch by now, so what it is given instead is overwritten or deleted before the commit.
 */
async function partUniques(tx: ScriptSession, { shape, rows }: Found): Promise<void> {
  for (const unique of shape.uniques) {
    for (const { key } of await holdersOf(tx, shape, unique, [...rows.values()]))
      await park(tx, shape, unique, key)
  }
}

async function park(
  tx: ScriptSession,
  shape: TableShape,
  unique: readonly string[],
  key: Key,
): Promise<void> {
  const columns = shape.columns.filter(({ name }) => unique.includes(name) && !shape.key.includes(name))
  const nullable = columns.filter((column) => column.nullable)
  const texts = columns.filter((column) => !column.nullable && column.kind === 'text')
  const where = shape.key.map((name, i) => `${quoteName(name)} = $${i + 2}`).join(' AND ')
  let refusal: unknown = new Error(`${shape.table} (${unique.join(', ')}) has no value to be parked under`)
  for (const { name, nullable: isNullable } of [...nullable, ...texts]) {
    const sql = `UPDATE ${quoteName(shape.table)} SET ${quoteName(name)} = $1 WHERE ${where}`
    const value = isNullable ? null : `parked ${keyText(key)}`
    try {
      await tx.transaction((inner) => inner.rawExecute(sql, [value, ...heldKey(tx, shape, key)]))
      return
    } catch (error) {
      // A CHECK or a foreign key allows some values only: the next column may be freer.
      if (!isAboutRows(error)) throw error
      refusal = error
    }
  }
  throw refusal
}

const heldKey = (session: ScriptSession, shape: TableShape, key: Key) =>
  shape.key.map((name, i) => {
    const column = shape.columns.find((each) => each.name === name)
    const text = key[i] ?? ''
    return session.dialect === 'sqlite' && column ? codecOf(column).decode(text) : text
  })

/** Writes what can be written, all at once or row by row. Returns what is refused. */
async function writeRows(tx: ScriptSession, of: Found, references: readonly Reference[]): Promise<Reject[]> {
  const { shape } = of
  const rows = parentsFirst(of, references)
  try {
    await tx.transaction((inner) => upsertRows(inner, shape, rows))
    return []
  } catch (error) {
    if (!isAboutRows(error)) throw error
  }
  const refusals: Reject[] = []
  for (const row of rows) {
    try {
      await tx.transaction((inner) => upsertRows(inner, shape, [row]))
    } catch (error) {
      if (!isAboutRows(error)) throw error
      refusals.push(rejected(shape, row, null, reasonOfRefusal(error), error.message))
    }
  }
  return refusals
}

/** Rows of a table that refers to itself, each after the one that it refers to. */
function parentsFirst({ shape, rows }: Found, references: readonly Reference[]): CanonicalRow[] {
  const own = references.filter(
    ({ child, parent }) => child.table === shape.table && parent.table === shape.table,
  )
  const sorted = new Set<CanonicalRow>()
  const visit = (row: CanonicalRow, path: ReadonlySet<CanonicalRow>) => {
    if (sorted.has(row) || path.has(row)) return
    for (const { columns } of own) {
      const key = valuesOf(shape, row, columns)
      const parent = key && rows.get(keyText(key))
      if (parent) visit(parent, new Set([...path, row]))
    }
    sorted.add(row)
  }
  for (const row of rows.values()) visit(row, new Set())
  return [...sorted]
}
