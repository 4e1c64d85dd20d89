import type { ArchiveService } from '../../moves/archive.ts'
import type { MovesService } from '../../moves/moves.service.ts'

/** What the commands use of the moves, be they those of a server or of this process. */
export type Moves = { readonly archive: Omit<ArchiveService, 'settle'> } & Pick<
  MovesService,
  'units' | 'unit' | 'plan' | 'rehearse' | 'act' | 'log' | 'quarantine' | 'acknowledge' | 'replay' | 'shadow'
>

/** Exit codes of `holdfast storage`; documented in its help and in docs/cli.md. */
export const EXIT = {
  done: 0,
  /** Bad usage or configuration; nothing was begun. */
  usage: 1,
  /** Refused with reasons; nothing was changed. */
  refused: 2,
  /** Failed on the way; the message says how to go on. */
  failed: 3,
  /** A verify or a rehearsal found rows that differ. */
  differences: 4,
  /** The server or a store is not reachable, or does not accept the token. */
  unreachable: 5,
  /** Ctrl+C: what a server does goes on. */
  interrupted: 130,
} as const

/** A mistake of whoever typed the command. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}
