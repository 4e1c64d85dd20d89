import { AsyncResource } from 'node:async_hooks'
import type { Domain } from './domains.ts'
import type { ReadListener } from './observed-read.ts'
import { GateTimeoutError } from './storage-control.ts'

/** The calls of one domain that may write: those that run are counted, those that come to a closed gate wait. */
export class Lane {
  readonly domain: Domain
  /** Set while calls wait instead of going on. */
  gate: ClosedGate | undefined
  /** Hears of plain reads; undefined when nobody looks, which then costs nothing. */
  onRead: ReadListener | undefined
  #running = 0

  constructor(domain: Domain) {
    this.domain = domain
  }

  get running(): number {
    return this.#running
  }

  begin(): void {
    this.#running++
  }

  end(): void {
    this.#running--
    this.gate?.callEnded()
  }
}

interface WaitingCall {
  readonly domain: Domain
  go(): void
  fail(error: unknown): void
}

/** A gate across the lanes of a unit, from when it is closed until it is opened for good. */
export class ClosedGate {
  readonly closedAtMs = performance.now()
  readonly #lanes: readonly Lane[]
  readonly #waiting = new Set<WaitingCall>()
  #onIdle: (() => void) | undefined
  #closed = true

  /** @throws Error when a lane has a closed gate already. */
  constructor(lanes: readonly Lane[]) {
    const taken = lanes.find((lane) => lane.gate)
    if (taken) throw new Error(`The gate of ${taken.domain} is closed already`)
    this.#lanes = lanes
    for (const lane of lanes) lane.gate = this
  }

  get closed(): boolean {
    return this.#closed
  }

  get waiting(): number {
    return this.#waiting.size
  }

  get running(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.running, 0)
  }

  callEnded(): void {
    if (this.running === 0) this.#onIdle?.()
  }

  /** Resolves when no call runs and then `others` is over. @throws GateTimeoutError */
  idle(others: () => Promise<unknown>, deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const onLate = () => reject(new GateTimeoutError(deadlineMs, this.running))
      const timer = setTimeout(onLate, deadlineMs)
      const ended = new Promise<void>((end) => {
        this.#onIdle = end
        this.callEnded()
      })
      ended
        .then(others)
        .then(() => resolve(), reject)
        .finally(() => clearTimeout(timer))
    })
  }

  /** Runs `start` when the gate opens, in the context of the caller, which may leave by `signal`. */
  wait<T>(domain: Domain, start: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const leave = () => {
        this.#waiting.delete(call)
        reject(signal?.reason)
      }
      const call: WaitingCall = {
        domain,
        // Whoever opens the gate may be within a transaction, which these calls have no part in.
        go: AsyncResource.bind(() => {
          signal?.removeEventListener('abort', leave)
          resolve(start())
        }),
        fail: (error) => {
          signal?.removeEventListener('abort', leave)
          this.#waiting.delete(call)
          reject(error)
        },
      }
      signal?.addEventListener('abort', leave, { once: true })
      this.#waiting.add(call)
    })
  }

  /** Rejects the waiting calls of the domains for which `errorOf` has an error. */
  failWaiting(errorOf: (domain: Domain) => Error | undefined): void {
    for (const call of this.#waiting) {
      const error = errorOf(call.domain)
      if (error) call.fail(error)
    }
  }

  /** Starts what waits at once and in order, so that no call that comes later gets ahead of it. */
  open(): void {
    if (!this.#closed) return
    this.#closed = false
    for (const lane of this.#lanes) lane.gate = undefined
    for (const call of this.#waiting) call.go()
    this.#waiting.clear()
  }
}
