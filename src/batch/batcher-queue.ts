import { digestOf } from '../keys/digest.js'
import { onceAborted } from '../runtime/abort.js'
import type { ReadsTogether } from './batcher-cache.js'

/** An item that somebody waits for. */
export class Waiting<I, V> {
  // Declared only: a field that is defined first and assigned later costs a tenth of a collected call.
  declare readonly item: I
  declare readonly id: unknown
  declare readonly tokens: number
  declare readonly together: ReadsTogether | undefined
  declare readonly promise: Promise<V>
  declare resolve: (value: V) => void
  declare reject: (reason: unknown) => void
  /** Callers that may leave. */
  declare callers: number
  /** Somebody waits who cannot leave. */
  declare stays: boolean
  /** Called when the last caller has left. */
  declare onLeft: ((reason: unknown) => void) | undefined

  constructor(item: I, id: unknown, tokens: number, together: ReadsTogether | undefined) {
    this.item = item
    this.id = id
    this.tokens = tokens
    this.together = together
    this.callers = 0
    this.stays = false
    this.onLeft = undefined
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  /** Waits with a signal that has not aborted yet: leaves at once when it does. */
  join(signal: AbortSignal): Promise<V> {
    this.callers++
    return new Promise((resolve, reject) => {
      const unlisten = onceAborted(signal, (reason) => {
        reject(reason)
        this.callers--
        if (this.callers === 0 && !this.stays) this.onLeft?.(reason)
      })
      this.promise.then(
        (value) => {
          unlisten()
          resolve(value)
        },
        (reason) => {
          unlisten()
          reject(reason)
        },
      )
    })
  }
}

/** Items that wait for their call, first come first served; a call takes at most `maxItems` and `maxTokens`, and one item at least. */
export class BatcherQueue<I, V> {
  readonly #maxItems: number
  readonly #maxTokens: number
  // Insertion order is the order of the queue; ids are primitives, or an object made for one item.
  #byId = new Map<unknown, Waiting<I, V>>()
  #tokens = 0

  constructor(maxItems: number, maxTokens: number) {
    this.#maxItems = maxItems
    this.#maxTokens = maxTokens
  }

  get size(): number {
    return this.#byId.size
  }

  get first(): Waiting<I, V> | undefined {
    for (const waiting of this.#byId.values()) return waiting
    return undefined
  }

  /** Whether what waits fills a call. */
  get isFull(): boolean {
    return this.#byId.size >= this.#maxItems || this.#tokens >= this.#maxTokens
  }

  /** An equal item that waits already. */
  find(id: unknown): Waiting<I, V> | undefined {
    return this.#byId.get(id)
  }

  push(waiting: Waiting<I, V>): void {
    this.#byId.set(waiting.id, waiting)
    this.#tokens += waiting.tokens
  }

  remove(waiting: Waiting<I, V>): void {
    if (this.#byId.delete(waiting.id)) this.#tokens -= waiting.tokens
  }

  /** Takes out the items of the next call. */
  take(): Waiting<I, V>[] {
    const taken: Waiting<I, V>[] = []
    if (this.#byId.size <= this.#maxItems && this.#tokens <= this.#maxTokens) {
      for (const waiting of this.#byId.values()) taken.push(waiting)
      // Emptying a table costs more than a new one.
      this.#byId = new Map()
      this.#tokens = 0
      return taken
    }
    let sum = 0
    for (const waiting of this.#byId.values()) {
      if (taken.length === this.#maxItems) break
      if (taken.length > 0 && sum + waiting.tokens > this.#maxTokens) break
      sum += waiting.tokens
      taken.push(waiting)
    }
    for (const waiting of taken) this.remove(waiting)
    return taken
  }
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
