import type { RecordOptions } from '../cache/records.js'
import { optionInvalid } from '../errors/option-error.js'
import { checkDirectives, DIRECTIVE_HEADER, type LlmDirectives, readDirectives } from './directives.js'
import { type FetchLike, type ResolvedOptions, yesOrNo } from './fetch-options.js'
import { isObject, parsed } from './json-value.js'
import { callOf, type LlmCall } from './llm-call.js'
import { credentialsOf, describeParts, keyParts, requestKey } from './request-key.js'
import type { LlmRequest, WireFormat } from './wire-format.js'
import { formatOf } from './wire-formats.js'
import { anyJson } from './wire-json.js'

/** One call the cache answers. */
export interface Call {
  readonly format: WireFormat
  readonly request: LlmRequest
  readonly directives: LlmDirectives
  /** What of it is told. */
  readonly about: LlmCall
  /** Digest of the request: the key of its record. */
  readonly key: string
  /** Digest of what it authenticates with. */
  credentials(): string
  readonly signal: AbortSignal | undefined
  /** The SDK tries again. */
  readonly isRetry: boolean
  /** Makes the upstream call; with another body where one is given. */
  send(signal: AbortSignal | undefined, body?: string): Promise<Response>
  describe(): string
  /** The same request with another body: its key, and its description. */
  like(body: Record<string, unknown>): Pick<Call, 'key' | 'describe'>
}

/** What becomes of the arguments of a fetch: a call for the cache, or a request to let through as it is. */
export type Reading = { readonly call: Call } | Passing

/** A request the cache has nothing to do with. */
export interface Passing {
  readonly method: string
  readonly address: string
  pass(): Promise<Response>
}

/** Reads the arguments of a fetch. @throws {OptionError} `ERR_OPTION_INVALID` for directives that are none */
export async function readCall(
  input: string | URL | Request,
  init: RequestInit | undefined,
  options: ResolvedOptions,
  upstream: FetchLike = options.fetch ?? globalThis.fetch,
): Promise<Reading> {
  const isRequest = input instanceof Request
  const headers = new Headers(init?.headers ?? (isRequest ? input.headers : undefined))
  const asked = headers.get(DIRECTIVE_HEADER)
  if (asked !== null) headers.delete(DIRECTIVE_HEADER)
  const method = (init?.method ?? (isRequest ? input.method : 'GET')).toUpperCase()
  const address = isRequest ? input.url : input
  const passing = (pass: Passing['pass']): Passing => ({
    method,
    address: String(address),
    pass,
  })
  const plain = passing(() => upstream(input, asked === null ? init : { ...init, headers }))
  if (method !== 'POST' || !isJson(headers)) return plain
  const given = await bodyOf(input, init)
  if (given === undefined) return plain
  const signal = init?.signal ?? (isRequest ? input.signal : undefined) ?? undefined
  // The body of a `Request` is read by now, so that from here on its bytes stand for it.
  const rest = isRequest ? { ...requestInit(input), ...init, method } : { ...init }
  const sendOn = (until: AbortSignal | undefined, body: NonNullable<RequestInit['body']>): Promise<Response> =>
    upstream(address, { ...rest, headers: new Headers(headers), body, signal: until ?? null })
  const pass = isRequest ? passing(() => sendOn(signal, given)) : plain
  const text = typeof given === 'string' ? given : decoded(given)
  const body = text === undefined ? undefined : parsed(text)
  if (text === undefined || !isObject(body) || !URL.canParse(String(address))) return pass
  const request: LlmRequest = { method, url: new URL(address), headers, body }
  const format = formatOf(request) ?? (yesOrNo('accept', options.accept(request)) ? anyJson : undefined)
  if (format === undefined) return pass
  const directives = directivesOf(request, asked, options)
  const sample = directives.sample ?? 0
  const parts = keyParts(request, format.name, options, sample)
  let key: string
  try {
    key = requestKey(parts, text)
  } catch {
    // A body that makes no key cannot be told from others.
    return pass
  }
  return {
    call: {
      format,
      request,
      directives,
      about: callOf(request, format.name),
      key,
      credentials: () => credentialsOf(request),
      signal,
      isRetry: isRetry(headers),
      send: async (until, other) => checkResponse(await sendOn(until, other ?? given)),
      describe: () => describeParts(parts, options.scrub),
      like(other) {
        const like = keyParts({ ...request, body: other }, format.name, options, sample)
        return { key: requestKey(like, ''), describe: () => describeParts(like, options.scrub) }
      },
    },
  }
}

