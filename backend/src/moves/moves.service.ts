import type { TallyFigures } from '../core/tally.ts'
import type { ArchiveService } from './archive.ts'
import type {
  MoveAction,
  MoveLogEntry,
  MovePlan,
  QuarantinedRow,
  Rehearsal,
  StorageUnit,
} from './moves.schema.ts'
import type { ShadowFigures } from './shadow.ts'

export interface Actor {
  /** Name of the user, `cli`, or null for the product itself. */
  readonly name: string | null
}

/**
 * Moves of units between the stores. A step that is refused rejects with AppError `move_refused` (409), whose
 * `reasons` say why; an unknown unit with `unknown_unit` (404). Nothing is changed then.
 */
export interface MovesService {
  readonly archive: ArchiveService
  /** Every unit with its state, progress and what can be done. */
  units(): Promise<StorageUnit[]>
  unit(name: string): Promise<StorageUnit>
  /** What a move would take and find, without changing anything. Reads every row of the units. */
  plan(units: readonly string[], signal?: AbortSignal): Promise<MovePlan>
  /** The whole copy and verify of a unit in a scratch schema, which is dropped at the end. */
  rehearse(unit: string, actor: Actor, signal?: AbortSignal): Promise<Rehearsal>
  /**
   * Takes a step. `mirror` and `verify` answer when they have begun, the others when they are done.
   *
   * @param options.acknowledge rows in quarantine that the caller knows of, for `cutover` and `finish`.
   */
  act(
    unit: string,
    action: MoveAction,
    actor: Actor,
    options?: { readonly acknowledge?: number; readonly budgetMs?: number },
  ): Promise<StorageUnit>
  /** Lets `share` of 100 reads of a mirrored unit run on the mirror too, for comparison; 0 ends it. */
  shadow(unit: string, share: number, actor: Actor): Promise<StorageUnit>
  log(query: {
    readonly unit?: string | undefined
    readonly limit: number
    readonly before?: number | undefined
  }): Promise<MoveLogEntry[]>
  quarantine(query: {
    readonly unit?: string | undefined
    readonly limit: number
    readonly after?: number | undefined
  }): Promise<QuarantinedRow[]>
  /** Accepts that the rows stay behind: `rows` must be the number that is open now. */
  acknowledge(unit: string, rows: number, actor: Actor): Promise<StorageUnit>
  /** Tries rows again that were corrected in the source. Returns how many went through. */
  replay(unit: string, actor: Actor): Promise<{ readonly replayed: number; readonly left: number }>
  /** Called when something of a unit has changed, at most four times a second. */
  onChange(listener: (units: readonly StorageUnit[]) => void): () => void
  /** Resumes what was under way when the product stopped. */
  start(): Promise<void>
  /** Ends after the steps under way; nothing is lost, the next start goes on. */
  stop(): Promise<void>
  metrics(): MoveMetrics
}

/** Counters since the start, for Prometheus. */
export interface MoveMetrics {
  readonly units: readonly {
    readonly unit: string
    readonly queueDepth: number
    readonly lagSeconds: number
    readonly rowsCopied: number
    readonly rowsApplied: number
    readonly writeFailures: Readonly<Record<'sqlite' | 'postgres', number>>
    readonly writes: Readonly<Record<'sqlite' | 'postgres', number>>
    readonly differences: number
    readonly quarantined: number
    readonly throttleSeconds: number
    readonly shadow: ShadowFigures
  }[]
  /** Pauses of flips in milliseconds, those of flips that were given up too. */
  readonly pauses: TallyFigures
  readonly abortedFlips: number
}
