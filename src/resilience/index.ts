export type { Duration } from '../runtime/duration.js'
export type { StandardSchema } from '../runtime/standard-schema.js'
export { type Breaker, type BreakerOptions, type BreakerState, type CallVerdict, createBreaker } from './breaker.js'
export { createRetryBudget, type RetryBudget, type RetryBudgetOptions } from './budget.js'
export { type ContractOptions, checkContract } from './check-contract.js'
export { type Classified, classifyError, type FailureKind } from './classify.js'
export { createDeadline, type Deadline, type DeadlineOptions } from './deadline.js'
export {
  DEADLINE_HEADER,
  type DeadlineFromOptions,
  deadlineFrom,
  deadlineHeaders,
  type RequestHeaders,
} from './deadline-header.js'
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
export { type TimedContext, type TimeoutOptions, withTimeout } from './timeout.js'
export { type FallbackOutcome, withFallback } from './with-fallback.js'
