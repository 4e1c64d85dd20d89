/** Another server has this SQLite file. The message says which and what to do. */
export class StoreInUseError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StoreInUseError'
  }
}
