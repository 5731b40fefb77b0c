import pRetry from 'p-retry'
import { optionInvalid } from '../errors/option-error.js'
import { sleep } from '../runtime/abort.js'
import type { Clock } from '../runtime/clock.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { isThenable } from '../runtime/thenable.js'
import type { RetryBudget } from './budget.js'
import { classifyError } from './classify.js'
import {
  checkAnswersAtOnce,
  checkFunction,
  checkShape,
  checkSignal,
  resolveClock,
  wholeNumber,
} from './option-shape.js'

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
  /**
   * Decides at once, instead of the classification by fields (`retryable`, HTTP status). What it throws, and a promise,
   * counts as no; what an open breaker, a full queue or a retry budget refused is not repeated whatever it says.
   */
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
const ANSWERS_AT_ONCE = 'a function of the error that answers at once'
/** Refusals of our own policies: another attempt at once would be refused, too. */
const REFUSED: ReadonlySet<string | null> = new Set([
  'ERR_BREAKER_OPEN',
  'ERR_QUEUE_FULL',
  'ERR_RETRY_BUDGET_EXHAUSTED',
])

/** Checks and completes {@link RetryOptions}. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveRetry(options: RetryOptions, where = 'retry'): RetryPolicy {
  checkShape(where, options, KNOWN)
  const { jitter = 'full', factor = 2, retryOn } = options
  if (jitter !== 'full' && jitter !== 'none') throw optionInvalid(`${where}.jitter`, "'full' or 'none'", jitter)
  if (!(typeof factor === 'number' && factor >= 1 && factor <= 100))
    throw optionInvalid(`${where}.factor`, 'a number from 1 to 100', factor)
  checkFunction(retryOn, `${where}.retryOn`, ANSWERS_AT_ONCE)
  checkAnswersAtOnce(retryOn, `${where}.retryOn`, ANSWERS_AT_ONCE)
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

/** What `retryOn` says of an error; `undefined` where there is none. */
export function askRetryOn({ retryOn }: RetryPolicy, error: unknown): boolean | undefined {
  try {
    const answer: unknown = retryOn?.(error)
    if (!isThenable(answer)) return answer as boolean | undefined
    // Nobody waits for it, so its rejection would end the process.
    Promise.resolve(answer).catch(() => {})
    return false
  } catch {
    return false
  }
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
  /** Of `createRetryBudget`, one for all calls of an upstream. Used up, it ends the attempts with the last failure. */
  readonly budget?: RetryBudget | undefined
  readonly clock?: Clock | undefined
}

/**
 * Calls `work` until it succeeds, fails for good, or `attempts` calls were made; rejects with the last failure.
 *
 * What an open breaker or a full queue refused is not repeated. It has no time limit of its own: call it within
 * `createDeadline('3s').run`, and hand on that one's `signal`.
 *
 * @throws OptionError `ERR_OPTION_INVALID`, as a rejection.
 * @example
 * import { retry } from 'hopstash/resilience'
 * await retry(async (attempt) => attempt, { attempts: 2 }) // => 1
 */
export async function retry<T>(work: (attempt: number) => T | PromiseLike<T>, options: RetryRun = {}): Promise<T> {
  if (typeof work !== 'function') throw optionInvalid('work', 'a function of the attempt', work)
  checkShape('retry', options, [...KNOWN, 'signal', 'budget', 'clock'])
  const { signal, budget, clock: given, ...policyOptions } = options
  checkSignal(signal)
  checkBudget(budget)
  const clock = resolveClock(given)
  const policy = resolveRetry(policyOptions)
  signal?.throwIfAborted()
  budget?.noteCall()
  try {
    return await work(1)
  } catch (failure) {
    const decide = (reason: unknown, number: number): number | undefined => {
      const waitMs = signal?.aborted ? undefined : waitAfter(policy, reason, number, clock)
      return waitMs === undefined || budget?.tryRetry() === false ? undefined : waitMs
    }
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

function checkBudget(budget: unknown): void {
  if (budget === undefined) return
  const { noteCall, tryRetry } = (budget ?? {}) as Partial<RetryBudget>
  if (typeof noteCall === 'function' && typeof tryRetry === 'function') return
  throw optionInvalid('retry.budget', 'what `createRetryBudget()` returns', budget)
}

function waitAfter(policy: RetryPolicy, error: unknown, attempt: number, clock: Clock): number | undefined {
  const classified = classifyError(error, clock.wall())
  if (REFUSED.has(classified.code)) return undefined
  if (!(askRetryOn(policy, error) ?? classified.retryable)) return undefined
  if (classified.retryAfterMs === undefined) return backoffMs(policy, attempt, clock.random())
  return classified.retryAfterMs <= policy.maxRetryAfterMs ? classified.retryAfterMs : undefined
}
