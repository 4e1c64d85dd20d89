import type { Role } from '../http/principal.ts'

/** Called when the first watcher of a room comes, and when the last has gone. */
export interface WatchHandlers {
  /**
   * @param room the whole name, e.g. `logs:3:web`.
   * @param argument what follows the prefix, e.g. `3:web`; client input: parse it.
   * @throws {AppError} to refuse the room; its code goes to the client's acknowledgement.
   */
  start(room: string, argument: string): void | Promise<void>
  stop(room: string, argument: string): void
}

export interface WatchOptions {
  /** Lowest role that may watch; `viewer` unless said. */
  readonly access?: Role
  /** May be watched on loopback while no admin exists. */
  readonly preview?: boolean
}

export interface EmitOptions {
  /** Lost rather than queued when a client is slow: for samples, which the next one replaces. */
  readonly volatile?: boolean
}

/** What domains see of the sockets. */
export interface Realtime {
  room(name: string): { emit(event: string, payload: unknown, options?: EmitOptions): void }
  /** Watchers of a room now. */
  watchers(room: string): number
  /**
   * Declares the rooms `<prefix>` (when the prefix has no colon at its end) or `<prefix><argument>`.
   * A room that nobody declared cannot be watched.
   */
  onWatch(prefix: string, handlers: WatchHandlers, options?: WatchOptions): void
}
