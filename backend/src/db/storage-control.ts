import type { Domain } from './domains.ts'
import type { ReadListener } from './observed-read.ts'
import type { Decision } from './placement-decision.ts'
import type { Placement } from './placement-store.ts'
import type { SqlStore } from './sql-store.ts'
import type { ArchiveNote, SqliteArchive } from './sqlite-archive.ts'

/** What the moves need of the stores and of the router: `Storage.control`. */
export interface StorageControl {
  /** Stores that are in use, reachable or not: `postgres` with POSTGRES_APP_URL, `sqlite` with a file. */
  readonly configured: Readonly<Record<Placement, boolean>>
  readonly sqlitePath: string
  readonly postgresUrl: string | undefined
  /** The store, when it can be used now. */
  store(name: Placement): SqlStore | undefined
  /**
   * The SQLite store, made where the installation had none. From then on it is one of its stores.
   *
   * @throws DbError when it is away or cannot be made, with what to do.
   */
  openSqlite(): Promise<SqlStore>
  /**
   * Closes the SQLite store and puts its file away. Every domain must be in PostgreSQL, and nothing may use the
   * store meanwhile. From then on the installation has none. When it fails, the store is there as before.
   *
   * @throws StoreInUseError, DbError
   */
  archiveSqlite(note: Omit<ArchiveNote, 'installation'>): Promise<SqliteArchive>
  /** The settings that want domains in SQLite, by name: with them a start without the file is refused. */
  readonly sqliteVariables: readonly string[]
  /** Where a domain is; undefined while it is fenced. */
  decision(domain: Domain): { readonly placement: Placement; readonly epoch: number } | undefined
  /**
   * Lets calls that may write wait, and resolves when those that run have ended. Plain SELECTs by `query`,
   * `queryOne` and `stream` are let through and not waited for. Settlements wait while a gate is closed.
   *
   * @throws GateTimeoutError when they do not end in time: the gate is open again, nothing was changed.
   */
  close(domains: readonly Domain[], options: { readonly deadlineMs: number }): Promise<Gate>
  /** Called after each call that may have written to a domain, whole transactions included, failed ones too. */
  onWrite(listener: (domain: Domain) => void): () => void
  /** Lets `listener` hear of reads by `query` and `queryOne` outside transactions; undefined ends that. One a domain. */
  observeReads(domains: readonly Domain[], listener: ReadListener | undefined): void
  /** Called when a store came (back) and placements were settled, and after {@link Gate.settle}. */
  onSettled(listener: () => void): () => void
}

/**
 * A closed gate. A gate that is neither opened nor settled within twice its deadline opens itself, with an error in
 * the log: check {@link closed} before the first placement row is written. What comes after is safe nevertheless,
 * if the old store refuses writes and is found without a backlog in the transaction that announces the flip.
 */
export interface Gate {
  /** When it was closed, by `performance.now()`. */
  readonly closedAtMs: number
  readonly closed: boolean
  /** Calls that wait. */
  readonly waiting: number
  /**
   * Routes the domains to `placement`: called when both stores say so. Calls that wait go there once it opens.
   *
   * @throws RangeError when `epoch` is not above the one that is known: somebody else has settled the domains.
   */
  flip(placement: Placement, epoch: number): void
  /** Lets the calls go on, in the order in which they came. Does nothing when it is open. */
  open(): void
  /**
   * Instead of {@link flip} and {@link open}, when a flip failed half-way or nobody knows how it ended: asks the
   * stores, as at the start, repairs the one that lags behind, and opens. While they cannot be asked the domains
   * are unavailable. Never rejects; resolves when it is settled or the storage is closed.
   */
  settle(): Promise<void>
}

/** Calls that ran did not end before the deadline: the gate is open again. */
export class GateTimeoutError extends Error {
  readonly running: number

  constructor(deadlineMs: number, running: number) {
    super(
      running > 0
        ? `${running} calls that may write were still running after ${deadlineMs} ms`
        : `Placements were still being settled after ${deadlineMs} ms`,
    )
    this.name = 'GateTimeoutError'
    this.running = running
  }
}

/**
 * Gives every store the roles that follow from the decisions. Runs within each settlement, before anything is
 * released to callers; when it rejects, the settlement fails and is tried again.
 */
export type SettleRoles = (
  stores: Readonly<Partial<Record<Placement, SqlStore>>>,
  decisions: ReadonlyMap<Domain, Decision>,
) => Promise<void>
