import { setImmediate } from 'node:timers/promises'

/** What holds requests up for longer than this is felt where hundreds come in a second. */
const turnMs = 1

/** For work of many steps on the main thread: between two of them others get their turn, once this one's is over. */
export class Turns {
  #endsAt = performance.now() + turnMs

  get isOver(): boolean {
    return performance.now() >= this.#endsAt
  }

  /** Lets others go first. */
  async next(): Promise<void> {
    await setImmediate()
    this.#endsAt = performance.now() + turnMs
  }
}
