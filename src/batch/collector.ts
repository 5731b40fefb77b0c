import { closed } from '../errors/load-error.js'
import { optionInvalid } from '../errors/option-error.js'
import { queueFull } from '../errors/resilience-error.js'
import { createTimerQueue, type TimerQueue } from '../resilience/timer-queue.js'
import type { TimerHandle } from '../runtime/clock.js'
import { BatchLoad } from './batch-load.js'
import type { ReadsTogether } from './batcher-cache.js'
import type { BatcherPlan } from './batcher-options.js'
import { BatcherQueue, createWaiting, idOf, joinUntil, type Waiting } from './batcher-queue.js'
import { atTurnEnd } from './turn-end.js'

/** What a batcher did so far. */
export interface BatcherStats {
  /** Calls of `load`. */
  readonly loads: number
  /** Items they were given. */
  readonly items: number
  /** Calls that shared the load of an equal item that was waiting. */
  readonly joined: number
  /** Items that wait for their load. */
  readonly queued: number
  /** Loads under way. */
  readonly running: number
}

/** Collects items and decides when they go out. */
export class Collector<I, V> {
  readonly #plan: BatcherPlan<I, V>
  readonly #queue: BatcherQueue<I, V>
  // Made when they are needed: a batcher may live for one request.
  #timers: TimerQueue | undefined
  readonly #timersOf = (): TimerQueue => {
    this.#timers ??= createTimerQueue(this.#plan.clockOf())
    return this.#timers
  }
  readonly #onIdle: (() => void)[] = []
  readonly #flush = (): void => this.#sendDue()
  #loads = 0
  #items = 0
  #joined = 0
  #running = 0
  #flushing = false
  #closed = false
  #callEnded = false
  // When the longest waiting item came; only told where items wait for company.
  #oldestAt = 0
  #window: { readonly timer: TimerHandle } | undefined

  constructor(plan: BatcherPlan<I, V>) {
    this.#plan = plan
    this.#queue = new BatcherQueue(plan.maxItems, plan.maxTokens)
  }

  get stats(): BatcherStats {
    return {
      loads: this.#loads,
      items: this.#items,
      joined: this.#joined,
      queued: this.#queue.size,
      running: this.#running,
    }
  }

  collect(item: I, signal: AbortSignal | undefined, together: ReadsTogether | undefined): Promise<V> {
    if (this.#closed) return Promise.reject(closed(`The ${this.#plan.label}`))
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    let waiting: Waiting<I, V> | undefined
    try {
      const { keyOf } = this.#plan
      const id = idOf(keyOf === undefined ? item : keyOf(item))
      waiting = this.#queue.find(id)
      if (waiting === undefined) waiting = this.#enqueue(item, id, signal !== undefined, together)
      else this.#joined++
    } catch (error) {
      return Promise.reject(error)
    }
    if (signal !== undefined) return this.#join(waiting, signal)
    if (waiting.more !== undefined) waiting.more.stays = true
    return waiting.promise
  }

  close(): Promise<void> {
    this.#closed = true
    this.#shutWindow()
    if (this.#queue.size === 0 && this.#running === 0) return Promise.resolve()
    if (this.#queue.size > 0) this.#flushSoon()
    return new Promise((resolve) => void this.#onIdle.push(resolve))
  }

  #enqueue(item: I, id: unknown, mayLeave: boolean, together: ReadsTogether | undefined): Waiting<I, V> {
    const { queue: limit, label, concurrency, tokensOf, maxWaitMs, clockOf } = this.#plan
    const queue = this.#queue
    if (queue.size >= limit) throw queueFull(label, concurrency, limit)
    const tokens = tokensOf === undefined ? 0 : checkTokens(tokensOf(item))
    const isPlain = !mayLeave && tokens === 0 && together === undefined
    const more = isPlain ? undefined : { id, tokens, together, callers: 0, stays: false, onLeft: undefined }
    const waiting = createWaiting<I, V>(item, more)
    if (maxWaitMs > 0 && queue.size === 0) this.#oldestAt = clockOf().now()
    queue.push(id, waiting)
    if (!this.#flushing) this.#flushSoon()
    return waiting
  }

  #join(waiting: Waiting<I, V>, signal: AbortSignal): Promise<V> {
    const { more } = waiting
    if (more !== undefined) more.onLeft ??= () => this.#leave(more.id)
    return joinUntil(waiting, signal)
  }

  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    atTurnEnd(this.#flush)
  }

  #sendDue(): void {
    this.#flushing = false
    const { maxWaitMs, concurrency, clockOf } = this.#plan
    const queue = this.#queue
    const now = maxWaitMs === 0 ? 0 : clockOf().now()
    // Decided once: what waits now goes out together, in as many calls as it takes.
    const isDue = this.#running === 0 || this.#callEnded || this.#closed || now - this.#oldestAt >= maxWaitMs
    this.#callEnded = false
    while (queue.size > 0 && this.#running < concurrency && (isDue || queue.isFull)) {
      const together = queue.first?.more?.together
      if (together?.decided === false) {
        this.#callEnded = isDue
        together.onDecided(() => this.#flushSoon())
        return
      }
      this.#send(queue.take())
      this.#oldestAt = now
    }
    if (queue.size > 0 && this.#running < concurrency) this.#openWindow(this.#oldestAt + maxWaitMs - now)
  }

  #send(batch: Waiting<I, V>[]): void {
    this.#running++
    this.#loads++
    this.#items += batch.length
    new BatchLoad(this.#plan, this.#timersOf, batch, () => this.#loadEnded()).start()
  }

  #loadEnded(): void {
    this.#running--
    if (this.#queue.size > 0) {
      // What waited for company waited for this. At the turn's end, so that loads without a wait do not nest.
      this.#callEnded = true
      this.#shutWindow()
      this.#flushSoon()
    } else if (this.#running === 0) this.#tellIdle()
  }

  #leave(id: unknown): void {
    this.#queue.remove(id)
    if (this.#queue.size > 0) return
    this.#shutWindow()
    if (this.#running === 0) this.#tellIdle()
  }

  #tellIdle(): void {
    for (const told of this.#onIdle.splice(0)) told()
  }

  /** The time during which items wait for company: one timer, ref'd, for somebody waits. */
  #openWindow(ms: number): void {
    if (this.#window !== undefined) return
    const onOver = (): void => {
      this.#window = undefined
      this.#flushSoon()
    }
    this.#window = { timer: this.#plan.clockOf().setTimer(onOver, Math.max(0, ms), true) }
  }

  #shutWindow(): void {
    if (this.#window === undefined) return
    this.#plan.clockOf().clearTimer(this.#window.timer)
    this.#window = undefined
  }
}

function checkTokens(tokens: unknown): number {
  if (typeof tokens === 'number' && tokens >= 0 && Number.isFinite(tokens)) return tokens
  throw optionInvalid('tokensOf', 'a function that returns a number from 0', tokens)
}
