export interface Keep {
  readonly count: number
  readonly days: number
  readonly bytes: number
}

export interface Aged {
  readonly name: string
  readonly bytes: number
  readonly createdAt: string
  readonly provedAt: string | null
}

/**
 * The backups that may go: those beyond the count, the age or the space. The newest proved one always stays, and without
 * one nothing goes. What says that it was made later than now, by a clock that was wrong, is left to a person: it would
 * push out those that are made today.
 *
 * @param backups newest first.
 */
export function outdated<Each extends Aged>(backups: readonly Each[], keep: Keep, now: Date): Each[] {
  const judged = backups.filter(({ createdAt }) => Date.parse(createdAt) <= now.getTime())
  const proved = judged.find(({ provedAt }) => provedAt !== null)
  if (!proved) return []
  const oldest = now.getTime() - keep.days * 86_400_000
  let bytes = 0
  return judged.filter((each, i) => {
    bytes += each.bytes
    if (each === proved) return false
    return i >= keep.count || Date.parse(each.createdAt) < oldest || bytes > keep.bytes
  })
}
