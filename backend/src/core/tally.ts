/** How often values fell below each bound, since it was made: figures that only grow, as Prometheus wants them. */
export interface TallyFigures {
  /** Upper bounds, ascending. */
  readonly bounds: readonly number[]
  /** Values up to each bound, those below the bounds before included. */
  readonly upTo: readonly number[]
  readonly count: number
  readonly sum: number
}

export class Tally {
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #count = 0
  #sum = 0

  /** @param bounds upper bounds, ascending; what is above the last is counted as well. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = bounds.map(() => 0)
  }

  add(value: number): void {
    this.#count++
    this.#sum += value
    const place = this.#bounds.findIndex((bound) => value <= bound)
    if (place >= 0) this.#counts[place] = (this.#counts[place] ?? 0) + 1
  }

  figures(): TallyFigures {
    let below = 0
    const upTo = this.#counts.map((count) => {
      below += count
      return below
    })
    return { bounds: this.#bounds, upTo, count: this.#count, sum: this.#sum }
  }

  /** The bound below which a share (0 to 1) of the values is; null without values or when it is above the last. */
  bound(share: number): number | null {
    if (this.#count === 0) return null
    const { upTo } = this.figures()
    const place = upTo.findIndex((count) => count >= share * this.#count)
    return this.#bounds[place] ?? null
  }
}
