import pRetry from 'p-retry'
import { optionInvalid } from '../errors/option-error.js'
import { sleep } from '../runtime/abort.js'
import type { Clock } from '../runtime/clock.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { classifyError } from './classify.js'
import { checkShape, checkSignal, resolveClock, wholeNumber } from './option-shape.js'

/** When and how a failed call is repeated. */
export interface RetryOptions {
  /** All calls, the first included. @defaultValue `3` */
  readonly attempts?: number | undefined
  /** Bound of the wait before the second attempt. @defaultValue `'200ms'` */
  readonly backoff?: Duration | undefined
  /** Each further bound is so many times the one before. @defaultValue `2` */
  readonly factor?: number | undefined
  /** No bound is longer. @defaultValue `'5s'` */
  readonly maxBackoff?: Duration | undefined
  /** `'full'` waits a random part of the bound, `'none'` all of it. @defaultValue `'full'` */
  readonly jitter?: 'full' | 'none' | undefined
  /** A `Retry-After` up to this long is obeyed, exactly; a longer one ends the retries. @defaultValue `'60s'` */
  readonly maxRetryAfter?: Duration | undefined
  /** Decides instead of the classification by fields (`retryable`, HTTP status). */
  readonly retryOn?: ((error: unknown) => boolean) | undefined
}

/** {@link RetryOptions}, complete. */
export interface RetryPolicy {
  readonly attempts: number
  readonly backoffMs: number
  readonly factor: number
  readonly maxBackoffMs: number
  readonly jitter: 'full' | 'none'
  readonly maxRetryAfterMs: number
  readonly retryOn: ((error: unknown) => boolean) | undefined
}

const KNOWN = ['attempts', 'backoff', 'factor', 'maxBackoff', 'jitter', 'maxRetryAfter', 'retryOn']

/** Checks and completes {@link RetryOptions}. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveRetry(options: RetryOptions, where = 'retry'): RetryPolicy {
  checkShape(where, options, KNOWN)
  const { jitter = 'full', factor = 2, retryOn } = options
  if (jitter !== 'full' && jitter !== 'none') throw optionInvalid(`${where}.jitter`, "'full' or 'none'", jitter)
  if (!(typeof factor === 'number' && factor >= 1 && factor <= 100))
    throw optionInvalid(`${where}.factor`, 'a number from 1 to 100', factor)
  if (retryOn !== undefined && typeof retryOn !== 'function') {
    throw optionInvalid(`${where}.retryOn`, 'a function of the error', retryOn)
  }
  return Object.freeze({
    attempts: wholeNumber(options.attempts ?? 3, `${where}.attempts`, 1),
    backoffMs: parseDuration(options.backoff ?? '200ms', `${where}.backoff`),
    factor,
    maxBackoffMs: parseDuration(options.maxBackoff ?? '5s', `${where}.maxBackoff`),
    jitter,
    maxRetryAfterMs: parseDuration(options.maxRetryAfter ?? '60s', `${where}.maxRetryAfter`),
    retryOn,
  })
}

/** The wait before attempt `attempt + 1`, in ms. `random` in [0, 1). */
export function backoffMs(policy: RetryPolicy, attempt: number, random: number): number {
  const bound = Math.min(policy.maxBackoffMs, policy.backoffMs * policy.factor ** (attempt - 1))
  return policy.jitter === 'full' ? Math.floor(random * bound) : bound
}

/** What {@link continueAttempts} is told. */
export interface FurtherAttempts<T> {
  /** All calls, the first included. */
  readonly attempts: number
  /** The wait before attempt 2, ms: that the first failure is worth another attempt is decided already. */
  readonly firstWaitMs: number
  /** Makes attempt `number` (2, 3, …). */
  readonly attempt: (number: number) => Promise<T>
  /** Milliseconds to wait after attempt `number` failed, or `undefined`: give up with that failure. */
  readonly decide: (failure: unknown, number: number) => number | undefined
  readonly wait: (ms: number) => Promise<void>
}

/**
 * Makes the attempts after a first one that failed; rejects with the last failure, whatever was thrown.
 *
 * p-retry counts and loops. It cannot wait for a `Retry-After`, so the wait happens in its `onFailedAttempt`; and it
 * gives up on a `TypeError` and on what is no Error, so failures travel through it in an Error of our own.
 */
export async function continueAttempts<T>(options: FurtherAttempts<T>): Promise<T> {
  const pause = async (failure: unknown, number: number): Promise<void> => {
    const ms = number >= options.attempts ? undefined : options.decide(failure, number)
    if (ms === undefined) throw new Carried(failure)
    if (ms > 0) await options.wait(ms)
  }
  if (options.firstWaitMs > 0) await options.wait(options.firstWaitMs)
  try {
    return await pRetry(
      async (count) => {
        try {
          return await options.attempt(count + 1)
        } catch (failure) {
          throw new Carried(failure)
        }
      },
      {
        retries: Math.max(0, options.attempts - 2),
        minTimeout: 0,
        onFailedAttempt: ({ error, attemptNumber }) => pause((error as Carried).failure, attemptNumber + 1),
      },
    )
  } catch (error) {
    throw error instanceof Carried ? error.failure : error
  }
}

class Carried extends Error {
  readonly failure: unknown

  constructor(failure: unknown) {
    super()
    this.failure = failure
  }
}

/** Options of {@link retry} beside the policy. */
export interface RetryRun extends RetryOptions {
  /** Ends the waiting between attempts; hand it to the work too. */
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock | undefined
}

/**
 * Calls `work` until it succeeds, fails for good, or `attempts` calls were made; rejects with the last failure.
 *
 * @example
 * import { retry } from 'hopstash/resilience'
 * await retry(async (attempt) => attempt, { attempts: 2 }) // => 1
 */
export async function retry<T>(work: (attempt: number) => T | PromiseLike<T>, options: RetryRun = {}): Promise<T> {
  if (typeof work !== 'function') throw optionInvalid('work', 'a function of the attempt', work)
  checkShape('retry', options, [...KNOWN, 'signal', 'clock'])
  const { signal, clock: given, ...policyOptions } = options
  checkSignal(signal)
  const clock = resolveClock(given)
  const policy = resolveRetry(policyOptions)
  signal?.throwIfAborted()
  try {
    return await work(1)
  } catch (failure) {
    const decide = (reason: unknown, number: number): number | undefined =>
      signal?.aborted ? undefined : waitAfter(policy, reason, number, clock)
    const firstWaitMs = policy.attempts > 1 ? decide(failure, 1) : undefined
    if (firstWaitMs === undefined) throw failure
    return continueAttempts({
      attempts: policy.attempts,
      firstWaitMs,
      attempt: async (number) => work(number),
      decide,
      wait: (ms) => sleep(clock, ms, signal),
    })
  }
}

function waitAfter(policy: RetryPolicy, error: unknown, attempt: number, clock: Clock): number | undefined {
  const classified = classifyError(error, clock.wall())
  if (!(policy.retryOn?.(error) ?? classified.retryable)) return undefined
  if (classified.retryAfterMs === undefined) return backoffMs(policy, attempt, clock.random())
  return classified.retryAfterMs <= policy.maxRetryAfterMs ? classified.retryAfterMs : undefined
}
