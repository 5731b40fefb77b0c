import type { RecordHost } from '../cache/records.js'
import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import { checkAnswersAtOnce } from '../resilience/option-shape.js'
import { type Duration, parseDuration } from '../runtime/duration.js'

/** What the rules of a route look at, whatever framework it came through. */
export interface RouteRequest {
  readonly method: string
  /** As the client says it: several sites may be served by one handler. */
  readonly host: string
  /** Over TLS up to here. */
  readonly isSecure?: boolean
  /** Without the query. */
  readonly path: string
  /** The query with its `?`, or an empty text. */
  readonly search: string
  /** All of its address as one text, where there is one already. */
  readonly url?: string
  /** Set where a body needs no header field that tells of it, as over HTTP/2. */
  readonly hasBody?: boolean
  /** The route as its framework writes it, such as `/jobs/:id`, where it is known. */
  pattern?(): string | undefined
  header(name: string): string | undefined
}

/** Options of a cached route. Callbacks are given the framework's own request. */
export interface RouteOptions<Req = RouteRequest> {
  /** The namespace its responses are kept in, under their own key part. */
  readonly in: RecordHost
  /** @defaultValue `s-maxage` or `max-age` of the response, else the namespace's */
  readonly ttl?: Duration | undefined
  /** How long after the ttl the old response is sent at once while a new one is made. @defaultValue the namespace's */
  readonly staleWhileRevalidate?: Duration | undefined
  /** How long after the ttl the old response is sent if making a new one fails (a status from 500). @defaultValue the namespace's */
  readonly staleIfError?: Duration | undefined
  readonly tags?: readonly string[] | ((request: Req) => readonly string[]) | undefined
  /**
   * Which requests of a path are the same; with a `name`, which requests of all routes of that name. `undefined` passes it
   * through. @defaultValue scheme, host, path and sorted query
   */
  readonly key?: ((request: Req) => unknown) | undefined
  /** Parameters that matter, with their parts such as `page[]`; others are left out of the key. @defaultValue all */
  readonly query?: readonly string[] | undefined
  /**
   * What makes responses differ beside the key: names of request headers, or a function that tells whose the response is
   * (a user's id; `undefined` passes the request through). Needed for requests with credentials, unless `shared`.
   */
  readonly vary?: readonly string[] | ((request: Req) => string | undefined) | undefined
  /** The response is the same for everybody, also for requests with `Authorization` or cookies. @defaultValue `false` */
  readonly shared?: boolean | undefined
  /** Whether a request is cached at all. @defaultValue every GET and HEAD */
  readonly when?: ((request: Req) => boolean) | undefined
  /** Largest body that is kept, bytes; larger ones are streamed through. @defaultValue 1 MiB */
  readonly maxBodyBytes?: number | undefined
  /** `Cache-Control` for clients where the handler sets none. @defaultValue `no-cache`, with `private` before it per user */
  readonly cacheControl?: string | undefined
  /** A part of the key: two routes of one name are one. @defaultValue `'route'` */
  readonly name?: string | undefined
}

/** Options with nothing left open. */
export interface RoutePolicy<Req> extends RouteOptions<Req> {
  readonly shared: boolean
  readonly maxBodyBytes: number
  readonly name: string
  readonly isNamed: boolean
  readonly varyHeaders: readonly string[]
  readonly owner: ((request: Req) => string | undefined) | undefined
  /** Each response is somebody's: kept under that person, or under what the request says of them. */
  readonly isPrivate: boolean
}

const KNOWN = [
  'in',
  'ttl',
  'staleWhileRevalidate',
  'staleIfError',
  'tags',
  'key',
  'query',
  'vary',
  'shared',
  'when',
  'maxBodyBytes',
  'cacheControl',
  'name',
] as const
/** Header fields by which a request is somebody's. */
export const CREDENTIALS: readonly string[] = ['authorization', 'cookie']

const DEFAULT_MAX_BODY = 1024 * 1024
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/

/** @throws {OptionError} `ERR_OPTION_INVALID` */
export function resolveRoute<Req>(options: RouteOptions<Req>): RoutePolicy<Req> {
  if (typeof options !== 'object' || options === null) throw optionInvalid('options', 'an object', options)
  for (const name of Object.keys(options)) {
    if (!(KNOWN as readonly string[]).includes(name)) throw optionUnknown('the route options', name, KNOWN)
  }
  const { ttl, staleWhileRevalidate, staleIfError, maxBodyBytes = DEFAULT_MAX_BODY, name = 'route' } = options
  if (typeof options.in?.records !== 'function')
    throw optionInvalid('in', 'a namespace of a stash, such as stash.jobFeed', options.in)
  for (const [option, given] of Object.entries({ ttl, staleWhileRevalidate, staleIfError }))
    if (given !== undefined) parseDuration(given, option)
  for (const option of ['key', 'when'] as const) {
    if (options[option] !== undefined && typeof options[option] !== 'function')
      throw optionInvalid(option, 'a function of the request', options[option])
  }
  if (!(Number.isFinite(maxBodyBytes) && maxBodyBytes >= 0))
    throw optionInvalid('maxBodyBytes', 'a number of bytes', maxBodyBytes)
  if (typeof name !== 'string' || name === '') throw optionInvalid('name', 'a text', name)
  if (options.cacheControl !== undefined && !isHeaderText(options.cacheControl))
    throw optionInvalid('cacheControl', 'the text of a Cache-Control header', options.cacheControl)
  for (const option of ['key', 'when', 'tags', 'vary'] as const) checkAnswersAtOnce(options[option], option)
  checkNames('query', options.query, () => true)
  checkTags(options.tags)
  return {
    ...options,
    shared: options.shared === true,
    maxBodyBytes,
    name,
    isNamed: options.name !== undefined,
    ...varyOf(options.vary),
  }
}

function varyOf<Req>(vary: RouteOptions<Req>['vary']): Pick<RoutePolicy<Req>, 'varyHeaders' | 'owner' | 'isPrivate'> {
  if (vary === undefined) return { varyHeaders: [], owner: undefined, isPrivate: false }
  if (typeof vary === 'function') return { varyHeaders: [], owner: vary, isPrivate: true }
  checkNames('vary', vary, (name) => HEADER_NAME.test(name))
  const varyHeaders = [...new Set(vary.map((name) => name.toLowerCase()))].sort()
  return { varyHeaders, owner: undefined, isPrivate: varyHeaders.some((name) => CREDENTIALS.includes(name)) }
}

function checkNames(option: string, names: unknown, isFit: (name: string) => boolean): void {
  if (names === undefined) return
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string' && isFit(name)))
    throw optionInvalid(option, 'an array of names', names)
}

function checkTags(tags: unknown): void {
  if (tags === undefined || typeof tags === 'function') return
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string' && tag !== ''))
    throw optionInvalid('tags', 'an array of texts, or a function of the request', tags)
}

function isHeaderText(text: unknown): boolean {
  return typeof text === 'string' && /^[\t\x20-\x7e]+$/.test(text)
}
