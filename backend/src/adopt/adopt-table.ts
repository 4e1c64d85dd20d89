import type { ScriptSession } from '../db/sql-store.ts'
import { timestamp } from '../db/timestamps.ts'
import type { SourceValue } from '../db/transfer/codecs.ts'
import {
  type CanonicalRow,
  encodeRow,
  isReject,
  type Key,
  keyOf,
  type Reject,
  rowsByKeys,
  type TableShape,
  upsertRows,
} from '../db/transfer/index.ts'
import { quoted } from './legacy-file.ts'
import { LegacyReader, type LegacyRow } from './legacy-rows.ts'
import { refusedRow } from './refused-row.ts'
import { RowDigest } from './row-digest.ts'
import type { ChangeContext, RowValues, TableMap } from './table-maps.ts'

/** What became of the rows of one table: `source` is the sum of `adopted`, `present`, `kept` and `quarantined`. */
export interface TableOutcome {
  source: number
  adopted: number
  /** Were there already, the same. */
  present: number
  /** Were there already with other values, which stay. */
  kept: number
  /** Some of those, and what differs. */
  readonly keptRows: { readonly key: string; readonly columns: readonly string[] }[]
  quarantined: number
  /** What was changed on the way, and in how many rows. */
  readonly changes: Map<string, number>
  /** Of the rows that were adopted or present: as they were read, and as they are in the target. */
  readonly digest: { readonly source: RowDigest; readonly target: RowDigest }
}

export interface TableJob {
  /** The copy of the file. */
  readonly source: ScriptSession
  /** The transaction in the store that the domain is in. */
  readonly tx: ScriptSession
  readonly shape: TableShape
  readonly map: TableMap
  /** Columns that the file has. */
  readonly columns: readonly string[]
  readonly now: Date
  /** Whether a row of the target is as a migration has put it in, so that nobody would miss it. */
  isUntouchedSeed(key: string, row: CanonicalRow): boolean
  /** Keeps a row that does not fit. */
  reject(reject: Reject): void
}

const KEPT_ROWS_SHOWN = 100

interface Candidate {
  readonly legacy: LegacyRow
  row: CanonicalRow
  readonly changes: readonly string[]
}

/** Takes every row of a table that is not there yet. All of it happens in the job's transaction. */
export async function adoptTable(job: TableJob): Promise<TableOutcome> {
  const adoption = new TableAdoption(job)
  await adoption.run()
  return adoption.outcome
}

class TableAdoption {
  readonly outcome: TableOutcome = {
    source: 0,
    adopted: 0,
    present: 0,
    kept: 0,
    keptRows: [],
    quarantined: 0,
    changes: new Map(),
    digest: { source: new RowDigest(), target: new RowDigest() },
  }
  readonly #job: TableJob
  readonly #place: ReadonlyMap<string, number>
  readonly #context: ChangeContext
  /** Columns that say nothing about what a row is: numbers given by the store, times set by the adoption. */
  readonly #ignored: ReadonlySet<number>
  /** Rows of the target that a row of the file was found to be. */
  readonly #taken = new Set<string>()
  /** The target had no rows of its own: nothing is there already. */
  #startsEmpty = false
  #nextNumber: bigint | undefined

  constructor(job: TableJob) {
    this.#job = job
    const { shape, map } = job
    this.#place = new Map(shape.columns.map((column, index) => [column.name, index]))
    const ignored = [...(map.set ?? []), ...(shape.identity === undefined ? [] : [shape.identity])]
    this.#ignored = new Set(ignored.map((column) => this.#placeOf(column)))
    let calls = 0
    this.#context = { now: job.now, next: () => calls++ }
  }

  async run(): Promise<void> {
    const { tx, shape } = this.#job
    const { first } = this.#job.map
    this.#startsEmpty =
      (await tx.queryOne(`SELECT 1 AS found FROM ${quoted(shape.table)} LIMIT 1`)) === undefined
    if (first === undefined) return this.#pass(() => true)
    await this.#pass(first)
    await this.#pass((row) => !first(row))
  }

  async #pass(wanted: (row: RowValues) => boolean): Promise<void> {
    const { source, map, columns } = this.#job
    const reader = new LegacyReader(source, map.table, columns)
    for (;;) {
      const page = await reader.next()
      if (page.length === 0) return
      const candidates = page.map((legacy) => this.#read(legacy, wanted)).filter((row) => row !== undefined)
      await this.#settle(candidates)
    }
  }

