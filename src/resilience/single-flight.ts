import { unlessAborted } from '../runtime/abort.js'

/**
 * One piece of work that several callers wait for.
 *
 * A caller with a signal may leave; the work is abandoned only when the last one has left and nobody joined who cannot
 * leave. The signal handed to the work exists only if it is asked for.
 */
export class Flight<V> {
  /** Settles with the work. Never an unhandled rejection. */
  readonly promise: Promise<V>
  #resolve!: (value: V) => void
  #reject!: (reason: unknown) => void
  #controller: AbortController | undefined
  #aborted: { readonly reason: unknown } | undefined
  #leavers = 0
  /** Somebody waits who cannot leave. */
  #stays = false
  #pinned = false
  #settled = false
  #onAbandon: (() => void) | undefined

  /** @param onAbandon Called once when the last waiter has left before the work ended. */
  constructor(onAbandon?: () => void) {
    this.#onAbandon = onAbandon
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.promise.catch(ignore)
  }

  get settled(): boolean {
    return this.#settled
  }

  /** Whether anybody waits: neither a pin nor a caller who left does. */
  get awaited(): boolean {
    return this.#stays || this.#leavers > 0
  }

  /** Aborts when the last waiter leaves, or when {@link abort} is called. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      // Work that asks only after everybody left must hear of it, too.
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason)
    }
    return this.#controller.signal
  }

  /** Keeps the work going whoever leaves: for a caller without a signal, or a refresh nobody waits for. */
  pin(): void {
    this.#pinned = true
  }

  /** Waits for the work; leaves at once, with the signal's reason, when `signal` aborts. */
  join(signal?: AbortSignal): Promise<V> {
    if (signal === undefined) {
      this.#pinned = true
      this.#stays = true
      return this.promise
    }
    if (signal.aborted) return Promise.reject(signal.reason)
    this.#leavers++
    return unlessAborted(this.promise, signal, (reason) => this.#leave(reason))
  }

  resolve(value: V): void {
    this.#settled = true
    this.#resolve(value)
  }

  reject(reason: unknown): void {
    this.#settled = true
    this.#reject(reason)
  }

  /** Tells the work to stop, if it listens. Does not settle the flight. */
  abort(reason: unknown): void {
    this.#aborted ??= { reason }
    this.#controller?.abort(reason)
  }

  #leave(reason: unknown): void {
    this.#leavers--
    if (this.#leavers > 0 || this.#pinned || this.#settled) return
    this.#onAbandon?.()
    this.abort(reason)
    this.reject(reason)
  }
}

function ignore(): void {}
