import { digestOf } from '../keys/digest.js'
import { unlessAborted } from '../runtime/abort.js'
import type { ReadsTogether } from './batcher-cache.js'

/**
 * An item that somebody waits for.
 *
 * Small on purpose: there is one for each item, and each further field costs a hundredth of a collected call.
 */
export interface Waiting<I, V> {
  readonly item: I
  readonly promise: Promise<V>
  readonly resolve: (value: V) => void
  readonly reject: (reason: unknown) => void
  /** What only some have. Without it somebody waits who cannot leave. */
  readonly more: WaitingDetails | undefined
}

/** Of a {@link Waiting} with tokens, with company, or with callers that may leave. */
export interface WaitingDetails {
  readonly id: unknown
  readonly tokens: number
  readonly together: ReadsTogether | undefined
  /** Callers that may leave. */
  callers: number
  /** Somebody waits who cannot leave. */
  stays: boolean
  /** Called when the last caller has left. */
  onLeft: ((reason: unknown) => void) | undefined
}

/** An item that nobody waits for yet. */
export function createWaiting<I, V>(item: I, more: WaitingDetails | undefined): Waiting<I, V> {
  let resolve!: (value: V) => void
  let reject!: (reason: unknown) => void
  const promise = new Promise<V>((onValue, onReason) => {
    resolve = onValue
    reject = onReason
  })
  return { item, promise, resolve, reject, more }
}

/** Waits with a signal that has not aborted yet: leaves at once when it does. */
export function joinUntil<V>({ promise, more }: Waiting<unknown, V>, signal: AbortSignal): Promise<V> {
  if (more === undefined) return unlessAborted(promise, signal)
  more.callers++
  return unlessAborted(promise, signal, (reason) => {
    more.callers--
    if (more.callers === 0 && !more.stays) more.onLeft?.(reason)
  })
}

/** Items that wait for their call, first come first served; a call takes at most `maxItems` and `maxTokens`, and one item at least. */
export class BatcherQueue<I, V> {
  readonly #maxItems: number
  readonly #maxTokens: number
  // Insertion order is the order of the queue; ids are primitives, or an object made for one item.
  // Made for the first of them: emptying a table costs more than a new one, and a batcher for one request needs no second.
  #byId: Map<unknown, Waiting<I, V>> | undefined
  #tokens = 0

  constructor(maxItems: number, maxTokens: number) {
    this.#maxItems = maxItems
    this.#maxTokens = maxTokens
  }

  get size(): number {
    return this.#byId === undefined ? 0 : this.#byId.size
  }

  get first(): Waiting<I, V> | undefined {
    return this.#byId?.values().next().value
  }

  /** Whether what waits fills a call. */
  get isFull(): boolean {
    return this.size >= this.#maxItems || this.#tokens >= this.#maxTokens
  }

  /** An equal item that waits already. */
  find(id: unknown): Waiting<I, V> | undefined {
    return this.#byId?.get(id)
  }

  push(id: unknown, waiting: Waiting<I, V>): void {
    this.#byId ??= new Map()
    this.#byId.set(id, waiting)
    if (waiting.more !== undefined) this.#tokens += waiting.more.tokens
  }

  remove(id: unknown): void {
    const waiting = this.#byId?.get(id)
    if (waiting === undefined) return
    this.#byId?.delete(id)
    this.#tokens -= tokensOf(waiting)
  }

  /** Takes out the items of the next call. */
  take(): Waiting<I, V>[] {
    const byId = this.#byId
    const taken: Waiting<I, V>[] = []
    if (byId === undefined) return taken
    if (byId.size <= this.#maxItems && this.#tokens <= this.#maxTokens) {
      for (const waiting of byId.values()) taken.push(waiting)
      this.#byId = undefined
      this.#tokens = 0
      return taken
    }
    let sum = 0
    for (const [id, waiting] of byId) {
      const tokens = tokensOf(waiting)
      if (taken.length === this.#maxItems) break
      if (taken.length > 0 && sum + tokens > this.#maxTokens) break
      sum += tokens
      taken.push(waiting)
      byId.delete(id)
    }
    this.#tokens -= sum
    return taken
  }
}

function tokensOf({ more }: Pick<Waiting<never, never>, 'more'>): number {
  return more === undefined ? 0 : more.tokens
}

/** What makes two items equal: a primitive is itself, an object what it holds; what has no canonical form equals nothing. */
export function idOf(key: unknown): unknown {
  // A text that begins as a digest does here must not be taken for one.
  if (typeof key === 'string') return key.startsWith('\u0000') ? `\u0000text ${key}` : key
  if ((typeof key !== 'object' && typeof key !== 'function') || key === null) return key
  try {
    return `\u0000digest ${digestOf(key)}`
  } catch {
    return {}
  }
}
