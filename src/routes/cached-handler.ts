import { cacheStatus } from '../cache/cache-status.js'
import { ValueError } from '../errors/value-error.js'
import { isOfEvents } from './captured-headers.js'
import type { Answer } from './route-answer.js'
import { createRouteCache, type Produced } from './route-cache.js'
import type { RouteOptions, RouteRequest } from './route-options.js'
import { kindOf } from './route-warnings.js'

/** A fetch-style handler, with whatever else its platform hands it. */
export type Handler<Rest extends readonly unknown[] = []> = (
  request: Request,
  ...rest: Rest
) => Response | Promise<Response>

/**
 * Puts a cache in front of a fetch-style handler: `GET` and `HEAD`, `ETag` and 304, single flight, stale answers.
 *
 * Requests with `Authorization` or cookies pass through unless `vary` covers them or the route is `shared`. Errors,
 * `Set-Cookie`, `private`, `no-store` and bodies over `maxBodyBytes` are never kept; those who waited for such a response
 * get one of their own. `Cache-Status` (RFC 9211) says what happened.
 *
 * A handler that returns anything else than a Response rejects with `ERR_VALUE_UNSUPPORTED`.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 * @example
 * import { createStash } from 'hopstash'
 * import { cachedHandler } from 'hopstash/routes'
 * const stash = createStash()
 * let calls = 0
 * const jobs = cachedHandler(() => Response.json({ call: ++calls }), { in: stash.jobFeed, ttl: '5m', tags: ['feed'] })
 * await jobs(new Request('http://localhost/api/jobs?page=1'))
 * const again = await jobs(new Request('http://localhost/api/jobs?page=1'))
 * await again.json() // => { call: 1 }
 * const etag = again.headers.get('etag') ?? ''
 * const third = await jobs(new Request('http://localhost/api/jobs?page=1', { headers: { 'if-none-match': etag } }))
 * third.status // => 304
 */
export function cachedHandler<Rest extends readonly unknown[]>(
  handler: Handler<Rest>,
  options: RouteOptions<Request>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  const cache = createRouteCache(options)
  const maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY
  return async (request, ...rest) => {
    const about = describe(request)
    const decided = cache.decide(about, request)
    if (decided.kind === 'answer') return toResponse(decided.answer)
    let streamed: Response | undefined
    const produce = async (): Promise<Produced> => {
      const response = responseOf(await handler(unconditional(request), ...rest))
      const read = await readWhole(response, maxBodyBytes)
      if (!(read instanceof Response)) return read
      streamed = read
      return 'streamed'
    }
    const served = decided.kind === 'key' ? await cache.load(about, request, decided, { produce }) : decided
    if (served.kind === 'answer') return toResponse(served.answer)
    if (served.kind === 'streamed' && streamed !== undefined) return streamed
    const response = responseOf(await handler(request, ...rest))
    return served.kind === 'pass' ? withStatus(response, served.cacheStatus) : response
  }
}

const DEFAULT_MAX_BODY = 1024 * 1024

/**
 * What a handler gave, if it is a Response: not by its class, which may be that of another realm.
 *
 * @throws {ValueError} `ERR_VALUE_UNSUPPORTED`
 */
export function responseOf(given: unknown): Response {
  if (typeof (given as Response | null)?.headers?.get === 'function') return given as Response
  throw new ValueError(`Expected the handler of a cached route to return a Response, received ${kindOf(given)}.`, {
    code: 'ERR_VALUE_UNSUPPORTED',
  })
}

/**
 * The parts of a WHATWG request the rules look at.
 *
 * @param askedPath The path that the server was asked for: another one behind what takes a prefix off.
 */
export function describe(request: Request, route?: RouteOfRequest, askedPath?: string): RouteRequest {
  return new Description(request, route, askedPath)
}

/** What a framework tells of the route a request takes. */
export interface RouteOfRequest {
  readonly routePath?: string
  /** By what it has found the route; not the URL's path where the host finds routes by something else, too. */
  readonly path?: string
}

// A class, without a closure, which takes its URL apart when it is asked for the parts: it is made for every hit.
class Description implements RouteRequest {
  readonly method: string
  readonly url?: string
  readonly #whole: string
  readonly #headers: Headers
  readonly #route: RouteOfRequest | undefined
  readonly #askedPath: string | undefined

