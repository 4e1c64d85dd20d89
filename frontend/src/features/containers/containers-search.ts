import { defineSearch, flagParam, oneOfParam, textParam } from '../../lib/search.ts'

export const STATE_FILTERS = [
  'running',
  'stopped',
  'restarting',
  'paused',
  'created',
  'exited',
  'dead',
  'removing',
] as const
export const HEALTH_FILTERS = ['healthy', 'unhealthy', 'starting', 'none'] as const

/** `stopped` is what does not run and does not try to: created, exited or dead. `flat` leaves out the stacks. */
export const containersSearch = defineSearch({
  q: textParam,
  state: oneOfParam(STATE_FILTERS),
  health: oneOfParam(HEALTH_FILTERS),
  stack: textParam,
  flat: flagParam,
  sort: textParam,
})

export type ContainersSearch = ReturnType<typeof containersSearch>
