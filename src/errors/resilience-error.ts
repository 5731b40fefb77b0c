import { HopstashError } from './base-error.js'

/** A policy that let nothing through (`ERR_BREAKER_OPEN`, `ERR_QUEUE_FULL`, `ERR_RETRY_BUDGET_EXHAUSTED`). */
export class ResilienceError extends HopstashError {
  override readonly name = 'ResilienceError'
}

/** `ERR_BREAKER_OPEN`: nothing was sent; `retryInMs` says when the next probe may pass. */
export function breakerOpen(upstream: string, retryInMs: number): ResilienceError {
  return new ResilienceError(
    `Upstream '${upstream}' has failed too often and its breaker is open for another ${Math.ceil(retryInMs)} ms. Give the call a fallback, or try again later.`,
    { code: 'ERR_BREAKER_OPEN', retryable: true, context: { upstream, retryInMs: Math.ceil(retryInMs) } },
  )
}

/** `ERR_QUEUE_FULL`: as many calls run and wait as the concurrency limit allows. */
export function queueFull(upstream: string, limit: number, queue: number): ResilienceError {
  return new ResilienceError(
    `Upstream '${upstream}' has ${limit} calls running and ${queue} waiting, which is its limit. Raise \`concurrency\`, or send less.`,
    { code: 'ERR_QUEUE_FULL', retryable: true, context: { upstream, limit, queue } },
  )
}

/** `ERR_RETRY_BUDGET_EXHAUSTED`: retries are already a larger share of the traffic than allowed. */
export function retryBudgetExhausted(upstream: string, cause?: unknown): ResilienceError {
  return new ResilienceError(
    `Upstream '${upstream}' has used up its retry budget, so the failed call was not repeated. It refills with successful traffic.`,
    { code: 'ERR_RETRY_BUDGET_EXHAUSTED', cause, retryable: true, context: { upstream } },
  )
}