/** The options a call's record is loaded with. */
export function recordOptionsOf(
  { directives, describe }: Pick<Call, 'directives' | 'describe'>,
  more: {
    readonly forceFresh: boolean
    readonly maxAgeMs: number | undefined
    readonly signal: AbortSignal | undefined
  },
): Omit<RecordOptions<never>, 'cacheable'> {
  const { sample: _sample, maxAge, ...asked } = directives
  const oldest = more.maxAgeMs ?? maxAge
  return {
    ...asked,
    // A stream lasts as long as its SDK waits for it.
    hardTimeout: Infinity,
    standIn: true,
    describe,
    ...(more.forceFresh && { forceFresh: true }),
    ...(oldest !== undefined && { maxAge: oldest }),
    ...(more.signal !== undefined && { signal: more.signal }),
  }
}

// Tags add up; of everything else the nearest wins.
function directivesOf(request: LlmRequest, header: string | null, options: ResolvedOptions): LlmDirectives {
  const { scope, tags } = options
  const inScope = typeof scope === 'function' ? scope(request) : scope
  const withTags = typeof tags === 'function' ? tags(request) : tags
  checkDirectives(
    { ...(inScope !== undefined && { scope: inScope }), ...(withTags !== undefined && { tags: withTags }) },
    'a request',
  )
  const byRequest = options.directives?.(request)
  if (byRequest !== undefined) checkDirectives(byRequest, 'the directives')
  const byCall = header === null ? undefined : readDirectives(header)
  const tagged = [...(withTags ?? []), ...(byRequest?.tags ?? []), ...(byCall?.tags ?? [])]
  return {
    ...options.shared,
    ...(inScope !== undefined && { scope: inScope }),
    ...byRequest,
    ...byCall,
    ...(tagged.length > 0 && { tags: tagged }),
  }
}

function isJson(headers: Headers): boolean {
  const type = headers.get('content-type')
  return type !== null && /^application\/(?:[\w.+-]+\+)?json\b/i.test(type)
}

type Given = string | Uint8Array<ArrayBuffer> | ArrayBuffer

async function bodyOf(input: string | URL | Request, init: RequestInit | undefined): Promise<Given | undefined> {
  const body = init?.body
  if (typeof body === 'string' || body instanceof ArrayBuffer) return body
  if (body instanceof Uint8Array) return body as Uint8Array<ArrayBuffer>
  const isAbsent = body === undefined || body === null
  return isAbsent && input instanceof Request && !input.bodyUsed ? input.arrayBuffer() : undefined
}

function decoded(bytes: Uint8Array | ArrayBuffer): string | undefined {
  try {
    // With a mark of byte order it is no JSON.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function requestInit(request: Request): RequestInit {
  const { redirect, credentials, mode, referrerPolicy, integrity, keepalive } = request
  return {
    redirect,
    credentials,
    mode: mode === 'navigate' ? 'cors' : mode,
    referrerPolicy,
    integrity,
    keepalive,
  }
}

/** The response, if it is one: a `fetch` of the host may be of another make. @throws {OptionError} `ERR_OPTION_INVALID` */
function checkResponse(response: Response): Response {
  const { status, headers, body } = ((response as Response | null | undefined) ?? {}) as Partial<Response>
  const isBody = body === null || typeof body?.getReader === 'function'
  if (typeof status === 'number' && typeof headers?.get === 'function' && isBody) return response
  throw optionInvalid('fetch', 'a function that resolves with a `Response` of the web', response)
}

/** Counted from 0 by the SDKs that send it. */
const RETRY_COUNTS = ['x-stainless-retry-count', 'x-retry-count']

function isRetry(headers: Headers): boolean {
  return RETRY_COUNTS.some((name) => Number(headers.get(name)) > 0)
}
