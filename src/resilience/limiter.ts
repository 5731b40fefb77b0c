import { queueFull } from '../errors/resilience-error.js'
import { onceAborted } from '../runtime/abort.js'
import { checkShape, wholeNumber } from './option-shape.js'

/** How many calls run at once. */
export interface LimiterOptions {
  /** Calls at once. */
  readonly limit: number
  /** Calls that may wait; one more is refused with `ERR_QUEUE_FULL`. @defaultValue `100` */
  readonly queue?: number | undefined
}

/** {@link LimiterOptions}, complete. */
export interface LimiterPolicy {
  readonly limit: number
  readonly queue: number
}

/** A place in the queue of a {@link Limiter}. */
export interface QueuePlace {
  /** Leaves the queue at once and frees the place; `false` if the permit has been granted already. */
  cancel(): boolean
}

/** Bounds how many calls run, and how many wait. */
export interface Limiter {
  readonly active: number
  readonly queued: number
  /** Takes a permit if one is free. */
  tryAcquire(): boolean
  /** Queues, first come first served; `undefined` when the queue is full. `onGranted` owns a permit. */
  enqueue(onGranted: () => void): QueuePlace | undefined
  /** Gives a permit back. Exactly once per permit. */
  release(): void
  /** Runs `work` with a permit. Rejects with `ERR_QUEUE_FULL`, or with the reason of `signal` while it waits. */
  run<T>(work: () => T | PromiseLike<T>, options?: { readonly signal?: AbortSignal }): Promise<T>
}

/** Checks and completes a limit; a bare number is the limit. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveLimiter(options: number | LimiterOptions, where = 'concurrency'): LimiterPolicy {
  const { limit, queue = 100 } = typeof options === 'number' ? { limit: options } : options
  if (typeof options !== 'number') checkShape(where, options, ['limit', 'queue'])
  return Object.freeze({
    limit: wholeNumber(limit, `${where}.limit`, 1, true),
    queue: wholeNumber(queue, `${where}.queue`, 0, true),
  })
}

/**
 * Returns a limiter whose waiters can leave.
 *
 * p-limit, which the rest of the package uses, cannot drop queued work: an aborted caller would keep its place, and a
 * full queue could not be told from a free one.
 *
 * @example
 * import { createLimiter } from 'hopstash/resilience'
 * const limiter = createLimiter({ limit: 2 })
 * await limiter.run(() => 'done') // => 'done'
 */
export function createLimiter(options: number | LimiterOptions): Limiter {
  return limiterFrom(resolveLimiter(options), 'limiter')
}

/** {@link createLimiter} from a complete policy; `upstream` is named in its errors. */
export function limiterFrom(policy: LimiterPolicy, upstream: string): Limiter {
  const waiting = new Set<() => void>()
  let active = 0
  let granting = false

  const grantFree = (): void => {
    // Granted work may finish and release at once: the loop takes the next then, not a deeper stack.
    if (granting) return
    granting = true
    for (const grant of waiting) {
      if (active >= policy.limit) break
      waiting.delete(grant)
      active++
      grant()
    }
    granting = false
  }
  const tryAcquire = (): boolean => {
    if (active >= policy.limit || waiting.size > 0) return false
    active++
    return true
  }
  const enqueue = (onGranted: () => void): QueuePlace | undefined => {
    if (waiting.size >= policy.queue) return undefined
    // A function of its own, so that equal callbacks have a place each.
    const grant = (): void => onGranted()
    waiting.add(grant)
    return { cancel: () => waiting.delete(grant) }
  }
  const acquire = (signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      if (tryAcquire()) return resolve()
      const place = enqueue(() => {
        unlisten()
        resolve()
      })
      if (place === undefined) return reject(queueFull(upstream, policy.limit, policy.queue))
      const unlisten = onceAborted(signal, (reason) => {
        if (place.cancel()) reject(reason)
      })
    })
  const release = (): void => {
    active--
    if (waiting.size > 0) grantFree()
  }

  return {
    get active() {
      return active
    },
    get queued() {
      return waiting.size
    },
    tryAcquire,
    enqueue,
    release,
    async run(work, options) {
      await acquire(options?.signal)
      try {
        return await work()
      } finally {
        release()
      }
    },
  }
}

/** The limiter of a hop that has none: every permit is free. */
export const noLimiter: Limiter = Object.freeze({
  active: 0,
  queued: 0,
  tryAcquire: () => true,
  enqueue: () => undefined,
  release: () => {},
  run: async <T>(work: () => T | PromiseLike<T>) => work(),
})
