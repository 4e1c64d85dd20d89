/** Changes are queued that the mirror does not have: their store cannot give the unit up. */
export class BacklogError extends Error {
  constructor(unit: string) {
    super(`Changes of ${unit} were written that the mirror does not have yet`)
    this.name = 'BacklogError'
  }
}

/** A transaction of somebody else still writes to the unit. Nothing was changed. */
export class WritersError extends Error {
  constructor(unit: string, cause: unknown) {
    super(`Transactions outside of the product are still writing to ${unit}`, { cause })
    this.name = 'WritersError'
  }
}