  constructor({ method, url, headers }: Request, route: RouteOfRequest | undefined, askedPath: string | undefined) {
    this.method = method
    this.#whole = url
    this.#headers = headers
    this.#route = route
    this.#askedPath = askedPath
    if (isPathOf(url, route?.path) && isPathOf(url, askedPath)) this.url = url
  }

  get host(): string {
    return this.#whole.slice(this.#whole.indexOf('//') + 2, pathOf(this.#whole))
  }

  get isSecure(): boolean {
    return this.#whole.startsWith('https:')
  }

  get path(): string {
    const path = this.#whole.slice(pathOf(this.#whole), queryOf(this.#whole))
    return this.url === undefined ? `${path}\n${this.#route?.path}\n${this.#askedPath}` : path
  }

  get search(): string {
    return this.#whole.slice(queryOf(this.#whole), endOf(this.#whole))
  }

  header(name: string): string | undefined {
    return this.#headers.get(name) ?? undefined
  }

  pattern(): string | undefined {
    return this.#route?.routePath
  }
}

// The text of a Request's URL is in its one spelling already: its path begins at the third slash.
function pathOf(url: string): number {
  return url.indexOf('/', url.indexOf('//') + 2)
}

function isPathOf(url: string, path: string | undefined): boolean {
  if (path === undefined) return true
  const from = pathOf(url)
  return from + path.length === queryOf(url) && url.startsWith(path, from)
}

function queryOf(url: string): number {
  const query = url.indexOf('?')
  const end = endOf(url)
  return query < 0 || query > end ? end : query
}

function endOf(url: string): number {
  const hash = url.indexOf('#')
  return hash < 0 ? url.length : hash
}

/** A request as if it were the first: with the client's conditions its answer could be a 304 that fits nobody else. */
export function unconditional(request: Request): Request {
  const headers = new Headers(request.headers)
  for (const name of ['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'if-range'])
    headers.delete(name)
  // Without the client's signal: others may wait for the answer when this client has left.
  const { url, method, redirect } = request
  // Nor with a fragment, which is no part of the key.
  return new Request(url.slice(0, endOf(url)), { method, headers, redirect })
}

/** A response with its whole body; or, if that is too long, a response that goes on as it comes. */
export async function readWhole(
  response: Response,
  maxBytes: number,
): Promise<Exclude<Produced, 'streamed'> | Response> {
  const headers: [string, string][] = [...response.headers]
  const { status, body } = response
  if (body === null) return { status, headers, body: new Uint8Array() }
  // Events are for one reader, now, and may never end.
  if (isOfEvents(response.headers.get('content-type'))) return withStatus(response, passedOn('stream'))
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return { status, headers, body: joined(chunks, length) }
    chunks.push(value)
    length += value.length
    if (length > maxBytes) return withStatus(new Response(resumed(chunks, reader), response), passedOn('size'))
  }
}

function passedOn(why: string): string {
  return `${cacheStatus({ status: 'bypass' })}; detail="${why}"`
}

function resumed(
  chunks: readonly Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
    },
    async pull(controller) {
      const { done, value } = await reader.read()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: (reason) => reader.cancel(reason),
  })
}

/** A kept answer as a WHATWG response. */
export function toResponse(answer: Answer): Response {
  const { status, fields, body } = answer
  answer.headers ??= headersInit(fields)
  return new Response(status === 204 ? null : (body as string | Uint8Array<ArrayBuffer> | null), {
    status,
    headers: answer.headers,
  })
}

// A record, which servers send without making `Headers` of it, unless a name comes twice.
function headersInit(fields: readonly string[]): Record<string, string> | [string, string][] {
  const record: Record<string, string> = {}
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] as string
    if (name in record) return pairsOf(fields)
    record[name] = fields[index + 1] as string
  }
  return record
}

function pairsOf(fields: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let index = 0; index + 1 < fields.length; index += 2)
    pairs.push([fields[index] as string, fields[index + 1] as string])
  return pairs
}

/** A response that says what the cache did. */
export function withStatus(response: Response, cacheStatus: string): Response {
  try {
    response.headers.append('cache-status', cacheStatus)
    return response
  } catch {
    // The headers of some responses, those of fetch and of redirects, cannot be changed.
    const headers = new Headers(response.headers)
    headers.append('cache-status', cacheStatus)
    return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
  }
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
