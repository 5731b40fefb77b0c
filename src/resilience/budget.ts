import type { Clock } from '../runtime/clock.js'
import type { Duration } from '../runtime/duration.js'
import { checkShape, positiveDuration, resolveClock, share, wholeNumber } from './option-shape.js'
import { createRollingCount } from './rolling-window.js'

/** How many retries an upstream is sent beside its traffic. */
export interface RetryBudgetOptions {
  /** Retries as a share of the first attempts within `window`. @defaultValue `0.2` */
  readonly ratio?: number | undefined
  /** So many retries within `window` are always allowed. @defaultValue `3` */
  readonly min?: number | undefined
  /** @defaultValue `'10s'` */
  readonly window?: Duration | undefined
}

/** {@link RetryBudgetOptions}, complete. */
export interface RetryBudgetPolicy {
  readonly ratio: number
  readonly min: number
  readonly windowMs: number
}

/**
 * Stops retries from multiplying the load of an upstream that is in trouble. One per upstream.
 *
 * `now` is in ms, of one clock for all calls, which nobody sets. @defaultValue that of the budget's own clock
 */
export interface RetryBudget {
  /** Notes a first attempt. */
  noteCall(now?: number): void
  /** Takes one retry out of the budget; `false` when it is used up. */
  tryRetry(now?: number): boolean
}

/** Checks and completes {@link RetryBudgetOptions}. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveRetryBudget(options: RetryBudgetOptions, where = 'retryBudget'): RetryBudgetPolicy {
  checkShape(where, options, ['ratio', 'min', 'window'])
  return Object.freeze({
    ratio: share(options.ratio ?? 0.2, `${where}.ratio`),
    min: wholeNumber(options.min ?? 3, `${where}.min`, 0),
    windowMs: positiveDuration(options.window ?? '10s', `${where}.window`),
  })
}

/**
 * Returns a retry budget, for the `budget` of `retry`, or for a loop of your own: `noteCall` before each first attempt,
 * `tryRetry` before each further one.
 *
 * @throws OptionError `ERR_OPTION_INVALID`
 * @example
 * import { createRetryBudget } from 'hopstash/resilience'
 * const budget = createRetryBudget({ min: 1 })
 * budget.tryRetry() // => true
 * budget.tryRetry() // => false
 */
export function createRetryBudget(options: RetryBudgetOptions = {}, clock?: Clock): RetryBudget {
  return retryBudgetFrom(resolveRetryBudget(options), resolveClock(clock))
}

/** {@link createRetryBudget} from a complete policy. */
export function retryBudgetFrom(policy: RetryBudgetPolicy, clock: Clock): RetryBudget {
  const calls = createRollingCount(policy.windowMs)
  const retries = createRollingCount(policy.windowMs)
  return {
    noteCall: (now = clock.now()) => calls.add(now),
    tryRetry(now = clock.now()) {
      if (retries.total(now) >= Math.max(policy.min, Math.floor(calls.total(now) * policy.ratio))) return false
      retries.add(now)
      return true
    },
  }
}

/** The budget of a hop that has none: every retry is allowed. */
export const noRetryBudget: RetryBudget = Object.freeze({ noteCall: () => {}, tryRetry: () => true })
