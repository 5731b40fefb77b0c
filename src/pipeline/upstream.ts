import { type Breaker, breakerFrom, noBreaker } from '../resilience/breaker.js'
import { noRetryBudget, type RetryBudget, retryBudgetFrom } from '../resilience/budget.js'
import { type Limiter, limiterFrom, noLimiter } from '../resilience/limiter.js'
import type { Clock } from '../runtime/clock.js'
import type { ResolvedPolicies } from './policies.js'

/** What all calls to one upstream share, whichever hop or run they come from. */
export interface Upstream {
  readonly name: string
  readonly breaker: Breaker
  readonly limiter: Limiter
  readonly budget: RetryBudget
}

/** Returns the shared state of an upstream, with null objects for the policies it does not have. */
export function createUpstream(name: string, policies: ResolvedPolicies, clock: Clock): Upstream {
  return {
    name,
    breaker: policies.breaker === undefined ? noBreaker : breakerFrom(policies.breaker, name, clock),
    limiter: policies.limiter === undefined ? noLimiter : limiterFrom(policies.limiter, name),
    budget: policies.budget === undefined ? noRetryBudget : retryBudgetFrom(policies.budget),
  }
}
