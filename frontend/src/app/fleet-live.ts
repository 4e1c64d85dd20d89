import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useEffect, useEffectEvent, useRef } from 'react'
import { authQuery, endpointsQuery } from '../lib/api/queries.ts'
import { onSignedOut } from '../lib/query-client.ts'
import { live } from '../lib/socket.ts'
import { texts } from '../lib/texts.ts'
import { useLiveEvent, useLiveResync, useRoom } from '../lib/use-live.ts'
import { toast } from '../ui/toast.tsx'

/** Keeps what every page shows (endpoints, counts, the session) true while the page is open. */
export function useFleetLive() {
  const queries = useQueryClient()
  const router = useRouter()
  const lastSeq = useRef<number | null>(null)
  useRoom('fleet')

  useLiveEvent('fleet:changes', (changes) => {
    // A hole in the numbering is a batch that never arrived: only asking again makes the page true.
    const missed = lastSeq.current !== null && changes.seq !== lastSeq.current + 1
    lastSeq.current = changes.seq
    if (missed) {
      void queries.invalidateQueries()
      return
    }
    if (changes.endpoints.length > 0 || changes.removedEndpoints.length > 0) {
      queries.setQueryData(endpointsQuery.queryKey, (known) => {
        if (!known) return known
        const fresh = new Map(changes.endpoints.map((endpoint) => [endpoint.id, endpoint]))
        const ids = new Set(known.items.map((endpoint) => endpoint.id))
        const kept = known.items.filter((endpoint) => !changes.removedEndpoints.includes(endpoint.id))
        const added = changes.endpoints.filter((endpoint) => !ids.has(endpoint.id))
        return { ...known, items: [...kept.map((endpoint) => fresh.get(endpoint.id) ?? endpoint), ...added] }
      })
    }
  })

  useLiveResync(() => {
    lastSeq.current = null
    void queries.invalidateQueries()
  })

  const leave = useEffectEvent(() => {
    const known = queries.getQueryData(authQuery.queryKey)
    // Several queries may learn of it at once; the first one tells.
    if (!known?.user) return
    queries.setQueryData(authQuery.queryKey, { ...known, user: null })
    live.close()
    toast.error(texts.account.ended)
    void router.invalidate()
  })
  useLiveEvent('session:ended', leave)
  useEffect(() => onSignedOut(() => leave()), [])
}
