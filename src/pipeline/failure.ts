import { hopTimeout, runDeadline } from '../errors/pipeline-error.js'
import { breakerOpen, queueFull, retryBudgetExhausted } from '../errors/resilience-error.js'
import type { CallVerdict } from '../resilience/breaker.js'
import { classifyError } from '../resilience/classify.js'
import type { LimiterPolicy } from '../resilience/limiter.js'
import type { AttemptOutcome, HopReason } from './words.js'

/** Why an attempt, and in the end a hop, has no fresh answer. `error` is what was thrown, and never leaves the process. */
export interface Failure {
  readonly reason: HopReason
  readonly error: unknown
  readonly code: string | null
  readonly status: number | null
  readonly name: string | null
  readonly retryable: boolean
  /** Whether the upstream surely did nothing. */
  readonly untouched: boolean
  readonly retryAfterMs: number | undefined
  readonly verdict: CallVerdict
  readonly outcome: AttemptOutcome
}

/** What a call threw. */
export function thrownFailure(error: unknown, wallNow: number, reason?: HopReason): Failure {
  const { kind, ...classified } = classifyError(error, wallNow)
  return { reason: reason ?? kind, error, outcome: kind === 'timeout' ? 'timeout' : 'error', ...classified }
}

/** An answer, or an input, that does not fit its schema. A bad answer may be a hiccup; a bad input is a bug. */
export function contractFailure(error: unknown, side: 'input' | 'output'): Failure {
  const reason = side === 'input' ? 'contract_input' : 'contract_output'
  const output = side === 'output'
  return ours(reason, error, { code: 'ERR_CONTRACT', retryable: output, verdict: output ? 'failure' : 'neutral' })
}

export function timeoutFailure(hop: string, timeoutMs: number): Failure {
  const error = hopTimeout(hop, timeoutMs)
  return ours('timeout', error, { code: error.code, retryable: true, verdict: 'failure', outcome: 'timeout' })
}

export function deadlineFailure(pipeline: string, deadlineMs: number, hop: string): Failure {
  const error = runDeadline(pipeline, deadlineMs, hop)
  return ours('deadline', error, { code: error.code, outcome: 'timeout' })
}

export function breakerFailure(upstream: string, retryInMs: number): Failure {
  const error = breakerOpen(upstream, retryInMs)
  return ours('breaker_open', error, { code: error.code, outcome: 'refused' })
}

export function queueFailure(upstream: string, { limit, queue }: LimiterPolicy = { limit: 0, queue: 0 }): Failure {
  const error = queueFull(upstream, limit, queue)
  return ours('queue_full', error, { code: error.code, outcome: 'refused' })
}

/** The failure `last` once its retry was refused by the upstream's budget. */
export function budgetFailure(upstream: string, last: Failure): Failure {
  const error = retryBudgetExhausted(upstream, last.error)
  return { ...last, reason: 'retry_budget_exhausted', error, code: error.code, name: error.name }
}

/** A hop whose own functions (`when`, `input`) threw. */
export function wiringFailure(error: unknown): Failure {
  return ours('error', error, {})
}

function ours(reason: HopReason, error: unknown, over: Partial<Failure>): Failure {
  return {
    reason,
    error,
    code: null,
    status: null,
    name: error instanceof Error && over.code !== undefined ? error.name : null,
    retryable: false,
    untouched: false,
    retryAfterMs: undefined,
    verdict: 'neutral',
    outcome: 'error',
    ...over,
  }
}
