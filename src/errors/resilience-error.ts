import { HopstashError } from './base-error.js'

/**
 * A policy that let nothing through, or nothing more (`ERR_BREAKER_OPEN`, `ERR_QUEUE_FULL`, `ERR_RETRY_BUDGET_EXHAUSTED`,
 * `ERR_TIMEOUT`, `ERR_CONTRACT`).
 */
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

/** `ERR_TIMEOUT`: one call took longer than it may. */
export function timedOut(timeoutMs: number): ResilienceError {
  return new ResilienceError(
    `The call did not settle within ${timeoutMs} ms. Allow it more, or hand it the \`signal\` it is given.`,
    { code: 'ERR_TIMEOUT', retryable: true, context: { timeoutMs } },
  )
}

/** `ERR_TIMEOUT`: nothing is left of a deadline, for this call and for any other. */
export function deadlineOver(deadlineMs: number): ResilienceError {
  return new ResilienceError(
    `The deadline of ${deadlineMs} ms is over. Make it longer, or have something to fall back on.`,
    { code: 'ERR_TIMEOUT', retryable: false, context: { deadlineMs } },
  )
}

/** `ERR_CONTRACT`: what was asked, or answered, does not fit its schema. Names paths, never values. */
export function contractUnmet(name: string, side: 'input' | 'output', paths: readonly string[]): ResilienceError {
  const what = side === 'input' ? 'input' : 'answer'
  return new ResilienceError(
    `The ${what} of '${name}' does not fit its schema at ${paths.join(', ') || '$'}. Correct the ${what}, or the schema.`,
    { code: 'ERR_CONTRACT', retryable: side === 'output', context: { name, side, paths } },
  )
}
