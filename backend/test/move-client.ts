import type { AppDb, SqlValue } from '../src/db/app-db.ts'
import type { Domain } from '../src/db/domains.ts'
import { quoteName } from '../src/db/sql-text.ts'
import { pick, type RowRules, randomRow, referencedValues } from './move-data.ts'

/** A column that holds a text of the client's own, by which it knows what it wrote last. */
function tokenColumn({ shape, allowed, references }: RowRules): string | undefined {
  const taken = new Set([...shape.key, ...shape.uniques.flat(), ...allowed.keys(), ...references.keys()])
  return shape.columns.find(({ name, kind }) => kind === 'text' && !taken.has(name))?.name
}

/** Whether there is something to refer to wherever a row must. */
function hasParents(
  { shape, references }: RowRules,
  valuesOf: (table: string, column: string) => readonly SqlValue[],
): boolean {
  return [...references].every(([name, { table, column }]) => {
    const nullable = shape.columns.find((each) => each.name === name)?.nullable === true
    return nullable || valuesOf(table, column).length > 0
  })
}

interface Owned {
  readonly key: readonly SqlValue[]
  token: string | null
}

interface OwnedTable {
  readonly rule: RowRules
  readonly token: string | undefined
  readonly rows: Map<string, Owned>
  /** Others refer to its rows: none is deleted. */
  readonly isParent: boolean
}

/**
 * Writes and reads rows of its own as fast as it can, and remembers every write that was acknowledged: what it reads
 * must be what it wrote last.
 */
export class MoveClient {
  readonly #tables: OwnedTable[]
  readonly #random: () => number
  readonly #dbOf: (domain: Domain) => AppDb
  readonly #name: string
  #written = 0
  /** Calls that failed, and reads that were wrong. */
  readonly problems: string[] = []

  constructor(
    name: string,
    rules: readonly RowRules[],
    random: () => number,
    dbOf: (domain: Domain) => AppDb,
  ) {
    const parents = new Set(
      rules.flatMap(({ references }) => [...references.values()].map(({ table }) => table)),
    )
    this.#name = name
    this.#random = random
    this.#dbOf = dbOf
    this.#tables = rules
      // A key that is a reference has few values, which others have taken.
      .filter(
        ({ shape, references, allowed }) =>
          !shape.key.some((name) => references.has(name) || allowed.has(name)),
      )
      .map((rule) => ({
        rule,
        token: tokenColumn(rule),
        rows: new Map<string, Owned>(),
        isParent: parents.has(rule.shape.table),
      }))
  }

  get written(): number {
    return this.#written
  }

  /** Works until `stopped` is aborted. */
  async run(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      await this.step()
      // Lets timers of the same process have their turn: SQLite and PostgreSQL answer from other threads.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async step(): Promise<void> {
    const owned = pick(this.#random, this.#tables)
    const kind = this.#random()
    try {
      if (owned.rows.size === 0 || kind < 0.35) await this.#insert(owned)
      else if (kind < 0.65) await this.#update(owned)
      else if (kind < 0.75 && !owned.isParent) await this.#delete(owned)
      else await this.#read(owned, pick(this.#random, [...owned.rows.keys()]))
    } catch (error) {
      this.problems.push(
        `${owned.rule.shape.table}: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  /** Reads everything that it has written. */
  async readAll(): Promise<void> {
    for (const owned of this.#tables) for (const key of owned.rows.keys()) await this.#read(owned, key)
  }

  async #insert(owned: OwnedTable): Promise<void> {
    const { rule, token } = owned
    const { shape } = rule
    const db = this.#dbOf(shape.domain)
    const values = await referencedValues(db, rule)
    if (!hasParents(rule, values)) return
    const row = randomRow(this.#random, rule, values)
    const text = `${this.#name}-${this.#written}`
    const names = shape.columns.map(({ name }) => name)
    if (token) row[names.indexOf(token)] = text
    const key = shape.key.map((name) => row[names.indexOf(name)] ?? null)
    const columns = names.map(quoteName).join(', ')
    const places = names.map((_, i) => `$${i + 1}`).join(', ')
    const sql = `INSERT INTO ${quoteName(shape.table)} (${columns}) VALUES (${places})`
    const kind = this.#random()
    const owner: Owned = { key, token: token ? text : null }
    if (kind < 0.4) await db.execute(sql, row)
    else if (kind < 0.7) await db.insertMany(shape.table, names, [row])
    else await db.transaction((tx) => tx.execute(sql, row))
    owned.rows.set(JSON.stringify(key), owner)
    this.#written++
  }

  async #update(owned: OwnedTable): Promise<void> {
    const { rule, token } = owned
    if (!token) return
    const row = pick(this.#random, [...owned.rows.values()])
    const text = `${this.#name}-${this.#written}`
    const db = this.#dbOf(rule.shape.domain)
    const where = rule.shape.key.map((name, i) => `${quoteName(name)} = $${i + 2}`).join(' AND ')
    const sql = `UPDATE ${quoteName(rule.shape.table)} SET ${quoteName(token)} = $1 WHERE ${where}`
    const before = row.token
    row.token = text
    let rowCount: number
    try {
      rowCount = (await db.execute(sql, [text, ...row.key])).rowCount
    } catch (error) {
      row.token = before
      throw error
    }
    if (rowCount !== 1)
      this.problems.push(`${rule.shape.table}: ${rowCount} rows updated for ${JSON.stringify(row.key)}`)
    this.#written++
  }

  async #delete(owned: OwnedTable): Promise<void> {
    const { rule } = owned
    const [name, row] = pick(this.#random, [...owned.rows])
    const where = rule.shape.key.map((column, i) => `${quoteName(column)} = $${i + 1}`).join(' AND ')
    const db = this.#dbOf(rule.shape.domain)
    const { rowCount } = await db.execute(
      `DELETE FROM ${quoteName(rule.shape.table)} WHERE ${where}`,
      row.key,
    )
    if (rowCount !== 1) this.problems.push(`${rule.shape.table}: ${rowCount} rows deleted for ${name}`)
    owned.rows.delete(name)
    this.#written++
  }

  async #read(owned: OwnedTable, name: string): Promise<void> {
    const row = owned.rows.get(name)
    if (!row) return
    const { shape } = owned.rule
    const where = shape.key.map((column, i) => `${quoteName(column)} = $${i + 1}`).join(' AND ')
    const value = owned.token ? quoteName(owned.token) : 'NULL'
    const sql = `SELECT ${value} AS token FROM ${quoteName(shape.table)} WHERE ${where}`
    const found = await this.#dbOf(shape.domain).queryOne<{ token: string | null }>(sql, row.key)
    if (!found) this.problems.push(`${shape.table}: ${name} is gone`)
    else if (found.token !== row.token) {
      this.problems.push(`${shape.table}: ${name} has ${found.token}, not ${row.token}`)
    }
  }
}
