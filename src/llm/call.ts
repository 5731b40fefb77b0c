import type { RecordOptions } from '../cache/records.js'
import { optionInvalid } from '../errors/option-error.js'
import { digestOf } from '../keys/digest.js'
import { checkDirectives, DIRECTIVE_HEADER, type LlmDirectives, readDirectives } from './directives.js'
import { lostByParsing } from './exact-json.js'
import { type FetchLike, type ResolvedOptions, yesOrNo } from './fetch-options.js'
import { isObject, parsed } from './json-value.js'
import { callOf, type LlmCall } from './llm-call.js'
import { credentialsOf, describeParts, keyParts } from './request-key.js'
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
  /** Whether its body, parsed, says all that its text does: only then can another be made of it. */
  readonly isExact: boolean
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

/**
 * Reads the arguments of a fetch: at once, as fetch does, so that a caller may use his `URL`, options and bytes again; only
 * the body of a `Request` has to be waited for.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for directives that are none
 */
export function readCall(
  input: string | URL | Request,
  init: RequestInit | undefined,
  options: ResolvedOptions,
  upstream: FetchLike = options.fetch ?? globalThis.fetch,
): Reading | Promise<Reading> {
  // Its properties are its class's: nothing of them would be left in a copy.
  if (init instanceof Request) return readCall(new Request(input, init), undefined, options, upstream)
  const isRequest = input instanceof Request
  const headers = new Headers(init?.headers ?? (isRequest ? input.headers : undefined))
  const asked = headers.get(DIRECTIVE_HEADER)
  if (asked !== null) headers.delete(DIRECTIVE_HEADER)
  const method = (init?.method ?? (isRequest ? input.method : 'GET')).toUpperCase()
  const address = isRequest ? input.url : input instanceof URL ? new URL(input) : input
  const pass = (): Promise<Response> => upstream(input, asked === null ? init : { ...init, headers })
  const plain: Passing = { method, address: String(address), pass }
  if (method !== 'POST' || !isJson(headers)) return plain
  const given = bodyOf(input, init)
  if (given === undefined) return plain
  // `null` takes back that of the `Request`.
  const signal = (init?.signal === undefined && isRequest ? input.signal : init?.signal) ?? undefined
  const rest = { ...init }
  const send: Asked['send'] = (until, body) => {
    const how = { ...rest, headers: new Headers(headers), body, signal: until ?? null }
    // What else a `Request` holds, such as a dispatcher, gets on only with itself.
    return isRequest ? upstream(new Request(input, how)) : upstream(address, how)
  }
  const made: Asked = { address, method, headers, asked, signal, send }
  if (!(given instanceof Promise)) return readBody(given, made, plain, options)
  // The body of a `Request` is read by then, so that its bytes stand for it.
  return given.then((bytes) => readBody(bytes, made, { ...plain, pass: () => send(signal, bytes) }, options))
}

/** The arguments of a fetch that may be a call. */
interface Asked {
  readonly address: string | URL
  readonly method: string
  readonly headers: Headers
  /** The header of directives. */
  readonly asked: string | null
  readonly signal: AbortSignal | undefined
  send(signal: AbortSignal | undefined, body: Given): Promise<Response>
}

function readBody(
  given: Given,
  { address, method, headers, asked, signal, send }: Asked,
  plain: Passing,
  options: ResolvedOptions,
): Reading {
  const text = typeof given === 'string' ? given : decoded(given)
  const body = text === undefined ? undefined : parsed(text)
  if (text === undefined || !isObject(body) || !URL.canParse(String(address))) return plain
  const request: LlmRequest = { method, url: new URL(address), headers, body }
  const format = formatOf(request) ?? (yesOrNo('accept', options.accept(request)) ? anyJson : undefined)
  if (format === undefined) return plain
  const directives = directivesOf(request, asked, options)
  const sample = directives.sample ?? 0
  const keyed = keyOf(request, text, format, { options, sample })
  if (keyed === undefined) return plain
  const { key, parts, isExact } = keyed
  return {
    call: {
      format,
      request,
      directives,
      about: callOf(request, format.name),
      key,
      isExact,
      credentials: () => credentialsOf(request),
      signal,
      isRetry: isRetry(headers),
      // Not the bytes: by then their owner may have changed them.
      send: async (until, other) => checkResponse(await send(until, other ?? text)),
      describe: () => describeParts(parts, options.scrub),
      like(other) {
        const like = keyParts({ ...request, body: other }, format.name, options, sample)
        return { key: digestOf(like), describe: () => describeParts(like, options.scrub) }
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

/** The key of a request; `undefined` for a body that makes none, and so cannot be told from others. */
function keyOf(
  request: LlmRequest,
  text: string,
  format: WireFormat,
  { options, sample }: { readonly options: ResolvedOptions; readonly sample: number },
) {
  try {
    const lost = lostByParsing(text, request.body)
    const parts = keyParts(request, format.name, options, sample, lost)
    return { key: digestOf(parts), parts, isExact: lost === undefined }
  } catch {
    return undefined
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

function bodyOf(
  input: string | URL | Request,
  init: RequestInit | undefined,
): Given | Promise<ArrayBuffer> | undefined {
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

/** The response, if it is one: a `fetch` of the host may be of another make. @throws {OptionError} `ERR_OPTION_INVALID` */
function checkResponse(response: Response): Response {
  const { status, headers, body } = ((response as Response | null | undefined) ?? {}) as Partial<Response>
  const isBody = body === null || typeof body?.getReader === 'function'
  if (typeof status === 'number' && status >= 200 && typeof headers?.get === 'function' && isBody) return response
  throw optionInvalid('fetch', 'a function that resolves with a `Response` of the web', response)
}

/** Counted from 0 by the SDKs that send it. */
const RETRY_COUNTS = ['x-stainless-retry-count', 'x-retry-count']

function isRetry(headers: Headers): boolean {
  return RETRY_COUNTS.some((name) => Number(headers.get(name)) > 0)
}
