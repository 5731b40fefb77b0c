import { LRUCache } from 'lru-cache'

/** Why an item left memory. */
export type Removal = 'evicted' | 'replaced' | 'deleted'

/** The bound all namespaces of a stash share. The namespace holding most gives way first. */
export interface ByteBudget {
  readonly limitBytes: number
  used: number
  readonly holders: Set<MemoryStore<SizedItem>>
}

/** An item that knows its size. */
export interface SizedItem {
  readonly bytes: number
}

/** Options of {@link MemoryStore}. */
export interface MemoryStoreOptions<T extends SizedItem> {
  readonly max: number
  readonly budget: ByteBudget
  readonly onRemove: (item: T, id: string, why: Removal) => void
}

/**
 * Shared by all reads: without one, each makes an object of its own. What it says is what lru-cache would look up; `null` is
 * "no status wanted", where `undefined` asks whether anybody listens.
 */
const READ: unknown = {
  allowStale: false,
  updateAgeOnGet: false,
  noDeleteOnStaleGet: false,
  status: null,
}

/** A store for fewer items keeps them in the exact order of their use from the first one on. */
const EXACT_BELOW = 1000

/** Returns a byte budget for the namespaces of one stash. */
export function createByteBudget(limitBytes: number): ByteBudget {
  return { limitBytes, used: 0, holders: new Set() }
}

/**
 * The memory tier of one namespace: least recently used first out, bounded by entries and, over the stash, by bytes.
 *
 * Uses are noted once half of either bound is taken: a read touches two cache lines less before. What was not used since
 * then leaves in the order in which it came, and so does all of it where a burst of sets, a giant or a smaller `max` takes
 * the other half at once.
 *
 * Other eviction policies fit behind the same few methods.
 */
export class MemoryStore<T extends SizedItem> {
  #lru: LRUCache<string, T>
  #bytes = 0
  #max: number
  #why: Removal = 'deleted'
  /** No more than half full. */
  #isAmple = false
  readonly #budget: ByteBudget
  readonly #onRemove: MemoryStoreOptions<T>['onRemove']

  constructor(options: MemoryStoreOptions<T>) {
    this.#budget = options.budget
    this.#onRemove = options.onRemove
    this.#max = options.max
    this.#lru = this.#createLru(options.max)
    this.#budget.holders.add(this as unknown as MemoryStore<SizedItem>)
  }

  get size(): number {
    return this.#lru.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get max(): number {
    return this.#max
  }

  /** The item, marked as just used. */
  get(id: string): T | undefined {
    if (this.#isAmple && this.#budget.used * 2 <= this.#budget.limitBytes) return this.peek(id)
    return this.#lru.get(id, READ as LRUCache.GetOptions<string, T, unknown>)
  }

  /** The item, without marking it as used. */
  peek(id: string): T | undefined {
    return this.#lru.peek(id, READ as LRUCache.PeekOptions<string, T, unknown>)
  }

  set(id: string, item: T): void {
    this.#why = 'evicted'
    this.#lru.set(id, item)
    this.#isAmple = this.#max >= EXACT_BELOW && this.#lru.size <= this.#max / 2
    this.#grow(item.bytes)
    const self = this as unknown as MemoryStore<SizedItem>
    while (this.#budget.used > this.#budget.limitBytes) if (!evictFromLargest(this.#budget, self)) break
  }

  delete(id: string): boolean {
    this.#why = 'deleted'
    return this.#lru.delete(id)
  }

  /**
   * Drops everything at once, at the same price for one item and for a million. `onRemove` is not told: whoever clears
   * resets what hangs on the items.
   */
  clear(): void {
    this.#grow(-this.#bytes)
    this.#lru = this.#createLru(this.#max)
  }

  /** Drops the least recently used item. */
  evictOne(): boolean {
    this.#why = 'evicted'
    return this.#lru.pop() !== undefined
  }

  /** lru-cache fixes its size at construction, so a new one takes the items over, least recently used first. */
  resize(max: number): void {
    if (max === this.#max) return
    this.#max = max
    while (this.#lru.size > max) this.evictOne()
    const next = this.#createLru(max)
    for (const [id, item] of this.#lru.rentries() as Generator<[string, T]>) next.set(id, item)
    this.#lru = next
    this.#isAmple = false
  }

  ids(): Generator<string> {
    return this.#lru.keys()
  }

  entries(): Generator<[string, T]> {
    return this.#lru.entries() as Generator<[string, T]>
  }

  /** Gives the share of the byte budget back. */
  close(): void {
    this.clear()
    this.#budget.holders.delete(this as unknown as MemoryStore<SizedItem>)
  }

  #createLru(max: number): LRUCache<string, T> {
    return new LRUCache<string, T>({
      max,
      dispose: (item, id, reason) => {
        this.#grow(-item.bytes)
        this.#onRemove(item, id, reason === 'set' ? 'replaced' : this.#why)
      },
    })
  }

  #grow(bytes: number): void {
    this.#bytes += bytes
    this.#budget.used += bytes
  }
}

// What has just come goes last: else a large value would never enter where many namespaces hold a little each.
function evictFromLargest(budget: ByteBudget, receiver: MemoryStore<SizedItem>): boolean {
  let largest: MemoryStore<SizedItem> | undefined
  for (const holder of budget.holders) {
    if (holder === receiver && holder.size === 1) continue
    if (largest === undefined || holder.bytes > largest.bytes) largest = holder
  }
  return largest?.evictOne() || receiver.evictOne()
}
