import type { Realtime } from '../core/realtime/realtime.ts'
import type { StorageUnit } from './moves.schema.ts'
import type { MovesService } from './moves.service.ts'

/** What `storage:units` carries: the units that have changed, each as a whole. */
interface StorageUnits {
  readonly items: readonly StorageUnit[]
}

/** The room `storage`, for admins: units as they change. The service is listened to only while somebody watches. */
export function movesSocket(deps: { realtime: Realtime; moves: Pick<MovesService, 'onChange'> }): void {
  const { realtime, moves } = deps
  let unsubscribe: (() => void) | undefined
  realtime.onWatch(
    'storage',
    {
      start(room) {
        unsubscribe = moves.onChange((items) => {
          const message: StorageUnits = { items }
          realtime.room(room).emit('storage:units', message)
        })
      },
      stop() {
        unsubscribe?.()
        unsubscribe = undefined
      },
    },
    { access: 'admin' },
  )
}
