import type { RawValue, ScriptSession } from '../db/sql-store.ts'
import { InvalidText, type SourceValue } from '../db/transfer/codecs.ts'
import { quoted } from './legacy-file.ts'

/** A row of the file as SQLite holds it. */
export interface LegacyRow {
  readonly rowid: bigint
  readonly values: readonly SourceValue[]
}

const FIRST_PAGE = 50
const LARGEST_PAGE = 500
const PAGE_BYTES = 4_000_000

/** Reads `columns` of a table in pages of bounded size, in the order in which the rows were made. */
export class LegacyReader {
  readonly #session: ScriptSession
  readonly #table: string
  readonly #columns: readonly string[]
  #after: bigint | undefined
  #size = FIRST_PAGE

  constructor(session: ScriptSession, table: string, columns: readonly string[]) {
    this.#session = session
    this.#table = table
    this.#columns = columns
  }

  /** The next rows; none at the end. */
  async next(): Promise<LegacyRow[]> {
    const names = this.#columns.map(quoted).join(', ')
    const after = this.#after
    const rows = await this.#session.rawQuery(
      `SELECT rowid, ${names} FROM ${quoted(this.#table)} ${after === undefined ? '' : 'WHERE rowid > $1'}
       ORDER BY rowid LIMIT ${this.#size}`,
      after === undefined ? [] : [after],
    )
    const page: LegacyRow[] = []
    let bytes = 0
    for (const [rowid, ...values] of rows) {
      if (typeof rowid !== 'bigint') throw new TypeError('A rowid is always an integer')
      bytes += values.reduce<number>((sum, value) => sum + sizeOf(value), 0)
      page.push({ rowid, values: await this.#withBytes(rowid, values) })
      this.#after = rowid
    }
    if (rows.length > 0) {
      const fitting = Math.floor((PAGE_BYTES * rows.length) / Math.max(bytes, 1))
      this.#size = Math.max(1, Math.min(LARGEST_PAGE, fitting))
    }
    return page
  }

  /** The binding turns bytes that are no UTF-8 into U+FFFD, which may also be there by right. */
  async #withBytes(rowid: bigint, values: readonly RawValue[]): Promise<SourceValue[]> {
    const restored: SourceValue[] = [...values]
    for (const [index, value] of values.entries()) {
      const column = this.#columns[index]
      if (typeof value !== 'string' || !value.includes('\ufffd') || column === undefined) continue
      const [row] = await this.#session.rawQuery(
        `SELECT CAST(${quoted(column)} AS BLOB) FROM ${quoted(this.#table)} WHERE rowid = $1`,
        [rowid],
      )
      const bytes = row?.[0]
      if (bytes instanceof Uint8Array && !Buffer.from(value).equals(bytes))
        restored[index] = new InvalidText(bytes)
    }
    return restored
  }
}

function sizeOf(value: RawValue): number {
  return typeof value === 'string' ? value.length : value instanceof Uint8Array ? value.byteLength : 8
}
