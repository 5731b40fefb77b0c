import { type ErrorInit, HopstashError } from './base-error.js'

/** What policies read of an {@link HttpError}, beside its code. */
interface HttpErrorInit extends ErrorInit {
  readonly status?: number | undefined
  readonly retryAfterMs?: number | undefined
}

/**
 * A call of a module that came to no answer (`ERR_HTTP_STATUS`, `ERR_HTTP_TIMEOUT`, `ERR_HTTP_CONNECTION`,
 * `ERR_HTTP_ANSWER`, `ERR_HTTP_CREDENTIALS`). Holds no credentials, no URL, no header and nothing of a body.
 */
export class HttpError extends HopstashError {
  override readonly name = 'HttpError'
  /** HTTP status; `null` where there was none. */
  readonly status: number | null
  /** How long the upstream asked us to wait, ms; `undefined` if it did not. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, init: HttpErrorInit) {
    super(message, init)
    this.status = init.status ?? null
    this.retryAfterMs = init.retryAfterMs
  }
}

/** `ERR_HTTP_STATUS`: the upstream answered with a status that is no success. */
export function httpStatus(
  provider: string,
  method: string,
  status: number,
  retryAfterMs: number | undefined,
): HttpError {
  const wait = retryAfterMs === undefined ? '' : ` and asks to wait ${retryAfterMs} ms`
  return new HttpError(`'${provider}' answered ${method} with status ${status}${wait}.`, {
    code: 'ERR_HTTP_STATUS',
    status,
    retryAfterMs,
    retryable: isTransient(status),
    context: { provider, method, status },
  })
}

/** The parts of a call that have a time limit of their own. */
export type HttpPhase = 'connect' | 'headers' | 'body' | 'deadline'

/** `ERR_HTTP_TIMEOUT`: connecting, the headers, or the next part of the body took longer than allowed. */
export function httpTimeout(provider: string, method: string, phase: HttpPhase, cause?: unknown): HttpError {
  const [what, cure] = TIMEOUT_WORDS[phase]
  return new HttpError(`${method} of '${provider}': ${what}. ${cure}`, {
    code: 'ERR_HTTP_TIMEOUT',
    cause,
    retryable: phase !== 'deadline',
    context: { provider, method, phase },
  })
}

/** `ERR_HTTP_CONNECTION`: refused, reset, or closed before the answer was complete; `cause` says which. */
export function httpConnection(provider: string, method: string, cause: unknown): HttpError {
  return new HttpError(
    `The connection to '${provider}' failed during ${method}. Its \`cause\` has the system's code.`,
    {
      code: 'ERR_HTTP_CONNECTION',
      cause,
      retryable: true,
      context: { provider, method },
    },
  )
}

/** `ERR_HTTP_ANSWER`: a success whose body is not what was promised: no JSON, cut off, or too long. */
export function httpAnswer(provider: string, method: string, status: number, problem: string): HttpError {
  return new HttpError(`The answer of '${provider}' to ${method} ${problem}.`, {
    code: 'ERR_HTTP_ANSWER',
    status,
    retryable: true,
    context: { provider, method, status },
  })
}

/** `ERR_HTTP_CREDENTIALS`: `auth` gave nothing that a header can hold, or failed with `cause`. Nothing was sent. */
export function httpCredentials(provider: string, cause?: unknown): HttpError {
  return new HttpError(
    cause === undefined
      ? `There are no credentials for '${provider}': its \`auth\` gave nothing that a header can hold. Set the variable it reads.`
      : `The \`auth\` of '${provider}' failed, so nothing was sent. Its \`cause\` is what it threw.`,
    { code: 'ERR_HTTP_CREDENTIALS', cause, retryable: cause !== undefined, context: { provider } },
  )
}

/** `ERR_CONTRACT`: what goes to or comes from a module does not fit its schema. Names paths, never values. */
export function httpContract(provider: string, side: 'input' | 'output', paths: readonly string[]): HttpError {
  const shown = paths.length === 0 ? '$' : paths.join(', ')
  return new HttpError(
    side === 'input'
      ? `The body for '${provider}' does not fit its schema at ${shown}. Nothing was sent.`
      : `The answer of '${provider}' does not fit its schema at ${shown}. Correct the schema, or give the hop a fallback.`,
    { code: 'ERR_CONTRACT', retryable: side === 'output', context: { provider, side, paths } },
  )
}

/** `ERR_CLOSED`: the pool is closing, and takes no more calls. */
export function poolClosed(provider: string): HttpError {
  return new HttpError(`The pool is closed: nothing was sent to '${provider}'. Close it last, after the server.`, {
    code: 'ERR_CLOSED',
    context: { provider },
  })
}

const TIMEOUT_WORDS: Readonly<Record<HttpPhase, readonly [what: string, cure: string]>> = {
  connect: ['no connection was made in time (`timeouts.connect`)', 'Nothing was sent.'],
  headers: ['its headers did not come in time (`timeouts.headers`)', 'Raise it if the upstream thinks for so long.'],
  body: ['its body stopped coming (`timeouts.body`)', 'Raise it if the upstream pauses for so long.'],
  deadline: ["nothing was left of its caller's budget", 'Nothing was sent.'],
}

function isTransient(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501)
}