  /** A row in canonical form; undefined when it is another pass's, or does not fit and is put aside. */
  #read(legacy: LegacyRow, wanted: (row: RowValues) => boolean): Candidate | undefined {
    const { shape, map, columns } = this.#job
    const raw = shape.columns.map((column): SourceValue => {
      const place = columns.indexOf(column.name)
      if (place < 0) return map.absent?.[column.name] ?? null
      return legacy.values[place] ?? map.nullMeans?.[column.name] ?? null
    })
    const encoded = encodeRow(shape, raw)
    const texts = isReject(encoded) ? raw.map((value) => (typeof value === 'string' ? value : null)) : encoded
    const values: RowValues = new Map(
      shape.columns.map((column, index) => [column.name, texts[index] ?? null]),
    )
    if (!wanted(values)) return undefined
    this.outcome.source++
    if (isReject(encoded)) {
      this.#putAside(legacy, encoded)
      return undefined
    }
    const filled = Object.entries(map.nullMeans ?? {})
      .filter(([column]) => legacy.values[columns.indexOf(column)] === null)
      .map(([column, meaning]) => `an empty ${column} is ${meaning} here`)
    const changes = [...filled, ...(map.change?.(values, this.#context) ?? [])]
    return { legacy, row: [...values.values()], changes }
  }

  async #settle(candidates: Candidate[]): Promise<void> {
    if (candidates.length === 0) return
    const { tx, shape } = this.#job
    const fresh =
      shape.identity === undefined ? await this.#byKey(candidates) : await this.#byContent(candidates)
    const added = await this.#insert(fresh)
    for (const change of added.flatMap(({ changes }) => changes)) this.#count(change)
    this.outcome.adopted += added.length
    const { rows } = await rowsByKeys(
      tx,
      shape,
      added.map(({ row }) => this.#keyOf(row)),
    )
    for (const { row } of added) this.outcome.digest.source.add(this.#comparable(row))
    for (const row of rows) this.outcome.digest.target.add(this.#comparable(row))
  }

  /** Those whose key is free, or taken by a row that migrations put in. */
  async #byKey(candidates: readonly Candidate[]): Promise<readonly Candidate[]> {
    if (this.#startsEmpty) return candidates
    const { isUntouchedSeed } = this.#job
    const there = await this.#existing(candidates.map(({ row }) => this.#keyOf(row)))
    return candidates.filter(({ row }) => {
      const key = JSON.stringify(this.#keyOf(row))
      const held = there.get(key)
      if (held === undefined) return true
      const columns = this.#differences(row, held)
      if (columns.length === 0) this.#present(row, held)
      else if (isUntouchedSeed(this.#keyOf(row)[0] ?? '', held)) return true
      else this.#keep(key, columns)
      return false
    })
  }

  /**
   * Where the store numbers the rows, the number says nothing: the installation may have given it to a row of its
   * own. A row is there already when one with the same content is; else it keeps its number if that is free.
   */
  async #byContent(candidates: readonly Candidate[]): Promise<readonly Candidate[]> {
    if (this.#startsEmpty) return candidates
    const alike = await this.#alike(candidates)
    const there = await this.#existing(candidates.map(({ row }) => this.#keyOf(row)))
    const fresh: Candidate[] = []
    for (const candidate of candidates) {
      const twin = (alike.get(this.#content(candidate.row)) ?? []).find(({ key }) => !this.#taken.has(key))
      if (twin !== undefined) {
        this.#taken.add(twin.key)
        this.#present(candidate.row, twin.row)
        continue
      }
      if (there.has(JSON.stringify(this.#keyOf(candidate.row)))) {
        candidate.row = await this.#renumbered(candidate.row)
        this.#count('rows got a new number, because the installation has given theirs to a row of its own')
      }
      fresh.push(candidate)
    }
    // A row that was added is not what a later one of the same content is.
    for (const { row } of fresh) this.#taken.add(JSON.stringify(this.#keyOf(row)))
    return fresh
  }

  /** Rows of the target with the times of `candidates`, by content. */
  async #alike(candidates: readonly Candidate[]): Promise<Map<string, { key: string; row: CanonicalRow }[]>> {
    const { tx, shape } = this.#job
    const alike = new Map<string, { key: string; row: CanonicalRow }[]>()
    const { identity, time } = shape
    if (identity === undefined || time === undefined) return alike
    const place = this.#placeOf(time)
    const times = new Set(candidates.map(({ row }) => timestamp(row[place] ?? '')))
    const values = [...times]
    const found = await tx.query<{ number: number | bigint }>(
      `SELECT ${quoted(identity)} AS number FROM ${quoted(shape.table)}
       WHERE ${quoted(time)} IN (${values.map((_, index) => `$${index + 1}`).join(', ')})`,
      values,
    )
    const { rows } = await rowsByKeys(
      tx,
      shape,
      found.map(({ number }) => [String(number)]),
    )
    for (const row of rows) {
      const entry = { key: JSON.stringify(this.#keyOf(row)), row }
      const content = this.#content(row)
      alike.set(content, [...(alike.get(content) ?? []), entry])
    }
    return alike
  }

  async #renumbered(row: CanonicalRow): Promise<CanonicalRow> {
    const { tx, source, shape } = this.#job
    const identity = quoted(shape.identity ?? '')
    if (this.#nextNumber === undefined) {
      let highest = 0n
      for (const session of [source, tx]) {
        const [found] = await session.rawQuery(`SELECT max(${identity}) FROM ${quoted(shape.table)}`)
        const number = found?.[0] == null ? 0n : BigInt(String(found[0]))
        if (number > highest) highest = number
      }
      this.#nextNumber = highest + 1n
    }
    const place = this.#placeOf(shape.identity ?? '')
    const number = String(this.#nextNumber++)
    return row.map((value, index) => (index === place ? number : value))
  }

  /** By key; of a row that cannot be read, nothing but that it is there. */
  async #existing(keys: readonly Key[]): Promise<Map<string, CanonicalRow>> {
    const { rows, rejects } = await rowsByKeys(this.#job.tx, this.#job.shape, keys)
    return new Map<string, CanonicalRow>([
      ...rows.map((row) => [JSON.stringify(this.#keyOf(row)), row] as const),
      ...rejects.map((reject) => [reject.key, []] as const),
    ])
  }

  /** Inserts what can be; halves a batch that is refused until the rows that are to blame stand alone. */
  async #insert(candidates: readonly Candidate[]): Promise<Candidate[]> {
    if (candidates.length === 0) return []
    const { tx, shape } = this.#job
    try {
      await tx.transaction((part) =>
        upsertRows(
          part,
          shape,
          candidates.map(({ row }) => row),
        ),
      )
      return [...candidates]
    } catch (error) {
      const [only] = candidates
      const reject = refusedRow(shape, only?.row ?? [], error)
      if (reject === undefined || only === undefined) throw error
      if (candidates.length === 1) {
        const { clash } = this.#job.map
        const suggestion = reject.reason === 'unique' && clash !== undefined ? clash : reject.suggestion
        this.#putAside(only.legacy, { ...reject, suggestion })
        return []
      }
    }
    const half = candidates.length >> 1
    return [
      ...(await this.#insert(candidates.slice(0, half))),
      ...(await this.#insert(candidates.slice(half))),
    ]
  }

  #present(row: CanonicalRow, held: CanonicalRow): void {
    this.outcome.present++
    this.outcome.digest.source.add(this.#comparable(row))
    this.outcome.digest.target.add(this.#comparable(held))
  }

  #keep(key: string, columns: readonly string[]): void {
    this.outcome.kept++
    if (this.outcome.keptRows.length < KEPT_ROWS_SHOWN) this.outcome.keptRows.push({ key, columns })
  }

  #putAside(legacy: LegacyRow, reject: Reject): void {
    this.outcome.quarantined++
    this.#job.reject({
      ...reject,
      key: JSON.stringify([...keyTexts(reject.key), `adopted row ${legacy.rowid}`]),
    })
  }

  #count(change: string): void {
    this.outcome.changes.set(change, (this.outcome.changes.get(change) ?? 0) + 1)
  }

  #differences(row: CanonicalRow, held: CanonicalRow): string[] {
    return this.#job.shape.columns
      .filter((_, index) => !this.#ignored.has(index) && row[index] !== held[index])
      .map((column) => column.name)
  }

  #comparable(row: CanonicalRow): CanonicalRow {
    return row.map((value, index) => (this.#ignored.has(index) ? null : value))
  }

  #content(row: CanonicalRow): string {
    return JSON.stringify(this.#comparable(row))
  }

  #keyOf(row: CanonicalRow): Key {
    return keyOf(this.#job.shape, row)
  }

  #placeOf(column: string): number {
    const place = this.#place.get(column)
    if (place === undefined) throw new Error(`${this.#job.shape.table} has no column ${column}`)
    return place
  }
}

function keyTexts(key: string): unknown[] {
  const texts: unknown = JSON.parse(key)
  return Array.isArray(texts) ? texts : [texts]
}
