import { AppError, notFound } from '../errors.ts'
import type { Log } from '../log.ts'
import type { WatchHandlers, WatchOptions } from './realtime.ts'

interface Kind {
  readonly prefix: string
  readonly handlers: WatchHandlers
  readonly options: WatchOptions
}

interface Room {
  readonly kind: Kind
  readonly argument: string
  readonly watchers: Set<string>
  /** Ends of starts and stops in their order: a stop never overtakes the start it belongs to. */
  ready: Promise<void>
}

/** Who watches what; tells the domains about the first watcher of a room and about the last one's leaving. */
export function createRooms(deps: { log: Log }) {
  const kinds: Kind[] = []
  const rooms = new Map<string, Room>()

  function find(name: string): { kind: Kind; argument: string } {
    const kind = kinds.find(({ prefix }) =>
      prefix.endsWith(':') ? name.startsWith(prefix) && name.length > prefix.length : name === prefix,
    )
    if (!kind) throw notFound('There is no such room', 'no_room')
    return { kind, argument: name.slice(kind.prefix.length) }
  }

  function stop(name: string, room: Room): void {
    if (room.watchers.size > 0 || rooms.get(name) !== room) return
    rooms.delete(name)
    try {
      room.kind.handlers.stop(name, room.argument)
    } catch (error) {
      deps.log.error({ err: error, room: name }, 'room failed to stop')
    }
  }

  return {
    declare(prefix: string, handlers: WatchHandlers, options: WatchOptions = {}): void {
      if (kinds.some((kind) => kind.prefix === prefix)) throw new Error(`Rooms ${prefix} are declared twice`)
      kinds.push({ prefix, handlers, options })
    },

    optionsOf: (name: string): WatchOptions => find(name).kind.options,

    watchers: (name: string): number => rooms.get(name)?.watchers.size ?? 0,

    /** Resolves when the room delivers; rejects with the reason when its domain refuses it. */
    async join(name: string, watcher: string): Promise<void> {
      const known = rooms.get(name)
      if (known) {
        known.watchers.add(watcher)
        return known.ready
      }
      const { kind, argument } = find(name)
      const start = async () => {
        await kind.handlers.start(name, argument)
      }
      const room: Room = { kind, argument, watchers: new Set([watcher]), ready: start() }
      rooms.set(name, room)
      try {
        await room.ready
      } catch (error) {
        if (rooms.get(name) === room) rooms.delete(name)
        throw error instanceof AppError
          ? error
          : new AppError(500, 'room_failed', 'The room cannot be watched', { cause: error })
      }
    },

    leave(name: string, watcher: string): void {
      const room = rooms.get(name)
      if (!room?.watchers.delete(watcher) || room.watchers.size > 0) return
      room.ready.then(
        () => stop(name, room),
        () => {
          // The start failed: there is nothing to stop, and whoever joined was told.
        },
      )
    },
  }
}
