import { isDbError } from '../db-errors.ts'
import { copyStatement, stagedInsert } from '../pg-bulk.ts'
import { quoteName } from '../sql-text.ts'
import { DigestBuilder } from './digest.ts'
import type { Job } from './job.ts'
import { addToQuarantine, type CopyRecord, readCopyRecord, writeCopyRecord } from './ledger.ts'
import { dropIndexes, isKeyText, rebuildIndexes } from './pg-indexes.ts'
import type { CopySink, PgLink } from './pg-link.ts'
import type { CopyOrder, CopyResult } from './protocol.ts'
import { refusalOf } from './refusal.ts'
import { copyHeader, copyTrailer } from './row-bytes.ts'
import { columnNames, upsertClause } from './rows-sql.ts'
import { type Cursor, type PageSink, RowsMovedError, SqliteSource } from './sqlite-source.ts'
import type { Reject } from './types.ts'

/** A page is as large as fits into this time: what the applier and the throttle wait for. */
const pageMs = 700
const firstPage = 2_000
const largestPage = 200_000
/** What is written before the socket is served: little at first, as the server has nothing to do until then. */
const firstPartBytes = 16 * 1024
const partBytes = 256 * 1024
/** From here on it pays to build indexes and the key at the end. */
const bareRows = 20_000

interface Page {
  readonly rows: number
  readonly rejects: readonly Reject[]
  /** Where the page ends; null when nothing was left. */
  readonly cursor: Cursor | null
  readonly done: boolean
  readonly bytes: number
}

/**
 * Copies a table of SQLite into PostgreSQL: each page, its checkpoint and its quarantined rows in one transaction.
 * A page that the server refuses is written in ever smaller parts, until the row that it refuses stands alone.
 */
export async function copyToPostgres(order: CopyOrder, job: Job): Promise<CopyResult> {
  return new Copy(
    order,
    job,
    await job.stores.postgres(),
    new SqliteSource(await job.stores.sqlite({ readonly: true }), order.shape),
  ).run()
}

class Copy {
  readonly #order: CopyOrder
  readonly #job: Job
  readonly #link: PgLink
  readonly #source: SqliteSource
  readonly #digest = new DigestBuilder()
  readonly #table: string
  #record: CopyRecord = { state: 'copying', cursor: null, copiedRows: 0, rejectedRows: 0, savedIndexes: null }
  #bytes = 0
  #limit: number
  readonly #largest: number
  /** The digest is that of the rows in the target. */
  #isWhole = true
  /** Rows go through a staging table and overwrite: some of them are there already. */
  #staged = false

  constructor(order: CopyOrder, job: Job, link: PgLink, source: SqliteSource) {
    this.#order = order
    this.#job = job
    this.#link = link
    this.#source = source
    this.#largest = order.pageRows ?? largestPage
    this.#limit = Math.min(firstPage, this.#largest)
    this.#table = order.schema === undefined ? order.shape.table : `${order.schema}.${order.shape.table}`
  }

