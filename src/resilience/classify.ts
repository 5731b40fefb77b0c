import type { CallVerdict } from './breaker.js'
import { retryAfterMs } from './retry-after.js'

/** What kind of failure an upstream's error is. */
export type FailureKind = 'rate_limited' | 'auth' | 'error'

/** What policies need to know of an error; told from its fields, never from its class or its message. */
export interface Classified {
  readonly kind: FailureKind
  /** HTTP status, where the error has one. */
  readonly status: number | null
  /** `code` of the error where it looks like one (`ECONNRESET`), else its `name`. */
  readonly code: string | null
  readonly name: string | null
  /** Whether the same call may succeed later. */
  readonly retryable: boolean
  /** Whether the upstream surely did nothing, so that even a call that is not idempotent may be repeated. */
  readonly untouched: boolean
  readonly retryAfterMs: number | undefined
  readonly verdict: CallVerdict
}

/** The connection never came to be: nothing was sent. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])
const RETRYABLE_STATUS = new Set([408, 425, 429])

/**
 * Classifies what a call threw.
 *
 * An own boolean `retryable` (or `isRetryable`) decides; then the status: 408, 425, 429 and 5xx but 501 may pass, other
 * 4xx will not. An error without a status may pass. A client that says it has retried already (`reason:
 * 'maxRetriesExceeded'`) is not retried again on top.
 *
 * @example
 * import { classifyError } from 'hopstash/resilience'
 * classifyError({ status: 429, headers: { 'retry-after': '2' } }, 0).retryAfterMs // => 2000
 */
export function classifyError(error: unknown, wallNow: number): Classified {
  const fields = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>
  const status = statusOf(fields)
  const code = codeOf(fields)
  const kind = status === 429 ? 'rate_limited' : status === 401 || status === 403 ? 'auth' : 'error'
  return {
    kind,
    status,
    code,
    name: label(fields.name),
    retryable: isRetryable(fields, status),
    untouched: status === 429 || status === 503 || (code !== null && NOT_SENT.has(code)),
    retryAfterMs: retryAfterMs(error, wallNow),
    verdict: verdictOf(kind, status),
  }
}

function isRetryable(fields: Record<string, unknown>, status: number | null): boolean {
  if (typeof fields.retryable === 'boolean') return fields.retryable
  if (fields.reason === 'maxRetriesExceeded') return false
  if (typeof fields.isRetryable === 'boolean') return fields.isRetryable
  if (status === null) return true
  return RETRYABLE_STATUS.has(status) || (status >= 500 && status !== 501)
}

// A rate limit is the limiter's business and bad credentials are ours; any other 4xx shows an upstream that answers.
function verdictOf(kind: FailureKind, status: number | null): CallVerdict {
  if (kind !== 'error') return 'neutral'
  return status !== null && status >= 400 && status < 500 && status !== 408 ? 'success' : 'failure'
}

function statusOf(fields: Record<string, unknown>): number | null {
  const response = fields.response as { readonly status?: unknown } | null | undefined
  for (const status of [fields.status, fields.statusCode, response?.status]) {
    if (Number.isInteger(status) && (status as number) >= 100 && (status as number) <= 599) return status as number
  }
  return null
}

function codeOf(fields: Record<string, unknown>): string | null {
  const cause = fields.cause as { readonly code?: unknown } | null | undefined
  return label(fields.code) ?? label(typeof cause === 'object' ? cause?.code : undefined)
}

// Error codes and class names are words; anything longer or stranger may hold somebody's data.
function label(value: unknown): string | null {
  return typeof value === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(value) ? value : null
}
