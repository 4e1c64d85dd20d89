/** What is in a table: equal ones mean equal rows, whatever their order. */
export interface Fingerprint {
  readonly table: string
  readonly rows: number
  /**
   * Sum of the 64-bit hashes of the rows modulo 2^64, as 16 hex digits. It is kept in backups: how a row is hashed never
   * changes.
   */
  readonly digest: string
  /** A continuous aggregate, by the name of its view. Backups made before they were compared name none. */
  readonly aggregate?: true | undefined
}

export const hexOf = (sum: bigint): string => BigInt.asUintN(64, sum).toString(16).padStart(16, '0')

/** What differs between two sets of tables, each as a sentence; empty when they are equal. */
export function differencesOf(expected: readonly Fingerprint[], found: readonly Fingerprint[]): string[] {
  const byTable = new Map(found.map((each) => [each.table, each]))
  const missing = expected.flatMap(({ table, rows, digest }) => {
    const twin = byTable.get(table)
    byTable.delete(table)
    if (!twin) return [`${table} is missing`]
    if (twin.rows !== rows) return [`${table} has ${twin.rows} rows instead of ${rows}`]
    return twin.digest === digest ? [] : [`${table} has other contents`]
  })
  const besides = [...byTable.values()].filter(({ aggregate }) => !aggregate)
  return [...missing, ...besides.map(({ table }) => `${table} is there besides`)]
}
