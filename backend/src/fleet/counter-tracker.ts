/**
 * Turns counters into rates per second, and says nothing rather than something wrong.
 *
 * A step yields no rate when it is the first one, when the subject was restarted (`epoch` changed), when
 * the gap is longer than `maxGapMs`, when the source's clock did not advance or drifted from this
 * machine's monotonic clock (a jump, a sleep), or when the counter went down.
 */
export class CounterTracker {
  readonly #maxGapMs: number
  readonly #values = new Map<string, number>()
  #sourceMs: number | undefined
  #monotonicMs = 0
  #epoch = ''
  #elapsedSeconds: number | null = null

  constructor(maxGapMs: number) {
    this.#maxGapMs = maxGapMs
  }

  /**
   * Begins a reading; then {@link rate} is asked once per counter.
   *
   * @param sourceMs when the counters were read, by the clock of who read them
   * @param monotonicMs the same moment by this process's monotonic clock (`performance.now()`)
   * @param epoch changes when the subject starts anew, e.g. its start time; empty when not known, which matches any
   * @returns seconds since the last reading, or null when this step has no rates
   */
  begin(sourceMs: number, monotonicMs: number, epoch = ''): number | null {
    const previousSource = this.#sourceMs
    const sourceStep = sourceMs - (previousSource ?? sourceMs)
    const monotonicStep = monotonicMs - this.#monotonicMs
    const sameEpoch = epoch === '' || this.#epoch === '' || epoch === this.#epoch
    // An answer may wait in a queue for a while, so the two clocks may differ by that much.
    const drift = Math.abs(sourceStep - monotonicStep)
    const valid =
      previousSource !== undefined &&
      sameEpoch &&
      sourceStep > 0 &&
      sourceStep <= this.#maxGapMs &&
      monotonicStep <= this.#maxGapMs &&
      drift <= Math.max(2_000, sourceStep / 2)
    if (!valid) this.#values.clear()
    this.#sourceMs = sourceMs
    this.#monotonicMs = monotonicMs
    this.#epoch = epoch
    this.#elapsedSeconds = valid ? sourceStep / 1000 : null
    return this.#elapsedSeconds
  }

  /** Increase of `value` since the last reading; null when this step has none. */
  delta(counter: string, value: number): number | null {
    const previous = this.#values.get(counter)
    this.#values.set(counter, value)
    if (this.#elapsedSeconds === null || previous === undefined || value < previous) return null
    return value - previous
  }

  /** Increase per second. */
  rate(counter: string, value: number): number | null {
    const delta = this.delta(counter, value)
    return delta === null || this.#elapsedSeconds === null ? null : delta / this.#elapsedSeconds
  }
}
