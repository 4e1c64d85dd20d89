import type { Placement } from '../db/placement-store.ts'
import type { SqlStore } from '../db/sql-store.ts'
import type { StorageStatus } from '../db/storage-status.ts'
import type { EndpointProbe } from '../fleet/index.ts'
import type { Config, Env } from './configuration.ts'
import type { Category, Severity } from './doctor.schema.ts'

/** What a check says. Never a secret: it goes to logs, tickets and chats. */
export interface Finding {
  /** Stable, begins with its subject: `postgres.fsync`. Several may have the same one, with different subjects. */
  readonly id: string
  readonly severity: Severity
  readonly title: string
  /** Which table, endpoint or file, where there may be several. */
  readonly subject?: string
  readonly seen?: string
  readonly fix?: string
  /** For a shell, or one statement of SQL. */
  readonly command?: string
}

/** Looks at one thing and changes nothing. What it throws becomes a finding of its own. */
export interface Check {
  readonly id: string
  readonly category: Category
  /** What it looks at, for the finding that it failed. */
  readonly title: string
  /** Default 10 s. */
  readonly limitMs?: number
  /** @param signal fires when the time is over; nobody waits for the result then. */
  run(context: DoctorContext, signal: AbortSignal): Promise<readonly Finding[]>
}

/** A store as the doctor finds it: `absent` when this installation does not use it. */
export type StoreAccess =
  | { readonly state: 'absent' }
  | { readonly state: 'away'; readonly location: string; readonly reason: string }
  | { readonly state: 'there'; readonly location: string; readonly store: SqlStore }

/** Everything that checks may look at. */
export interface DoctorContext {
  readonly env: Env
  /** What is in force; where the configuration is not valid, what of it is. */
  readonly config: Config
  /** Why the configuration is not valid; empty when it is. */
  readonly configProblems: readonly string[]
  readonly now: () => Date
  readonly stores: Readonly<Record<Placement, StoreAccess>>
  /** What the running server knows of its stores; undefined where none runs. */
  readonly status: StorageStatus | undefined
  /** Every endpoint, tried once for all checks. */
  readonly endpoints: () => Promise<readonly EndpointProbe[]>
}

type Extra = Pick<Finding, 'subject' | 'seen' | 'fix' | 'command'>

const say =
  (severity: Severity) =>
  (id: string, title: string, extra: Extra = {}): Finding => ({ id, severity, title, ...extra })

export const ok = say('ok')
export const info = say('info')
export const warning = say('warning')
export const error = say('error')

/** A check of one store: finds nothing where the store is not there, which is a finding of another check. */
export function storeCheck(
  name: Placement,
  check: Omit<Check, 'run'> & {
    run(store: SqlStore, context: DoctorContext, signal: AbortSignal): Promise<readonly Finding[]>
  },
): Check {
  return {
    ...check,
    async run(context, signal) {
      const access = context.stores[name]
      return access.state === 'there' ? check.run(access.store, context, signal) : []
    },
  }
}
