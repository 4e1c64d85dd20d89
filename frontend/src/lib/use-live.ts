import { useEffect, useEffectEvent, useSyncExternalStore } from 'react'
import { type LiveEvents, type LiveName, type LiveStatus, live } from './socket.ts'

/** Watches a room while the component is mounted; null watches nothing. */
export function useRoom(room: string | null) {
  useEffect(() => (room === null ? undefined : live.watch(room)), [room])
}

/** Calls `handler` (its latest version) for each event of this name. */
export function useLiveEvent<N extends LiveName>(name: N, handler: (payload: LiveEvents[N]) => void) {
  const latest = useEffectEvent(handler)
  useEffect(() => live.on(name, (payload) => latest(payload)), [name])
}

/** Calls `handler` after the connection came back from being lost. */
export function useLiveResync(handler: () => void) {
  const latest = useEffectEvent(handler)
  useEffect(() => live.onResync(() => latest()), [])
}

export const useLiveStatus = (): LiveStatus => useSyncExternalStore(live.onStatus, live.status)
