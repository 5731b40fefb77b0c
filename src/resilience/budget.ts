import type { Duration } from '../runtime/duration.js'
import { checkShape, positiveDuration, share, wholeNumber } from './option-shape.js'
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

/** Stops retries from multiplying the load of an upstream that is in trouble. One per upstream. */
export interface RetryBudget {
  /** Notes a first attempt. */
  noteCall(now: number): void
  /** Takes one retry out of the budget; `false` when it is used up. */
  tryRetry(now: number): boolean
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
 * Returns a retry budget.
 *
 * @example
 * import { createRetryBudget } from 'hopstash/resilience'
 * const budget = createRetryBudget({ min: 1 })
 * budget.tryRetry(0) // => true
 * budget.tryRetry(0) // => false
 */
export function createRetryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  return retryBudgetFrom(resolveRetryBudget(options))
}

/** {@link createRetryBudget} from a complete policy. */
export function retryBudgetFrom(policy: RetryBudgetPolicy): RetryBudget {
  const calls = createRollingCount(policy.windowMs)
  const retries = createRollingCount(policy.windowMs)
  return {
    noteCall: calls.add,
    tryRetry(now) {
      if (retries.total(now) >= Math.max(policy.min, Math.floor(calls.total(now) * policy.ratio))) return false
      retries.add(now)
      return true
    },
  }
}

/** The budget of a hop that has none: every retry is allowed. */
export const noRetryBudget: RetryBudget = Object.freeze({ noteCall: () => {}, tryRetry: () => true })
