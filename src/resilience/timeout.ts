import { timedOut } from '../errors/resilience-error.js'
import { onceAborted } from '../runtime/abort.js'
import { type Clock, MAX_TIMER_MS } from '../runtime/clock.js'
import type { Duration } from '../runtime/duration.js'
import { LazyAbort } from './lazy-abort.js'
import { checkFunction, checkShape, checkSignal, positiveDuration, resolveClock } from './option-shape.js'

/** What a call is told that may take only so long. */
export interface TimedContext {
  /** Aborts when its time is up, and when its caller leaves. Made when it is asked for. */
  readonly signal: AbortSignal
}

/** Options of {@link withTimeout}. */
export interface TimeoutOptions {
  /** Lets the caller leave: the call rejects with the reason. */
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock | undefined
}

/** What bounds a call. */
export interface CallLimit {
  readonly ms: number
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
  readonly late: () => Error
}

/**
 * Calls `work` and waits for it no longer than `timeout`, whether it heeds its signal or not.
 *
 * Rejects with `ERR_TIMEOUT`, which is retryable. What the abandoned call still comes to is dropped. Keeps the process
 * alive until it settles: somebody waits.
 *
 * @throws OptionError `ERR_OPTION_INVALID`, as a rejection.
 * @example
 * import { withTimeout } from 'hopstash/resilience'
 * await withTimeout(async () => 'in time', '2s') // => 'in time'
 */
export async function withTimeout<T>(
  work: (context: TimedContext) => T | PromiseLike<T>,
  timeout: Duration,
  options: TimeoutOptions = {},
): Promise<T> {
  checkWork(work)
  checkShape('withTimeout', options, ['signal', 'clock'])
  checkSignal(options.signal)
  const ms = positiveDuration(timeout, 'timeout')
  return callWithin(work, { ms, clock: resolveClock(options.clock), signal: options.signal, late: () => timedOut(ms) })
}

/** Refuses what is no function. @throws OptionError `ERR_OPTION_INVALID` */
export function checkWork(work: unknown): void {
  checkFunction(work ?? null, 'work')
}

/** Calls `work` within a limit that was checked. */
export function callWithin<T>(
  work: (context: TimedContext) => T | PromiseLike<T>,
  { ms, clock, signal, late }: CallLimit,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason)
    const abort = new LazyAbort()
    const giveUp = (reason: unknown): void => {
      finish()
      // First the caller hears why, then the work.
      reject(reason)
      abort.abort(reason)
    }
    // A timer of more than 24 days would fire early.
    const timer = ms > MAX_TIMER_MS ? undefined : clock.setTimer(() => giveUp(late()), ms, true)
    const unlisten = onceAborted(signal, giveUp)
    const finish = (): void => {
      if (timer !== undefined) clock.clearTimer(timer)
      unlisten()
    }
    const context: TimedContext = {
      get signal() {
        return abort.signal
      },
    }
    const settle = async (): Promise<T> => work(context)
    settle().finally(finish).then(resolve, reject)
  })
}
