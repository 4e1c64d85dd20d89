/** Does a piece of work again and again until it is ended, with rests that {@link Loop.wake} cuts short. */
export class Loop {
  readonly #work: () => Promise<number>
  readonly #gatherMs: number
  readonly #ended = new AbortController()
  #running: Promise<void> | undefined
  #wake: () => void = () => undefined

  /**
   * @param work resolves to how long to rest, in milliseconds; never rejects.
   * @param gatherMs how long it still rests when it was woken: what comes one after the other is gathered.
   */
  constructor(work: () => Promise<number>, gatherMs: number) {
    this.#work = work
    this.#gatherMs = gatherMs
  }

  /** Aborted once it is to end. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  start(): void {
    this.#running ??= this.#run()
  }

  wake(): void {
    this.#wake()
  }

  end(): void {
    this.#ended.abort()
    this.#wake()
  }

  /** Resolves when the work that was under way at {@link Loop.end} is done. */
  async settled(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.signal.aborted) await this.#rest(await this.#work())
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        setTimeout(resolve, Math.min(ms, this.#gatherMs))
      }
      if (this.signal.aborted) this.#wake()
    })
  }
}
