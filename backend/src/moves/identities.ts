import type { ScriptSession } from '../db/sql-store.ts'
import { quoteName } from '../db/sql-text.ts'
import type { TableShape } from '../db/transfer/index.ts'

/** All that is needed of a table to know its numbers. */
type NumberedTable = Pick<TableShape, 'table' | 'identity'>

interface Identity {
  readonly table: string
  readonly column: string
}

const identitiesOf = (shapes: readonly NumberedTable[]): Identity[] =>
  shapes.flatMap(({ table, identity }) => (identity === undefined ? [] : [{ table, column: identity }]))

/** The last number that each table of a store has given to a row, rows that are deleted included. */
export async function readIdentities(
  session: ScriptSession,
  shapes: readonly TableShape[],
): Promise<ReadonlyMap<string, bigint>> {
  const last = new Map<string, bigint>()
  for (const identity of identitiesOf(shapes)) {
    const { given, used } = await numbersOf(session, identity)
    last.set(identity.table, given > used ? given : used)
  }
  return last
}

/**
 * Makes the next number that a table gives higher than every key in it and than `above`, the last one that the other
 * store gave: rows that came with their number do not count on their own. A number never becomes lower.
 */
export async function raiseIdentities(
  tx: ScriptSession,
  shapes: readonly TableShape[],
  above: ReadonlyMap<string, bigint> = new Map(),
): Promise<void> {
  for (const identity of identitiesOf(shapes)) {
    const { given, used } = await numbersOf(tx, identity)
    const other = above.get(identity.table) ?? 0n
    const last = used > other ? used : other
    if (last > given) await raise(tx, identity, last)
  }
}

/** Tables that would give a number that is taken, each as a sentence. */
export async function checkIdentities(
  session: ScriptSession,
  shapes: readonly NumberedTable[],
): Promise<string[]> {
  const problems: string[] = []
  for (const identity of identitiesOf(shapes)) {
    const { given, used } = await numbersOf(session, identity)
    if (given >= used) continue
    problems.push(
      `${identity.table}: the next ${identity.column} is ${given + 1n}, and there is ${used} already`,
    )
  }
  return problems
}

/** `given`: the last number that the store gave. `used`: the highest in the table. */
async function numbersOf(session: ScriptSession, { table, column }: Identity) {
  const highest = `SELECT coalesce(max(${quoteName(column)}), 0) FROM ${quoteName(table)}`
  const [[used] = []] = await session.rawQuery(highest)
  return { given: await lastGiven(session, table, column), used: BigInt(String(used ?? 0)) }
}

async function lastGiven(session: ScriptSession, table: string, column: string): Promise<bigint> {
  const [[last] = []] =
    session.dialect === 'sqlite'
      ? await session.rawQuery('SELECT seq FROM sqlite_sequence WHERE name = $1', [table])
      : // A sequence says its first number, not the one before it, until that was given.
        await session.rawQuery(
          `SELECT s.last_value - CASE WHEN s.is_called THEN 0 ELSE 1 END
           FROM ${await sequenceOf(session, table, column)} AS s`,
        )
  return BigInt(String(last ?? 0))
}

async function sequenceOf(session: ScriptSession, table: string, column: string): Promise<string> {
  const row = await session.queryOne<{ name: string | null }>(
    'SELECT pg_get_serial_sequence($1, $2) AS name',
    [quoteName(table), column],
  )
  if (!row?.name) throw new TypeError(`${table}.${column} has no sequence`)
  return row.name
}

async function raise(tx: ScriptSession, { table, column }: Identity, last: bigint): Promise<void> {
  if (tx.dialect === 'postgres') {
    const sequence = await sequenceOf(tx, table, column)
    await tx.query(`SELECT setval($1::REGCLASS, $2, true)`, [sequence, last])
    return
  }
  const { rowCount } = await tx.execute('UPDATE sqlite_sequence SET seq = $2 WHERE name = $1', [table, last])
  if (rowCount === 0)
    await tx.execute('INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)', [table, last])
}
