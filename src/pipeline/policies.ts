import { optionInvalid } from '../errors/option-error.js'
import { type BreakerOptions, type BreakerPolicy, resolveBreaker } from '../resilience/breaker.js'
import { type RetryBudgetOptions, type RetryBudgetPolicy, resolveRetryBudget } from '../resilience/budget.js'
import { type LimiterOptions, type LimiterPolicy, resolveLimiter } from '../resilience/limiter.js'
import { checkShape, positiveDuration } from '../resilience/option-shape.js'
import { type RetryOptions, type RetryPolicy, resolveRetry } from '../resilience/retry.js'
import type { Duration } from '../runtime/duration.js'

/** Policies of a hop; what a hop leaves out comes from the pipeline's `defaults`. `false` switches one off. */
export interface HopPolicies {
  /** Bound of one attempt, from the moment it has its permit. @defaultValue `'30s'`, `'10s'` with `resilient` */
  readonly timeout?: Duration | undefined
  /** `attempts` counts all calls. @defaultValue 1 attempt, 3 with `resilient` */
  readonly retry?: RetryOptions | false | undefined
  /** @defaultValue none; with `resilient` opens after 5 failures in a row, or 50 % of at least 10 in 60 s */
  readonly breaker?: BreakerOptions | false | undefined
  /** Calls at once, and how many may wait. @defaultValue none; 16 and 100 with `resilient` */
  readonly concurrency?: number | LimiterOptions | false | undefined
  /** @defaultValue none; with `resilient` 20 % of traffic within 10 s, at least 3 */
  readonly retryBudget?: RetryBudgetOptions | false | undefined
}

/** {@link HopPolicies}, complete. */
export interface ResolvedPolicies {
  readonly timeoutMs: number
  readonly retry: RetryPolicy
  readonly breaker: BreakerPolicy | undefined
  readonly limiter: LimiterPolicy | undefined
  readonly budget: RetryBudgetPolicy | undefined
}

export const POLICY_NAMES = ['timeout', 'retry', 'breaker', 'concurrency', 'retryBudget'] as const

/**
 * Defaults that keep a service up: an attempt timeout of 10 s; 3 attempts, 200 ms x 2 with full jitter, at most 5 s
 * apart, `Retry-After` obeyed up to 60 s and never past the deadline; retries at most 20 % of traffic, at least 3 in
 * 10 s; a breaker per upstream that opens after 5 failures in a row or 50 % of at least 10 calls in 60 s, for 10 s,
 * with 1 probe; 16 calls at once per upstream, 100 waiting.
 */
export const resilient = Object.freeze({
  timeout: '10s',
  retry: Object.freeze({
    attempts: 3,
    backoff: '200ms',
    factor: 2,
    maxBackoff: '5s',
    jitter: 'full',
    maxRetryAfter: '60s',
  }),
  breaker: Object.freeze({
    consecutiveFailures: 5,
    failureRate: 0.5,
    minimumCalls: 10,
    window: '60s',
    openFor: '10s',
    halfOpenCalls: 1,
  }),
  concurrency: Object.freeze({ limit: 16, queue: 100 }),
  retryBudget: Object.freeze({ ratio: 0.2, min: 3, window: '10s' }),
} as const) satisfies HopPolicies

const ONE_ATTEMPT: RetryOptions = { attempts: 1 }

/** The complete policies of one hop: its own over the pipeline's defaults, part by part. @throws OptionError */
export function resolvePolicies(where: string, own: HopPolicies, defaults: HopPolicies): ResolvedPolicies {
  const breaker = merge(own.breaker, defaults.breaker, `${where}.breaker`)
  const budget = merge(own.retryBudget, defaults.retryBudget, `${where}.retryBudget`)
  const limit = mergeLimit(own.concurrency, defaults.concurrency)
  return Object.freeze({
    timeoutMs: positiveDuration(own.timeout ?? defaults.timeout ?? '30s', `${where}.timeout`),
    retry: resolveRetry(
      merge(own.retry, defaults.retry, `${where}.retry`, RETRY_HINT) || ONE_ATTEMPT,
      `${where}.retry`,
    ),
    breaker: breaker ? resolveBreaker(breaker, `${where}.breaker`) : undefined,
    limiter: limit !== undefined && limit !== false ? resolveLimiter(limit, `${where}.concurrency`) : undefined,
    budget: budget ? resolveRetryBudget(budget, `${where}.retryBudget`) : undefined,
  })
}

/** Checks `defaults` of a pipeline. @throws OptionError */
export function checkDefaults(where: string, defaults: HopPolicies): void {
  checkShape(where, defaults, POLICY_NAMES)
  resolvePolicies(where, defaults, {})
}

// A bare number is the likeliest mistake: other packages count repetitions so.
const RETRY_HINT = 'Write `{ attempts: 3 }`: all calls, the first included.'

function merge<T extends object>(
  own: T | false | undefined,
  base: T | false | undefined,
  option: string,
  hint?: string,
): T | false | undefined {
  if (own === undefined || own === false) return own ?? base
  if (typeof own !== 'object' || own === null || Array.isArray(own)) {
    throw optionInvalid(option, 'an object, or false', own, hint)
  }
  return base ? { ...base, ...given(own) } : own
}

// An option that is `undefined` is one that is not there, and hides no default.
function given<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}

// A hop that says only how many run at once keeps the queue of the defaults.
function mergeLimit(
  own: HopPolicies['concurrency'],
  base: HopPolicies['concurrency'],
): number | LimiterOptions | false | undefined {
  if (own === undefined) return base
  if (typeof own !== 'number' || typeof base !== 'object') return own
  return { ...base, limit: own }
}
