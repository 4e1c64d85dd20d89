import type { Log } from '../core/log.ts'
import type { Domain } from './domains.ts'
import type { Decision } from './placement-decision.ts'
import type { Placement } from './placement-store.ts'
import { joinStores, type Settlement, type Stores, settlePlacements, type Wishes } from './placements.ts'
import type { SettleRoles } from './storage-control.ts'

export interface SettlerOptions {
  readonly log: Log
  readonly clock: () => Date
  readonly wishes: Wishes
  readonly settleRoles: SettleRoles | undefined
  /** The stores as they are now. */
  stores(): Stores
  /** Domains that may have changed their store: a flip by this process was not finished. */
  isUnsettled(domain: Domain): boolean
  /** Where a settlement must wait its turn: undefined when it may go on at once. */
  blocker(): Promise<void> | undefined
}

/** Where every domain is, as far as this process knows, and how it finds out. */
export class Settler {
  readonly #options: SettlerOptions
  #decisions: ReadonlyMap<Domain, Decision> = new Map()
  #last: Promise<unknown> = Promise.resolve()
  #now: Promise<unknown> = Promise.resolve()

  constructor(options: SettlerOptions) {
    this.#options = options
  }

  get decisions(): ReadonlyMap<Domain, Decision> {
    return this.#decisions
  }

  /** The settlement that runs at this moment, if any; never rejects. */
  get now(): Promise<unknown> {
    return this.#now
  }

  /**
   * Asks the stores. One settlement at a time: both stores may come back at once.
   *
   * @throws DbError when a store does not answer: what is known stays.
   */
  settle(): Promise<Settlement> {
    return this.alone(() => this.#inTurn())
  }

  /** Runs `work` while no settlement does; those that come wait for it. It must not ask for one itself. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work)
    this.#last = next.catch(() => undefined) // its caller gets the error
    return next
  }

  /**
   * Takes over what a flip has written into both stores.
   *
   * @throws RangeError when `epoch` is not above the known one.
   */
  flip(domains: readonly Domain[], placement: Placement, epoch: number): void {
    for (const domain of domains) {
      const known = this.#decisions.get(domain)
      if (known?.placement === placement && known.epoch === epoch) continue // settled already
      if (known && known.epoch >= epoch) {
        throw new RangeError(`${domain} cannot go to epoch ${epoch}: it is at epoch ${known.epoch}`)
      }
    }
    this.#change(domains, () => ({ placement, epoch, fence: undefined }))
  }

  /** Makes the domains unavailable until the next settlement. */
  fence(domains: readonly Domain[], reason: string): void {
    this.#change(domains, (before) => ({
      placement: before?.placement,
      epoch: before?.epoch ?? 0,
      fence: reason,
    }))
  }

  #change(domains: readonly Domain[], decide: (before: Decision | undefined) => Decision): void {
    const next = new Map(this.#decisions)
    for (const domain of domains) next.set(domain, decide(next.get(domain)))
    this.#decisions = next
  }

  async #inTurn(): Promise<Settlement> {
    for (let busy = this.#options.blocker(); busy; busy = this.#options.blocker()) await busy
    const running = this.#settle()
    this.#now = running.catch(() => undefined) // its caller gets the error
    return running
  }

  async #settle(): Promise<Settlement> {
    const { wishes, clock, settleRoles, log, isUnsettled } = this.#options
    for (;;) {
      const before = this.#decisions
      const stores = this.#options.stores()
      await joinStores(stores)
      const settlement = await settlePlacements(stores, wishes, clock)
      const decisions = new Map(
        [...settlement.decisions].map(([domain, decision]) => [
          domain,
          isUnsettled(domain) ? decision : keepOrFence(before.get(domain), decision),
        ]),
      )
      await settleRoles?.(reachable(stores), decisions)
      // A flip by a gate that had opened itself: the stores have changed since they were read.
      if (this.#decisions !== before) continue
      this.#decisions = decisions
      reportFences(log, decisions)
      return settlement
    }
  }
}

function reachable({ sqlite, postgres }: Stores): Parameters<SettleRoles>[0] {
  return {
    ...(typeof sqlite === 'object' && { sqlite }),
    ...(typeof postgres === 'object' && { postgres }),
  }
}

/** A domain that this process has been serving does not silently change its store under it. */
function keepOrFence(before: Decision | undefined, decision: Decision): Decision {
  const served = before?.fence === undefined && before?.placement !== undefined
  if (!served || decision.fence !== undefined || before.placement === decision.placement) return decision
  return {
    ...decision,
    fence:
      `The domain was used in ${before.placement} (epoch ${before.epoch}) until the other store came back and ` +
      `showed that it belongs to ${decision.placement} (epoch ${decision.epoch}): one of them was restored from ` +
      'a backup. Restart to use the latter; what was written since then stays in the former',
  }
}

/** Most often one cause fences every domain: twenty lines that say the same would hide it. */
function reportFences(log: Log, decisions: ReadonlyMap<Domain, Decision>): void {
  const fenced = new Map<string, Domain[]>()
  for (const [domain, { fence }] of decisions) {
    if (fence !== undefined) fenced.set(fence, [...(fenced.get(fence) ?? []), domain])
  }
  for (const [reason, domains] of fenced) log.error({ domains, reason }, 'domains are fenced')
}
