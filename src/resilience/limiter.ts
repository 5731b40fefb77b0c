import { optionInvalid } from '../errors/option-error.js'
import { queueFull } from '../errors/resilience-error.js'
import { onceAborted } from '../runtime/abort.js'
import { checkShape, checkSignal, wholeNumber } from './option-shape.js'

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
  /** Queues behind those of its priority, `normal` unless said; `undefined` when the queue is full. `onGranted` owns a permit. */
  enqueue(onGranted: () => void, priority?: Priority): QueuePlace | undefined
  /** Gives a permit back. Exactly once per permit. */
  release(): void
  /** Runs `work` with a permit. Rejects with `ERR_QUEUE_FULL`, or with the reason of `signal` while it waits. */
  run<T>(work: () => T | PromiseLike<T>, options?: LimitedOptions): Promise<T>
}

/**
 * Who goes first where calls wait: all `high` ones before any `normal`, and these before any `low`; within one, first
 * come first served. So much of `high` that it fills the limit leaves nothing for the others: keep it for what people wait for.
 */
export type Priority = 'high' | 'normal' | 'low'

/** Options of {@link Limiter.run}. */
export interface LimitedOptions {
  readonly signal?: AbortSignal | undefined
  /** @defaultValue `'normal'` */
  readonly priority?: Priority | undefined
}

/** Checks and completes a limit; a bare number is the limit. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveLimiter(options: number | LimiterOptions, where = 'concurrency'): LimiterPolicy {
  if (typeof options !== 'number') checkShape(where, options, ['limit', 'queue'])
  const { limit, queue = 100 } = typeof options === 'number' ? { limit: options } : options
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
  const lines = createLines()
  let active = 0
  let granting = false

  const grantFree = (): void => {
    // Granted work may finish and release at once: the loop takes the next then, not a deeper stack.
    if (granting) return
    granting = true
    try {
      while (active < policy.limit) {
        const onGranted = lines.shift()
        if (onGranted === undefined) break
        active++
        onGranted()
      }
    } finally {
      granting = false
    }
  }
  const tryAcquire = (): boolean => {
    if (active >= policy.limit || lines.waiting > 0) return false
    active++
    return true
  }
  const enqueue = (onGranted: () => void, priority?: Priority): QueuePlace | undefined =>
    lines.waiting >= policy.queue ? undefined : lines.push(onGranted, priority)
  const acquire = ({ signal, priority }: LimitedOptions): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      if (tryAcquire()) return resolve()
      const place = enqueue(() => {
        unlisten()
        resolve()
      }, priority)
      if (place === undefined) return reject(queueFull(upstream, policy.limit, policy.queue))
      const unlisten = onceAborted(signal, (reason) => {
        if (place.cancel()) reject(reason)
      })
    })
  const release = (): void => {
    active--
    if (lines.waiting > 0) grantFree()
  }

  return {
    get active() {
      return active
    },
    get queued() {
      return lines.waiting
    },
    tryAcquire,
    enqueue,
    release,
    async run(work, options = NO_OPTIONS) {
      if (typeof work !== 'function') throw optionInvalid('work', 'a function', work)
      if (options !== NO_OPTIONS) checkLimited(options)
      await acquire(options)
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

const NO_OPTIONS: LimitedOptions = Object.freeze({})

function checkLimited(options: LimitedOptions): void {
  checkShape('run', options, ['signal', 'priority'])
  checkSignal(options.signal)
  checkPriority('priority', options.priority)
}

/** Checks a priority. @throws OptionError `ERR_OPTION_INVALID` */
export function checkPriority(option: string, priority: unknown): void {
  if (priority === undefined || PRIORITIES.includes(priority as Priority)) return
  throw optionInvalid(option, `one of ${PRIORITIES.join(', ')}`, priority)
}

const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low']

/** A waiting line for each priority, which can be left from the middle at the same cost as from its ends. */
function createLines() {
  const lines = { high: new Line(), normal: new Line(), low: new Line() }
  let waiting = 0
  return {
    get waiting() {
      return waiting
    },
    push(onGranted: () => void, priority: Priority = 'normal'): QueuePlace {
      const place = lines[priority].push(onGranted)
      waiting++
      return {
        cancel() {
          if (!place.leave()) return false
          waiting--
          return true
        },
      }
    },
    shift(): (() => void) | undefined {
      if (waiting === 0) return undefined
      for (const priority of PRIORITIES) {
        const onGranted = lines[priority].shift()
        if (onGranted === undefined) continue
        waiting--
        return onGranted
      }
      return undefined
    },
  }
}

class Line {
  // Closed to a ring through its own head, so that no link is ever missing.
  readonly #head: Place = new Place(() => {})

  push(onGranted: () => void): Place {
    return new Place(onGranted, this.#head)
  }

  shift(): (() => void) | undefined {
    const first = this.#head.next
    if (first === this.#head) return undefined
    first.leave()
    return first.onGranted
  }
}

class Place {
  next: Place = this
  readonly onGranted: () => void
  #previous: Place = this
  #there = true

  /** @param head Of the line to whose end it goes. */
  constructor(onGranted: () => void, head?: Place) {
    this.onGranted = onGranted
    if (head === undefined) return
    this.next = head
    this.#previous = head.#previous
    head.#previous.next = this
    head.#previous = this
  }

  leave(): boolean {
    if (!this.#there) return false
    this.#there = false
    this.#previous.next = this.next
    this.next.#previous = this.#previous
    return true
  }
}
