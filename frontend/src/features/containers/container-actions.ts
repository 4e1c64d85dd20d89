import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import { endpointsQuery } from '../../lib/api/queries.ts'
import type { ContainerState } from '../../lib/api/types.ts'
import { useCan } from '../../lib/auth.ts'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { toast } from '../../ui/toast.tsx'

export type ContainerAction = 'start' | 'stop' | 'restart'

export interface ActionTarget {
  endpointId: number
  id: string
  name: string
}

const AT_ONCE = 4

/** The actions that make sense for a container in this state. */
export function possibleActions(state: ContainerState): ContainerAction[] {
  switch (state) {
    case 'running':
    case 'restarting':
    case 'paused':
      return ['restart', 'stop']
    case 'created':
    case 'exited':
    case 'dead':
      return ['start']
    case 'removing':
      return []
  }
}

function send(action: ContainerAction, target: ActionTarget) {
  const params = { path: { endpointId: target.endpointId, containerId: target.id } }
  switch (action) {
    case 'start':
      return unwrap(api.POST('/api/containers/{endpointId}/{containerId}/start', { params }))
    case 'stop':
      return unwrap(api.POST('/api/containers/{endpointId}/{containerId}/stop', { params }))
    case 'restart':
      return unwrap(api.POST('/api/containers/{endpointId}/{containerId}/restart', { params }))
  }
}

/** May this user act on containers of this endpoint: an operator, where the admin allowed it. */
export function useMayAct(): (endpointId: number) => 'yes' | 'no' | 'off' {
  const operator = useCan('operator')
  const { data } = useQuery(endpointsQuery)
  return (endpointId) => {
    if (!operator) return 'no'
    return data?.items.find((endpoint) => endpoint.id === endpointId)?.allowActions ? 'yes' : 'off'
  }
}

/** Runs an action on one or many containers, four at a time, and says how it went. */
export function useContainerAction() {
  const queries = useQueryClient()
  const [busy, setBusy] = useState(false)
  const run = async (action: ContainerAction, targets: readonly ActionTarget[]) => {
    setBusy(true)
    let done = 0
    let unchanged = 0
    const failures: string[] = []
    const waiting = [...targets]
    const work = async () => {
      for (let target = waiting.shift(); target; target = waiting.shift()) {
        try {
          const result = await send(action, target)
          if (result.changed) done += 1
          else unchanged += 1
        } catch (error) {
          failures.push(error instanceof Error ? error.message : String(error))
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    setBusy(false)
    const word = fleetTexts.container.done[action]
    const what = targets.length === 1 ? (targets[0]?.name ?? '') : fleetTexts.container.many(done + unchanged)
    const reason = failures[0]
    if (reason !== undefined) {
      toast.error(
        targets.length === 1
          ? reason
          : fleetTexts.container.didSome(word, done + unchanged, failures.length, reason),
      )
    } else if (done === 0) toast.done(fleetTexts.container.alreadyWas(what))
    else toast.done(fleetTexts.container.didAct(word, what))
    await queries.invalidateQueries({ queryKey: ['container'] })
  }
  return { run, busy }
}