  async run(): Promise<CopyResult> {
    const { unit, shape } = this.#order
    const found = await readCopyRecord(this.#link, unit, shape.table)
    this.#isWhole = found.state === 'waiting'
    this.#record = found
    if (found.state === 'waiting') await this.#start()
    if (this.#record.state === 'copying') await this.#copyPages()
    if (this.#record.state === 'indexing') await this.#finish()
    const { copiedRows, rejectedRows } = this.#record
    this.#digest.rejected = rejectedRows
    return { rows: copiedRows, rejected: rejectedRows, digest: this.#isWhole ? this.#digest.result() : null }
  }

  async #start(): Promise<void> {
    const record: CopyRecord = {
      state: 'copying',
      cursor: null,
      copiedRows: 0,
      rejectedRows: 0,
      savedIndexes: null,
    }
    const isEmpty = (await this.#link.query(`SELECT 1 FROM ${this.#quoted} LIMIT 1`)).length === 0
    // Rows that are there already are overwritten.
    this.#staged = !isEmpty
    const savedIndexes =
      isEmpty && this.#source.hasRows(this.#order.bareRows ?? bareRows)
        ? await dropIndexes(this.#link, this.#quoted, this.#source.isInKeyOrder, (saved) =>
            this.#write({ ...record, savedIndexes: saved }),
          )
        : null
    await this.#write({ ...record, savedIndexes })
  }

  async #copyPages(): Promise<void> {
    let drained = false
    for (;;) {
      await this.#job.beforePage()
      this.#job.throwIfAborted()
      const started = performance.now()
      const page = await this.#tryPage(drained)
      if (page instanceof Error) {
        await this.#restoreKey()
        if (!this.#staged) this.#staged = true
        else if (drained) this.#limit = Math.max(1, this.#limit >> 1)
        if (!drained) {
          drained = true
          await this.#job.onConflict()
        }
        continue
      }
      // The rest of what was refused is still to come: no second drain for it.
      if (this.#limit >= Math.min(firstPage, this.#largest)) drained = false
      this.#adapt(performance.now() - started)
      this.#job.progress({ rows: this.#record.copiedRows, bytes: this.#bytes, state: 'copying' })
      if (page.done) break
    }
    await this.#write({ ...this.#record, state: 'indexing' })
  }

  /** From here on a row may be there already: it is told by its key. */
  async #restoreKey(): Promise<void> {
    const saved = this.#record.savedIndexes ?? []
    if (!saved.some(isKeyText)) return
    await this.#rebuild(saved.filter(isKeyText))
    await this.#write({ ...this.#record, savedIndexes: saved.filter((text) => !isKeyText(text)) })
  }

  /** Grows and shrinks pages to their time; after a refusal they grow back. */
  #adapt(tookMs: number): void {
    if (tookMs < pageMs / 2) this.#limit = Math.min(this.#limit * 2, this.#largest)
    else if (tookMs > pageMs * 1.5) this.#limit = Math.max(1, Math.round((this.#limit * pageMs) / tookMs))
  }

  /** Writes one page and its checkpoint. An Error is what the server has against it. */
  async #tryPage(drained: boolean): Promise<Page | Error> {
    const limit = this.#limit
    try {
      return await this.#page(limit)
    } catch (error) {
      this.#source.close()
      this.#digest.dropPage()
      if (error instanceof RowsMovedError) await this.#startOver()
      if (error instanceof RowsMovedError || this.#source.beExact(error)) return this.#tryPage(drained)
      if (!isDbError(error) || !error.refusesRow) throw error
      return limit === 1 && this.#staged && drained ? this.#refuseRow(error) : error
    }
  }

  /** Rows that were copied before are overwritten. */
  async #startOver(): Promise<void> {
    await this.#restoreKey()
    this.#staged = true
    this.#isWhole = false
    await this.#write({ ...this.#record, cursor: null, copiedRows: 0, rejectedRows: 0 })
  }

  async #page(limit: number): Promise<Page> {
    const { shape, asApplier } = this.#order
    const columns = columnNames(shape)
    const staging = 'holdfast_transfer'
    const staged = stagedInsert(this.#table, staging, columns, undefined)
    return this.#transaction(async () => {
      if (asApplier) await this.#link.script(asApplier.begin)
      if (this.#staged) await this.#link.script(staged.create)
      const sink = this.#link.copy(
        `${copyStatement(this.#staged ? staging : this.#table, columns)} (FORMAT binary)`,
      )
      const page = await this.#send(sink, limit)
      if (this.#staged) await this.#link.script(`${staged.insert} ${upsertClause(shape)}; ${staged.empty}`)
      if (asApplier) await this.#link.script(asApplier.end)
      await addToQuarantine(this.#link, this.#order.unit, page.rejects)
      const record: CopyRecord = {
        ...this.#record,
        state: 'copying',
        cursor: page.cursor ?? this.#record.cursor,
        copiedRows: this.#record.copiedRows + page.rows - page.rejects.length,
        rejectedRows: this.#record.rejectedRows + page.rejects.length,
      }
      await writeCopyRecord(this.#link, this.#order.unit, shape.table, record)
      return { page, record }
    })
  }

  async #transaction(work: () => Promise<{ page: Page; record: CopyRecord }>): Promise<Page> {
    const { page, record } = await this.#link.transaction(work)
    this.#record = record
    this.#bytes += page.bytes
    this.#digest.keepPage()
    this.#job.rejects(page.rejects)
    return page
  }

  async #send(sink: CopySink, limit: number): Promise<Page> {
    const { written } = this.#source
    const rejects: Reject[] = []
    const pageSink: PageSink = {
      row: () => this.#digest.add(written),
      reject: (reject) => rejects.push(reject),
    }
    let rows = 0
    let bytes = 0
    let cursor: Cursor | null
    try {
      written.clear()
      await sink.write(copyHeader)
      this.#source.open(this.#record.cursor, limit)
      for (let size = firstPartBytes; ; size = Math.min(size * 2, partBytes)) {
        const part = this.#source.read(pageSink, size)
        rows += part.rows
        bytes += written.length
        this.#job.throwIfAborted()
        await sink.write(written.bytes)
        written.clear()
        if (part.done) break
      }
      cursor = this.#source.cursor()
    } catch (error) {
      await sink.abandon()
      throw error
    }
    await sink.write(copyTrailer)
    await sink.end()
    return { rows, rejects, cursor, done: rows < limit, bytes }
  }

  /** One row that the server does not take: it goes to quarantine, and the copy goes on behind it. */
  async #refuseRow(error: Error): Promise<Page> {
    const { shape, unit } = this.#order
    const raw = this.#source.lastExactly()
    const cursor = this.#source.cursor()
    if (!raw || !cursor) throw error
    const rejects = [refusalOf(shape, raw, error)]
    return this.#transaction(async () => {
      await addToQuarantine(this.#link, unit, rejects)
      const record: CopyRecord = { ...this.#record, cursor, rejectedRows: this.#record.rejectedRows + 1 }
      await writeCopyRecord(this.#link, unit, shape.table, record)
      return { page: { rows: 1, rejects, cursor, done: false, bytes: 0 }, record }
    })
  }

  async #finish(): Promise<void> {
    const { savedIndexes } = this.#record
    this.#job.progress({ rows: this.#record.copiedRows, bytes: this.#bytes, state: 'indexing' })
    if (savedIndexes) await this.#rebuild(savedIndexes)
    // The end of a copy outlives a crash of the server.
    await this.#link.script('SET synchronous_commit = on')
    await this.#write({ ...this.#record, state: 'copied', savedIndexes: null })
  }

  /** What the indexes cannot hold is not in the target, and the digest not its. */
  async #rebuild(texts: readonly string[]): Promise<void> {
    const { refused, outdated } = await rebuildIndexes(this.#link, this.#job, this.#order, texts)
    if (refused.length + outdated === 0) return
    this.#isWhole = false
    this.#job.rejects(refused)
    this.#record = {
      ...this.#record,
      copiedRows: this.#record.copiedRows - refused.length - outdated,
      rejectedRows: this.#record.rejectedRows + refused.length,
    }
  }

  get #quoted(): string {
    return quoteName(this.#table)
  }

  async #write(record: CopyRecord): Promise<void> {
    await writeCopyRecord(this.#link, this.#order.unit, this.#order.shape.table, record)
    this.#record = record
  }
}
