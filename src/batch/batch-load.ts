import { batchTimeout, rowMissing, rowsMisaligned } from '../errors/batch-error.js'
import { preview } from '../errors/option-error.js'
import { NO_SLOT, type Timed, type TimerQueue } from '../resilience/timer-queue.js'
import { isThenable } from '../runtime/thenable.js'
import type { BatcherPlan, LoadContext, LoadedRows } from './batcher-options.js'
import { idOf, type Waiting } from './batcher-queue.js'

const SETTLED = Promise.resolve()

/** One call of a batcher's `load`; tells every caller, then `onEnd`: once, also when the load never settles. */
export class BatchLoad<I, V> implements LoadContext, Timed {
  dueAt = 0
  slot = NO_SLOT
  readonly #plan: BatcherPlan<I, V>
  readonly #timers: () => TimerQueue
  readonly #batch: readonly Waiting<I, V>[]
  readonly #onEnd: () => void
  #controller: AbortController | undefined
  #aborted: { readonly reason: unknown } | undefined
  #left = 0
  #over = false

  constructor(plan: BatcherPlan<I, V>, timers: () => TimerQueue, batch: readonly Waiting<I, V>[], onEnd: () => void) {
    this.#plan = plan
    this.#timers = timers
    this.#batch = batch
    this.#onEnd = onEnd
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason)
    }
    return this.#controller.signal
  }

  start(): void {
    const { timeoutMs, load } = this.#plan
    const items: I[] = []
    for (const waiting of this.#batch) {
      items.push(waiting.item)
      const { more } = waiting
      if (more !== undefined && !more.stays) more.onLeft = (reason) => this.#leave(reason)
    }
    try {
      const rows = load(items, this)
      if (isThenable(rows)) {
        rows.then(
          (late) => this.#accept(late as LoadedRows<I, V>),
          (error) => this.#fail(error),
        )
        // Arming a timer costs as much as collecting twenty items: not for a load that has its answer already.
        if (timeoutMs !== Infinity) void SETTLED.then(() => this.#arm())
      } else this.#accept(rows)
    } catch (error) {
      this.#fail(error)
    }
  }

  #arm(): void {
    if (this.#over) return
    const now = this.#plan.clockOf().now()
    this.dueAt = now + this.#plan.timeoutMs
    this.#timers().add(this, now)
  }

  onDue(): void {
    const error = batchTimeout(`A load of the ${this.#plan.label}`, this.#plan.timeoutMs)
    this.#fail(error)
    this.#abort(error)
  }

  #accept(rows: LoadedRows<I, V>): void {
    const batch = this.#batch
    const problem = misfit(rows, batch.length)
    if (problem !== undefined) {
      this.#fail(rowsMisaligned(`the load of the ${this.#plan.label}`, batch.length, problem))
      return
    }
    if (!this.#finish()) return
    const rowOf = Array.isArray(rows) ? undefined : rowsByItem(rows as ReadonlyMap<I, V | Error>, this.#plan)
    for (let place = 0; place < batch.length; place++) {
      const waiting = batch[place] as Waiting<I, V>
      const row = rowOf === undefined ? (rows as readonly (V | Error)[])[place] : rowOf(waiting.item)
      if (row instanceof Error) waiting.reject(row)
      else waiting.resolve(row as V)
    }
    this.#onEnd()
  }

  #fail(error: unknown): void {
    if (!this.#finish()) return
    for (const waiting of this.#batch) waiting.reject(error)
    this.#onEnd()
  }

  #finish(): boolean {
    if (this.#over) return false
    this.#over = true
    if (this.slot !== NO_SLOT) this.#timers().remove(this)
    return true
  }

  /** The batch is abandoned when everybody has left. */
  #leave(reason: unknown): void {
    this.#left++
    if (this.#left < this.#batch.length || !this.#finish()) return
    this.#abort(reason)
    this.#onEnd()
  }

  #abort(reason: unknown): void {
    this.#aborted ??= { reason }
    this.#controller?.abort(reason)
  }
}

/** Reads the row of an item: by the item itself, else by one that is equal. */
function rowsByItem<I, V>(rows: ReadonlyMap<I, V | Error>, { keyOf, label }: BatcherPlan<I, V>) {
  const idIfAny = (item: I): unknown => {
    try {
      return idOf(keyOf === undefined ? item : keyOf(item))
    } catch {
      return {}
    }
  }
  // Made for the first item that is not found by itself: a load that keys its rows by what it was given needs none.
  let byId: Map<unknown, V | Error> | undefined
  return (item: I): V | Error => {
    const own = rows.get(item)
    if (own !== undefined || rows.has(item)) return own as V | Error
    if (byId === undefined) {
      byId = new Map()
      for (const [other, row] of rows) {
        const id = idIfAny(other)
        // The first row of an item stands: a second one is not the answer to another.
        if (!byId.has(id)) byId.set(id, row)
      }
    }
    const id = idIfAny(item)
    return byId.has(id) ? (byId.get(id) as V | Error) : rowMissing(`the load of the ${label}`)
  }
}

/** How many rows came, or what came instead, where that cannot be matched with the items. */
function misfit(rows: unknown, count: number): number | string | undefined {
  if (rows instanceof Map) return undefined
  if (!Array.isArray(rows)) return preview(rows)
  return rows.length === count ? undefined : rows.length
}
