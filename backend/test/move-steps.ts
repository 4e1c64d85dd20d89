import type { MoveLimits, StorageUnit } from '../src/moves/index.ts'

/** A test waits for no calm minute, and a busy machine pauses longer. */
export const QUICK: Partial<MoveLimits> = {
  pollMs: 20,
  gatherMs: 1,
  calmMs: 0,
  pauseLimitMs: 5_000,
  pauseBudgetMs: 5_000,
}

export const OPERATOR = { name: 'operator' }

/** Whether a cut over is kept by the copy of the file alone, which is being taken. */
export const awaitsCopy = (actions: StorageUnit['actions']): boolean =>
  actions.some(
    ({ action, reasons }) =>
      action === 'cutover' && reasons.some((reason) => reason.includes('is being taken')),
  )
