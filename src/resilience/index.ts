export { type Breaker, type BreakerOptions, type BreakerState, type CallVerdict, createBreaker } from './breaker.js'
export { createRetryBudget, type RetryBudget, type RetryBudgetOptions } from './budget.js'
export { type Classified, classifyError, type FailureKind } from './classify.js'
export {
  createLimiter,
  type LimitedOptions,
  type Limiter,
  type LimiterOptions,
  type Priority,
  type QueuePlace,
} from './limiter.js'
export { type RetryOptions, type RetryRun, retry } from './retry.js'
export { parseRetryAfter, retryAfterMs } from './retry-after.js'
