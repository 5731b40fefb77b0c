import type { Clock } from '../runtime/clock.js'
import type { Frame, StampReply } from '../stores/shared-store.js'
import type { Coherence } from './cells.js'

/** An invalidation this process made and the store has not confirmed. Names and digests, never a value. */
export type PendingInvalidation =
  | { readonly kind: 'key'; readonly key: string; readonly namespace: string; readonly digest: string }
  | { readonly kind: 'names'; readonly names: readonly string[]; readonly mode: 'delete' | 'expire' }

/** How a process stands to the shared store: which life of the store it knows, and what of memory may be trusted. */
export interface LinkState {
  /** Incarnation last seen. */
  readonly inc: string | undefined
  /** Moves on when messages may have been missed: entries of an earlier epoch are compared with the store before use. */
  readonly epoch: number
  /** Entries of an epoch below it are never used again. */
  readonly floor: number
  /** No confirmed subscription: every memory hit is compared. */
  readonly deaf: boolean
  /** The store is out of reach, or owes us the replay of invalidations. */
  readonly away: boolean
}

/** What the link tells the namespaces. */
export interface LinkEvents {
  frame(frame: Frame): void
  /** The store began a new life: what is known of its markers is void. */
  newIncarnation(): void
  /** The store is out of reach from now on. */
  left(): void
}

/**
 * The process's side of the protocol's epochs, gaps and incarnations: a state machine without timers.
 *
 * Every change moves the coherence generation on, so that the hit path, which compares one integer, has to think again.
 */
export class Link implements LinkState {
  inc: string | undefined = undefined
  epoch = 0
  floor = 0
  deaf = true
  away = false
  awaySinceMs = 0
  /** Which outage this is, or was the last: what it left unconfirmed must not reappear in the next one. */
  outage = 0
  /** What the store must be told before anything else, in any order: the operations commute. */
  readonly pending = new Map<string, PendingInvalidation>()
  /** How many names and keys that is. */
  owed = 0
  #storeOffsetMs: number | undefined = undefined
  #bestRoundTripMs = Infinity
  readonly #clock: Clock
  readonly #coherence: Coherence
  readonly #events: LinkEvents

  constructor(clock: Clock, coherence: Coherence, events: LinkEvents) {
    this.#clock = clock
    this.#coherence = coherence
    this.#events = events
  }

  /** Whether a reply has told the store's time yet. */
  get knowsTime(): boolean {
    return this.#storeOffsetMs !== undefined
  }

  /** For how long it has been away, ms; 0 while it is there. */
  get awayMs(): number {
    return this.away ? Math.round(this.#clock.now() - this.awaySinceMs) : 0
  }

  /** The store's time now, by the reply with the shortest round trip since a clock was set. */
  storeNowMs(): number {
    return this.#clock.now() + (this.#storeOffsetMs ?? 0)
  }

  /** The latest the store's clock may show now. For deadlines of writes: a slow first answer must not make them late. */
  storeNowAtMostMs(): number {
    return this.storeNowMs() + (this.#bestRoundTripMs === Infinity ? 0 : this.#bestRoundTripMs / 2)
  }

  /** An instant of the store on this process's monotonic scale. */
  toLocalMs(storeMs: number): number {
    return storeMs - (this.#storeOffsetMs ?? 0)
  }

  /** Takes the stamp of a reply. Guard `adopt`: an unknown incarnation starts an epoch before the reply is used. */
  saw(reply: StampReply, sentAtMs: number): void {
    const now = this.#clock.now()
    const roundTripMs = now - sentAtMs
    const offsetMs = reply.nowMs - (sentAtMs + now) / 2
    // Two that cannot both be true: the store's clock was set in between, or a machine slept. Then every write would come too late.
    const isOff =
      Math.abs(offsetMs - (this.#storeOffsetMs ?? 0)) > (roundTripMs + this.#bestRoundTripMs) / 2 + ROUNDED_MS
    if (roundTripMs <= this.#bestRoundTripMs || isOff) {
      this.#bestRoundTripMs = roundTripMs
      this.#storeOffsetMs = offsetMs
    }
    this.adopt(reply.inc)
  }

  adopt(inc: string): void {
    if (this.inc === inc) return
    const first = this.inc === undefined
    this.inc = inc
    if (first) return
    this.epoch++
    // Guard `adoptDrops`: memory of an earlier life is not served in an outage either.
    this.floor = this.epoch
    this.#coherence.generation++
    // Guard `cellsReset`: sequence numbers of an earlier life mean nothing in this one.
    this.#events.newIncarnation()
  }

  frame(frame: Exclude<Frame, { readonly kind: 'done' }>): void {
    this.adopt(frame.inc)
    this.#events.frame(frame)
  }

  /** Messages may be missing from now on. Guard `deaf`. */
  lost(): void {
    this.deaf = true
    this.#coherence.generation++
  }

  /** Guard `epochResub`: what was read between loss and confirmation is not covered, so the epoch moves on only now. */
  confirmed(): void {
    this.epoch++
    this.deaf = false
    this.#bestRoundTripMs = Infinity
    this.#coherence.generation++
  }

  leave(): void {
    if (this.away) return
    this.away = true
    this.outage++
    this.awaySinceMs = this.#clock.now()
    this.#coherence.generation++
    this.#events.left()
  }

  /** The store is back and has been told everything. */
  returned(): void {
    this.away = false
    this.#coherence.generation++
  }

  /** Keeps an invalidation for the replay; one of the same names or key replaces it. */
  owe(invalidation: PendingInvalidation): void {
    const id =
      invalidation.kind === 'key'
        ? `k\u0000${invalidation.key}`
        : `n\u0000${invalidation.mode}\u0000${invalidation.names.join('\u0000')}`
    this.paid(id)
    this.pending.set(id, invalidation)
    this.owed += weightOf(invalidation)
    if (this.owed > MAX_PENDING) this.#collapse()
    this.leave()
  }

  /** The store has been told. */
  paid(id: string): void {
    const invalidation = this.pending.get(id)
    if (invalidation === undefined) return
    this.pending.delete(id)
    this.owed -= weightOf(invalidation)
  }

  /** The first of what is owed: one at least, and as many as weigh no more than that together. */
  firstOwed(most: number): readonly (readonly [id: string, owed: PendingInvalidation])[] {
    const first: (readonly [string, PendingInvalidation])[] = []
    let weight = 0
    for (const each of this.pending) {
      weight += weightOf(each[1])
      if (weight > most && first.length > 0) break
      first.push(each)
    }
    return first
  }

  /** Too many to remember one by one: the whole namespaces they are of are invalidated instead, so that none is lost. */
  #collapse(): void {
    const namespaces = new Set<string>()
    for (const pending of this.pending.values()) {
      if (pending.kind === 'key') namespaces.add(`n/${pending.namespace}`)
      else for (const name of pending.names) namespaces.add(namespaceMarkerOf(name))
    }
    this.pending.clear()
    const names = namespaces.has('*') ? ['*'] : [...namespaces]
    this.pending.set('collapsed', { kind: 'names', names, mode: 'delete' })
    this.owed = names.length
  }
}

const MAX_PENDING = 100_000
/** What a store's time may lack for being told in whole ms. */
const ROUNDED_MS = 1

function weightOf(invalidation: PendingInvalidation): number {
  return invalidation.kind === 'key' ? 1 : invalidation.names.length
}

function namespaceMarkerOf(name: string): string {
  if (!name.startsWith('t/')) return name
  const namespace = name.slice(2, name.indexOf('/', 2))
  return namespace === '' ? '*' : `n/${namespace}`
}
