import { optionInvalid } from '../errors/option-error.js'
import { deadlineHeaders } from '../resilience/deadline-header.js'
import { checkShape, checkSignal } from '../resilience/option-shape.js'
import type { StandardSchema } from '../runtime/standard-schema.js'
import type { ModulePolicy } from './module-options.js'
import { checkSchema } from './module-options.js'
import { type CallTimeouts, type ResolvedTimeouts, resolveTimeouts } from './pool-options.js'
import { resolveHeaders } from './request-headers.js'

/** Methods of calls. */
export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'

/** What a call takes from the hop it is made for; the context of a hop fits. */
export interface CallContext {
  readonly signal?: AbortSignal | undefined
  readonly remainingMs?: number | undefined
  readonly idempotencyKey?: string | undefined
  /** `false`: its key is sent, and yet the call is not sent again. */
  readonly idempotent?: boolean | undefined
}

/** Options of one call. */
export interface CallOptions {
  /** The hop's context: its `signal`, `remainingMs`, `idempotencyKey` and `idempotent`, where the call says nothing itself. */
  readonly context?: CallContext | undefined
  readonly signal?: AbortSignal | undefined
  /** What is left of the caller's budget, ms: sent in the deadline header. With nothing left nothing is sent. */
  readonly remainingMs?: number | undefined
  /** Sent as `Idempotency-Key`; such a call may be sent again when its connection is closed under it. */
  readonly idempotencyKey?: string | undefined
  readonly query?: Readonly<Record<string, QueryValue | readonly QueryValue[]>> | undefined
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
  readonly timeouts?: CallTimeouts | undefined
  /** What may be sent. @defaultValue the module's */
  readonly input?: StandardSchema | undefined
  /** What may come back. @defaultValue the module's */
  readonly output?: StandardSchema | undefined
}

/** Options of `json` and `stream`. */
export interface MethodOptions extends CallOptions {
  /** @defaultValue `'GET'`, with a body `'POST'` */
  readonly method?: HttpMethod | undefined
  /** Bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown
}

/** What a query may hold; `undefined` is left out. */
export type QueryValue = string | number | boolean | undefined

/** {@link MethodOptions}, complete, with what is sent. */
export interface Call {
  readonly method: HttpMethod
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  readonly signal: AbortSignal | undefined
  /** Nothing is left of the caller's budget. */
  readonly late: boolean
  /** Whether sending it twice does no harm. */
  readonly repeatable: boolean
  readonly timeouts: ResolvedTimeouts
  readonly input: StandardSchema | undefined
  readonly output: StandardSchema | undefined
}

const KNOWN = [
  'context',
  'signal',
  'remainingMs',
  'idempotencyKey',
  'query',
  'headers',
  'timeouts',
  'input',
  'output',
  'method',
  'body',
] as const
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const HARMLESS = ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']

/** What the client's method says itself, whatever the options do. */
export interface FixedParts {
  readonly method?: HttpMethod
  readonly body?: unknown
}

/** Checks a call and works out what is sent. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveCall(
  module: ModulePolicy,
  path: string,
  options: MethodOptions,
  { method: fixed, body = options?.body }: FixedParts = {},
): Call {
  checkShape('call', options, KNOWN)
  const { context } = options
  const method = fixed ?? options.method ?? (body === undefined ? 'GET' : 'POST')
  if (!METHODS.includes(method)) throw optionInvalid('method', `one of ${METHODS.join(', ')}`, method)
  const signal = options.signal ?? context?.signal
  checkSignal(signal)
  const remainingMs = options.remainingMs ?? context?.remainingMs
  const idempotencyKey = options.idempotencyKey ?? context?.idempotencyKey
  return {
    method,
    path: pathOf(module, path, options.query),
    headers: {
      accept: 'application/json',
      ...contentType(body),
      ...module.headers,
      ...resolveHeaders('headers', options.headers),
      ...(idempotencyKey !== undefined && resolveHeaders('call', { 'idempotency-key': idempotencyKey })),
      ...(remainingMs !== undefined &&
        module.deadlineHeader !== false &&
        deadlineHeaders(remainingMs, module.deadlineHeader)),
    },
    body,
    signal,
    late: remainingMs !== undefined && remainingMs <= 0,
    repeatable: HARMLESS.includes(method) || (idempotencyKey !== undefined && context?.idempotent !== false),
    timeouts: resolveTimeouts('timeouts', options.timeouts, module.timeouts),
    input: checkSchema('input', options.input) ?? module.input,
    output: checkSchema('output', options.output) ?? module.output,
  }
}

function contentType(body: unknown): Readonly<Record<string, string>> {
  if (body === undefined) return {}
  return { 'content-type': body instanceof Uint8Array ? 'application/octet-stream' : 'application/json' }
}

/** The path below the module's address. What a path is made of may come from outside: it cannot lead elsewhere. */
function pathOf({ base }: ModulePolicy, path: string, query: CallOptions['query']): string {
  if (typeof path !== 'string' || (path !== '' && !/^[/?]/.test(path)) || path.startsWith('//')) {
    throw optionInvalid('path', "a path such as '/score'", path)
  }
  const prefix = base.pathname.replace(/\/$/, '')
  const url = new URL(base.origin)
  // Assigning takes no other origin from the text; a base's own query stays.
  const [plain = '', own = ''] = splitOnce(path.split('#')[0] as string)
  url.pathname = `${prefix}${plain}`
  url.search = [base.search.slice(1), own].filter((part) => part !== '').join('&')
  const { pathname } = url
  const isInside = isBelow(prefix, pathname)
  if (!isInside || (ESCAPED_SLASH.test(pathname) && !isBelow(slashed(prefix), slashed(pathname)))) {
    throw optionInvalid('path', 'a path below the `baseUrl`', undefined, 'Escape its parts with encodeURIComponent.')
  }
  for (const [name, values] of Object.entries(query ?? {})) {
    for (const value of Array.isArray(values) ? values : [values]) {
      if (value !== undefined) url.searchParams.append(name, String(value))
    }
  }
  return `${pathname}${url.search}`
}

function isBelow(prefix: string, path: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`)
}

const ESCAPED_SLASH = /%2f|%5c/i

// Many servers take an escaped slash for one, and `../` in an escaped id for the way up.
function slashed(path: string): string {
  const url = new URL('http://a')
  url.pathname = path.replace(new RegExp(ESCAPED_SLASH, 'gi'), '/')
  return url.pathname.replace(/\/$/, '')
}

function splitOnce(path: string): readonly string[] {
  const at = path.indexOf('?')
  return at === -1 ? [path] : [path.slice(0, at), path.slice(at + 1)]
}
