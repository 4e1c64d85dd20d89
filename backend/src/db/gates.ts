import type { Log } from '../core/log.ts'
import type { Domain } from './domains.ts'
import { ClosedGate, Lane } from './lane.ts'
import type { Placement } from './placement-store.ts'
import type { Gate } from './storage-control.ts'
import { StoreUnavailableError } from './store-unavailable.ts'

/** What a gate has done by the router. */
export interface GateHost {
  readonly log: Log
  /** Resolves when what was sent to the stores of the domains, and the settlement that runs, have ended. */
  quiet(domains: readonly Domain[]): Promise<unknown>
  flip(domains: readonly Domain[], placement: Placement, epoch: number): void
  /** Asks the stores where domains are whose flip was not finished; never rejects. */
  settle(domains: readonly Domain[]): Promise<void>
}

/** The lanes of all domains, and the gates that are closed across them. */
export class Gates {
  readonly #host: GateHost
  readonly #lanes = new Map<Domain, Lane>()
  /** Gates before which settlements wait. */
  readonly #held = new Set<HeldGate>()
  readonly #unsettled = new Set<Domain>()
  #onReleased: (() => void)[] = []

  constructor(host: GateHost) {
    this.#host = host
  }

  lane(domain: Domain): Lane {
    const known = this.#lanes.get(domain)
    if (known) return known
    const lane = new Lane(domain)
    this.#lanes.set(domain, lane)
    return lane
  }

  /** True while a flip is under way: what a settlement read from the stores would be out of date when it is done. */
  get held(): boolean {
    return this.#held.size > 0
  }

  /** True for a domain whose flip was not finished: it may turn out to be in either store. */
  isUnsettled(domain: Domain): boolean {
    return this.#unsettled.has(domain)
  }

  /** Resolves when no gate is held any more. */
  released(): Promise<void> {
    return new Promise((resolve) => this.#onReleased.push(resolve))
  }

  /** See {@link StorageControl.close}. */
  async close(domains: readonly Domain[], deadlineMs: number): Promise<Gate> {
    const closed = new ClosedGate(domains.map((domain) => this.lane(domain)))
    const gate: HeldGate = new HeldGate({
      domains,
      deadlineMs,
      closed,
      host: this.#host,
      release: () => this.#release(gate),
      settle: () => this.#settle(gate, domains),
    })
    this.#held.add(gate)
    try {
      await closed.idle(() => this.#host.quiet(domains), deadlineMs)
    } catch (error) {
      gate.open()
      throw error
    }
    if (!gate.closed) throw new StoreUnavailableError(domains.join(', '), 'The storage was closed')
    return gate
  }

  /** Rejects waiting calls of domains for which `errorOf` has an error. */
  failWaiting(errorOf: (domain: Domain) => Error | undefined): void {
    for (const lane of this.#lanes.values()) lane.gate?.failWaiting(errorOf)
  }

  openAll(): void {
    for (const gate of this.#held) gate.open()
  }

  async #settle(gate: HeldGate, domains: readonly Domain[]): Promise<void> {
    for (const domain of domains) this.#unsettled.add(domain)
    this.#release(gate) // the settlement must not wait for this gate, while calls still do
    await this.#host.settle(domains)
    for (const domain of domains) this.#unsettled.delete(domain)
  }

  #release(gate: HeldGate): void {
    this.#held.delete(gate)
    if (this.held) return
    for (const go of this.#onReleased.splice(0)) go()
  }
}

interface HeldGateOptions {
  readonly domains: readonly Domain[]
  readonly deadlineMs: number
  readonly closed: ClosedGate
  readonly host: GateHost
  /** Lets settlements go on. */
  release(): void
  /** Asks the stores; never rejects. */
  settle(): Promise<void>
}

class HeldGate implements Gate {
  readonly #options: HeldGateOptions
  readonly #timer: NodeJS.Timeout
  #settling: Promise<void> | undefined

  constructor(options: HeldGateOptions) {
    this.#options = options
    this.#timer = setTimeout(() => this.#expire(), 2 * options.deadlineMs)
  }

  get closedAtMs(): number {
    return this.#options.closed.closedAtMs
  }

  get closed(): boolean {
    return this.#options.closed.closed
  }

  get waiting(): number {
    return this.#options.closed.waiting
  }

  flip(placement: Placement, epoch: number): void {
    this.#options.host.flip(this.#options.domains, placement, epoch)
  }

  open(): void {
    clearTimeout(this.#timer)
    this.#options.closed.open()
    this.#options.release()
  }

  settle(): Promise<void> {
    this.#settling ??= this.#settle()
    return this.#settling
  }

  async #settle(): Promise<void> {
    await this.#options.settle()
    this.open()
  }

  #expire(): void {
    const { domains, deadlineMs, host } = this.#options
    host.log.error({ domains, deadlineMs }, 'a gate was left closed and opens itself')
    void this.settle()
    this.open()
  }
}
