import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import type { StorageUnit } from '../../lib/api/types.ts'
import { texts } from '../../lib/texts.ts'
import { useLiveEvent, useRoom } from '../../lib/use-live.ts'
import { toast } from '../../ui/toast.tsx'
import type { Action } from './unit-facts.ts'

const LAG_POINTS = 60
/** Conditions of a cut over come with time alone, of which no event tells. */
const GATES_MS = 5000

export const storageQuery = queryOptions({
  queryKey: ['storage', 'units'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/storage', { signal })),
  refetchInterval: ({ state }) =>
    state.data?.items.some(({ mirror }) => mirror !== null) ? GATES_MS : false,
})

export type Lags = ReadonlyMap<string, readonly (number | null)[]>

/** Every unit, live, and the lag of each since the page was opened. */
export function useStorage() {
  const queries = useQueryClient()
  const [lags, setLags] = useState<Lags>(new Map())
  const { data, error, refetch } = useQuery(storageQuery)
  useRoom('storage')
  useLiveEvent('storage:units', ({ items }) => {
    const known = queries.getQueryData(storageQuery.queryKey)?.items ?? []
    const changed = new Map(items.map((unit) => [unit.unit, unit]))
    queries.setQueryData(storageQuery.queryKey, {
      items: known.map((unit) => changed.get(unit.unit) ?? unit),
    })
    setLags((before) => withLags(before, items))
    // The books have a new line when a step was taken; lag and progress alone write none.
    if (known.some((unit) => hasStepped(unit, changed.get(unit.unit)))) void refreshBooks()
  })

  const refreshBooks = () =>
    Promise.all([
      queries.invalidateQueries({ queryKey: ['storage', 'log'] }),
      queries.invalidateQueries({ queryKey: ['storage', 'quarantine'] }),
    ])
  return { units: data?.items, error, refetch, lags }
}

function withLags(before: Lags, items: readonly StorageUnit[]): Lags {
  const next = new Map(before)
  for (const { unit, lag } of items) {
    if (lag) next.set(unit, [...(next.get(unit) ?? []), lag.seconds].slice(-LAG_POINTS))
    else next.delete(unit)
  }
  return next
}

function hasStepped(before: StorageUnit, after: StorageUnit | undefined): boolean {
  if (!after) return false
  return (
    before.epoch !== after.epoch ||
    before.state !== after.state ||
    before.mirror !== after.mirror ||
    before.paused !== after.paused ||
    before.archived !== after.archived ||
    before.verify?.at !== after.verify?.at ||
    before.quarantine.open !== after.quarantine.open ||
    before.lastFlip?.at !== after.lastFlip?.at ||
    before.shadow?.statements.length !== after.shadow?.statements.length
  )
}

type Call = (unit: string) => Promise<StorageUnit>
const at = (unit: string) => ({ params: { path: { unit } } })

const CALLS: Record<Action, Call> = {
  mirror: (unit) => unwrap(api.POST('/api/storage/units/{unit}/mirror', at(unit))),
  verify: (unit) => unwrap(api.POST('/api/storage/units/{unit}/verify', at(unit))),
  cutover: (unit) => unwrap(api.POST('/api/storage/units/{unit}/cutover', { ...at(unit), body: {} })),
  rollback: (unit) => unwrap(api.POST('/api/storage/units/{unit}/rollback', { ...at(unit), body: {} })),
  finish: (unit) => unwrap(api.POST('/api/storage/units/{unit}/finish', { ...at(unit), body: {} })),
  abort: (unit) => unwrap(api.POST('/api/storage/units/{unit}/abort', at(unit))),
  pause: (unit) => unwrap(api.POST('/api/storage/units/{unit}/pause', at(unit))),
  resume: (unit) => unwrap(api.POST('/api/storage/units/{unit}/resume', at(unit))),
  purge: (unit) => unwrap(api.POST('/api/storage/units/{unit}/purge', at(unit))),
}

/** Lets a share of the reads of a unit run on its mirror too. */
export function useShadow(unit: string) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (share: number) =>
      unwrap(api.PUT('/api/storage/units/{unit}/shadow', { ...at(unit), body: { share } })),
    onSuccess: (_unit, share) => toast.done(texts.storage.shadow.set(unit, share)),
    onError: (error) => toast.error(error.message),
    onSettled: () => queries.invalidateQueries({ queryKey: ['storage'] }),
  })
}

/** Takes a step with units, one after the other; the first that is refused ends it, and its reason is the error. */
export function useStep() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: async ({ action, units }: { action: Action; units: readonly string[] }) => {
      for (const unit of units) {
        const after = await CALLS[action](unit)
        queries.setQueryData(storageQuery.queryKey, (known) =>
          known ? { items: known.items.map((each) => (each.unit === after.unit ? after : each)) } : known,
        )
      }
    },
    onSuccess: (_nothing, { action, units }) => {
      const name = units.length === 1 ? (units[0] ?? '') : texts.storage.confirm.several(units.length)
      toast.done(texts.storage.begun[action](name))
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['storage'] }),
  })
}
