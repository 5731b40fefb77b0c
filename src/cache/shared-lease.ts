import type { Clock } from '../runtime/clock.js'
import type { KeyRef, ReleaseRequest, SharedStore } from '../stores/shared-store.js'
import type { SharedFlight } from './shared-flight.js'
import type { Following, Leasing, NamespaceState, SharedSide, Wake } from './state.js'

/** How long a lease outlives the last sign of life of its leader. */
export const LEASE_MS = 5000
const RENEW_MS = 1500
/** Behind the lapse, so that the follower finds the lease gone; and spread, so that followers do not come all at once. */
const LAPSE_MARGIN_MS = 20
const LAPSE_SPREAD_MS = 50
/** An entry that scripts and readers see differently must not send a loader round for ever. */
const MOST_CHANGES = 3

type End = (next: ReleaseRequest['next']) => Promise<void>

/** The leases a process holds, and those it waits for. */
export class Leases implements Leasing {
  readonly #clock: Clock
  readonly #held = new Map<string, { timer: unknown; readonly end: End }>()
  readonly #waiting = new Map<string, Set<(why: Wake) => void>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  hold(tier: SharedSide, flight: SharedFlight): void {
    const { ref, token } = flight
    if (token === undefined || this.#held.has(token)) return
    const beat = (): unknown =>
      this.#clock.setTimer(async () => {
        const renewed = await tier.ask(async () => tier.store.renew?.(ref.key, token, LEASE_MS))
        if (this.#held.get(token) !== held) return
        // Somebody took it away; whoever gets no answer tries again.
        if (renewed === false) this.#held.delete(token)
        else held.timer = beat()
      }, RENEW_MS)
    const end: End = async (next) => {
      this.wake(ref, next)
      await tier.ask(async () => tier.store.release?.({ ...ref, token, next }))
    }
    const held = { timer: beat(), end }
    this.#held.set(token, held)
  }

  used(ref: KeyRef, token: string): void {
    if (this.#stop(token) !== undefined) this.wake(ref, 'lead')
  }

  async release(token: string, next: ReleaseRequest['next']): Promise<void> {
    await this.#stop(token)?.end(next)
  }

  follow(ref: KeyRef): Following {
    const id = idOf(ref)
    let timer: unknown
    let wake: (why: Wake) => void = () => {}
    const news = new Promise<Wake>((resolve) => {
      wake = resolve
    })
    const present = this.#waiting.get(id)
    if (present === undefined) this.#waiting.set(id, new Set([wake]))
    else present.add(wake)
    const stop = (): void => {
      this.#clock.clearTimer(timer)
      const others = this.#waiting.get(id)
      others?.delete(wake)
      if (others?.size === 0) this.#waiting.delete(id)
      wake('lapse')
    }
    const woken = (leftMs: number, keepsAlive: boolean): Promise<Wake> => {
      const waitMs = Math.min(leftMs, LEASE_MS) + LAPSE_MARGIN_MS + this.#clock.random() * LAPSE_SPREAD_MS
      timer = this.#clock.setTimer(() => wake('lapse'), waitMs, keepsAlive)
      return news
    }
    return { woken, stop }
  }

  wake(ref: Pick<KeyRef, 'namespace' | 'digest'>, why: Wake): void {
    for (const wake of this.#waiting.get(idOf(ref)) ?? []) wake(why)
  }

  /** The store is out of reach: everybody loads for himself. */
  wakeAll(): void {
    for (const wakes of this.#waiting.values()) for (const wake of wakes) wake('lapse')
  }

  /** Gives everything back, so that others need not wait for the lapse. */
  async close(): Promise<void> {
    const returned = [...this.#held.keys()].map((token) => this.release(token, 'lead'))
    this.wakeAll()
    await Promise.all(returned)
  }

  #stop(token: string): { readonly end: End } | undefined {
    const held = this.#held.get(token)
    if (held === undefined) return undefined
    this.#held.delete(token)
    this.#clock.clearTimer(held.timer)
    return held
  }
}

function idOf({ namespace, digest }: Pick<KeyRef, 'namespace' | 'digest'>): string {
  return `${namespace}\u0000${digest}`
}

/** Whether loads of a namespace lead and follow: it asks for it, and the store can. */
export function leads(state: NamespaceState, tier: SharedSide): boolean {
  return state.live.policy.coalesce === 'cluster' && hasLeases(tier.store)
}

function hasLeases({ lease, renew, release }: SharedStore): boolean {
  return lease !== undefined && renew !== undefined && release !== undefined
}

/** One load's way to its lease. */
export interface Pursuit {
  changes: number
  /** Another leader had nothing to share, or this one has followed long enough: wait for nobody. */
  alone: boolean
  readonly keepsAlive: () => boolean
  /** Told that it waits for another leader. */
  readonly follows: () => void
  /** Ends the wait; set while there is one. */
  stop: (() => void) | undefined
}

/**
 * Asks for the lease of a key that a flight has just read. `load`: run the loader, fenced by the flight's token where it
 * has one. `again`: read once more; whoever was before us may have left a value.
 */
export async function pursue(tier: SharedSide, flight: SharedFlight, pursuit: Pursuit): Promise<'load' | 'again'> {
  if (flight.stamp === undefined) return 'load'
  const { ref } = flight
  const token = tier.nonce()
  const seen = pursuit.changes < MOST_CHANGES ? { id: flight.seenId } : ('any' as const)
  const following = tier.leases.follow(ref)
  pursuit.stop = following.stop
  try {
    const reply = await tier.ask(async () => tier.store.lease?.({ ...ref, token, lifeMs: LEASE_MS, seen }))
    if (reply?.outcome === 'changed') {
      pursuit.changes++
      return 'again'
    }
    if (reply?.outcome === 'yours') {
      flight.token = token
      tier.leases.hold(tier, flight)
      return 'load'
    }
    if (reply?.outcome !== 'held') return 'load'
    // A longer one than any lease is a loader's of a process that does not lead: nobody renews it, so nobody waits for it.
    if (pursuit.alone || reply.leftMs > LEASE_MS) {
      flight.token = reply.token
      return 'load'
    }
    pursuit.follows()
    pursuit.alone = (await following.woken(reply.leftMs, pursuit.keepsAlive())) === 'alone'
    return 'again'
  } finally {
    pursuit.stop = undefined
    following.stop()
  }
}
