import { batchTimeout } from '../errors/batch-error.js'
import { LazyAbort } from '../resilience/lazy-abort.js'
import { NO_SLOT, type TimerQueue } from '../resilience/timer-queue.js'
import type { Clock } from '../runtime/clock.js'

/** What bounds a call. */
export interface CallBounds {
  readonly label: string
  readonly timeoutMs: number
  readonly clock: Clock
  readonly timers: TimerQueue
  /** Holds, while the call runs, what cancels it. */
  readonly cancels: Set<(reason: unknown) => void>
}

/** A signal that is made when it is asked for. */
export interface LazySignal {
  readonly signal: AbortSignal
}

/** Calls `work`; rejects with `ERR_BATCH_TIMEOUT` when it takes too long, or with the reason of whoever cancels it. */
export function boundedCall<R>(work: (lazy: LazySignal) => R | PromiseLike<R>, bounds: CallBounds): Promise<R> {
  const { timeoutMs, clock, timers, cancels } = bounds
  const lazy = new LazyAbort()
  let isOver = false
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      timers.remove(timed)
      cancels.delete(cancel)
    }
    const cancel = (reason: unknown): void => {
      finish()
      // First the caller hears why, then the work.
      reject(reason)
      isOver = true
      lazy.abort(reason)
    }
    const timed = { dueAt: 0, slot: NO_SLOT, onDue: () => cancel(batchTimeout(bounds.label, timeoutMs)) }
    cancels.add(cancel)
    if (timeoutMs !== Infinity) {
      const now = clock.now()
      timed.dueAt = now + timeoutMs
      timers.add(timed, now)
    }
    Promise.resolve()
      .then(() => (!isOver ? work(lazy) : (undefined as never)))
      .finally(finish)
      .then(resolve, reject)
  })
}
