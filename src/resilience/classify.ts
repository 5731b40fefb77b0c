import type { CallVerdict } from './breaker.js'
import { retryAfterMs } from './retry-after.js'

/** What kind of failure an upstream's error is. */
export type FailureKind = 'rate_limited' | 'auth' | 'timeout' | 'contract_input' | 'contract_output' | 'error'

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
/** Time limits of clients, ours and others'. */
const TIMED_OUT = new Set([
  'ERR_HTTP_TIMEOUT',
  'ERR_HOP_TIMEOUT',
  'ERR_TIMEOUT',
  'ETIMEDOUT',
  'ESOCKETTIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
])
/** Our own refusals: nothing was sent, and nothing was learnt of the upstream. */
const UNSENT = new Set(['ERR_HTTP_CREDENTIALS', 'ERR_CLOSED', 'ERR_OPTION_INVALID'])
const RETRYABLE_STATUS = new Set([408, 425, 429])

/**
 * Classifies what a call threw.
 *
 * An own boolean `retryable` (or `isRetryable`) decides; then the status: 408, 425, 429 and 5xx but 501 may pass, other
 * 4xx will not. An error without a status may pass. A client that says it has retried already (`reason:
 * 'maxRetriesExceeded'`) is not retried again on top. An error whose fields cannot be read says nothing.
 *
 * @param wallNow Ms since the epoch, for a `Retry-After` that is a date. @defaultValue now
 * @example
 * import { classifyError } from 'hopstash/resilience'
 * classifyError({ status: 429, headers: { 'retry-after': '2' } }, 0).retryAfterMs // => 2000
 */
export function classifyError(error: unknown, wallNow?: number): Classified {
  try {
    return classified(error, wallNow)
  } catch {
    // A getter that throws, or a revoked proxy: whoever classifies is in the middle of a failure, and must come out of it.
    return classified(undefined, wallNow)
  }
}

function classified(error: unknown, wallNow?: number): Classified {
  const fields = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>
  const status = statusOf(fields)
  const code = codeOf(fields)
  const kind = kindOf(fields, status, code)
  const cause = causeCodeOf(fields)
  const unsent = kind === 'contract_input' || isIn(UNSENT, code)
  return {
    kind,
    status,
    code,
    name: label(fields.name),
    retryable: isRetryable(fields, status),
    untouched: status === 429 || status === 503 || unsent || isIn(NOT_SENT, code) || isIn(NOT_SENT, cause),
    retryAfterMs: retryAfterMs(error, wallNow),
    // A call that had no time left when it was to be sent is a timeout nobody will repeat.
    verdict:
      unsent || (code === 'ERR_HTTP_TIMEOUT' && fields.retryable === false) ? 'neutral' : verdictOf(kind, status),
  }
}

function kindOf(fields: Record<string, unknown>, status: number | null, code: string | null): FailureKind {
  if (status === 429) return 'rate_limited'
  if (status === 401 || status === 403 || code === 'ERR_HTTP_CREDENTIALS') return 'auth'
  if (code === 'ERR_HTTP_ANSWER') return 'contract_output'
  if (code === 'ERR_CONTRACT') return sideOf(fields) === 'input' ? 'contract_input' : 'contract_output'
  return status === null && (isIn(TIMED_OUT, code) || fields.name === 'TimeoutError') ? 'timeout' : 'error'
}

function sideOf({ context }: Record<string, unknown>): unknown {
  return typeof context === 'object' && context !== null ? (context as { readonly side?: unknown }).side : undefined
}

function isIn(codes: ReadonlySet<string>, code: string | null): boolean {
  return code !== null && codes.has(code)
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
  if (kind === 'rate_limited' || kind === 'auth') return 'neutral'
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
  return label(fields.code) ?? causeCodeOf(fields)
}

function causeCodeOf({ cause }: Record<string, unknown>): string | null {
  return label(typeof cause === 'object' ? (cause as { readonly code?: unknown } | null)?.code : undefined)
}

// Error codes and class names are words; anything longer or stranger may hold somebody's data.
function label(value: unknown): string | null {
  return typeof value === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(value) ? value : null
}
