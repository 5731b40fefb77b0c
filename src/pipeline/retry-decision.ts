import { askRetryOn, backoffMs, type RetryPolicy } from '../resilience/retry.js'
import type { CallSpec } from './call-spec.js'
import type { Failure } from './failure.js'

/** Whether what failed with `failure`, and with `earlier` before that, is worth another attempt. */
export function isRepeatable(spec: CallSpec, failure: Failure, earlier: Failure | undefined): boolean {
  if (failure.outcome === 'refused') return false
  if (spec.idempotent === false && !failure.untouched) return false
  // Stale credentials and garbled answers get one second chance; after that they are no hiccup.
  if (failure.status === 401 && spec.auth !== undefined) return earlier?.status !== 401
  if (failure.reason === 'contract_output') return earlier?.reason !== 'contract_output'
  return askRetryOn(spec.policies.retry, failure.error) ?? failure.retryable
}

/** Milliseconds to wait after attempt `number`, or `undefined`: no attempt is left, or the upstream asks for too long. */
export function retryWaitMs(policy: RetryPolicy, failure: Failure, number: number, random: number): number | undefined {
  if (number >= policy.attempts) return undefined
  if (failure.retryAfterMs === undefined) return backoffMs(policy, number, random)
  return failure.retryAfterMs <= policy.maxRetryAfterMs ? failure.retryAfterMs : undefined
}
