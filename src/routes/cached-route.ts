import type { IncomingMessage, ServerResponse } from 'node:http'
import { nextTurn } from '../runtime/next-turn.js'
import { type CapturedResponse, captureResponse } from './captured-response.js'
import { hasBodyOfHttp2, hostOf, isSecure, type NodeRequest } from './node-bridge.js'
import type { Answer } from './route-answer.js'
import { createRouteCache, type Handling, type Produced, type Served } from './route-cache.js'
import type { RouteOptions, RouteRequest } from './route-options.js'
import { sendAnswer } from './send-answer.js'
import { ended, revealedCookie, sentCookie } from './sent-head.js'

/** Middleware of `node:http`, Express and their like. */
export type RouteMiddleware<Req extends IncomingMessage = IncomingMessage> = (
  request: Req,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

const DEFAULT_MAX_BODY = 1024 * 1024
const CONDITIONS = ['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'if-range']

/**
 * Middleware that puts a cache in front of what comes after it, in any framework that hands on `node:http` objects.
 *
 * The handler behind it writes into memory; the client is sent what is kept, or what the handler wrote once it has ended.
 * A body over `maxBodyBytes` goes to its client as it comes.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 */
export function cachedRoute<Req extends IncomingMessage = IncomingMessage>(
  options: RouteOptions<Req>,
): RouteMiddleware<Req> {
  const serve = createNodeRoute(options)
  return (request, response, next) => serve({ request, response, given: request, next })
}

/** One request on its way through a route. */
export interface Passage<Req> {
  readonly request: NodeRequest
  readonly response: ServerResponse
  /** What the options' callbacks are given. */
  readonly given: Req
  readonly next: (error?: unknown) => void
  /** Called before the client is sent an answer that the handler was not asked for. */
  readonly onAnswered?: () => void
  /** Header fields that were set before the route where the response does not know them. */
  readonly before?: Readonly<Record<string, unknown>>
  /** The route as its framework writes it, where the request does not know. */
  readonly pattern?: string | undefined
  /** By what else its framework chose the route, where several have one address. */
  readonly chosenBy?: string | undefined
}

/** The route behind every `node:http` framework. @throws {OptionError} `ERR_OPTION_INVALID` */
export function createNodeRoute<Req>(options: RouteOptions<Req>): (passage: Passage<Req>) => void {
  const cache = createRouteCache(options)
  const maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY
  return (passage) => {
    const about = new Description(passage.request, passage)
    const run = new Run(passage, about, maxBodyBytes)
    try {
      // What is kept and fresh is sent in the very turn that asked for it.
      const decided = cache.decide(about, passage.given)
      if (decided.kind !== 'key') run.settle(decided)
      else
        cache
          .load(about, passage.given, decided, run)
          .then((served) => run.settle(served))
          .catch((error) => run.fail(error))
    } catch (error) {
      run.fail(error)
    }
  }
}

/** What becomes of one request. */
class Run<Req> implements Handling {
  readonly #passage: Passage<Req>
  readonly #about: Description
  readonly #maxBodyBytes: number
  #own: CapturedResponse | undefined
  #isRunning = false
  #isAnswered = false
  /** Its handler has been asked, and it was answered with what came of that before it was settled. */
  #isDelivered = false

  constructor(passage: Passage<Req>, about: Description, maxBodyBytes: number) {
    this.#passage = passage
    this.#about = about
    this.#maxBodyBytes = maxBodyBytes
  }

  async produce(hasOld: boolean): Promise<Produced> {
    const { response, next } = this.#passage
    this.#isRunning = true
    const before = { ...response.getHeaders(), ...this.#passage.before }
    // An old response goes out first, so that the handler begins with a client that has been answered.
    if (hasOld) await nextTurn()
    const isAnswered = this.#isAnswered
    if (isAnswered) await ended(response)
    const own = captureResponse(response, { maxBodyBytes: this.#maxBodyBytes, before, isAnswered })
    this.#own = own
    // With the client's conditions the handler's answer could be a 304 that fits nobody else.
    this.#about.hideConditions()
    next()
    return own.produced
  }

  deliver(answer: Answer): boolean | Promise<boolean> {
    const { response } = this.#passage
    if (!this.#isAnswered) {
      this.#send(answer)
      this.#isDelivered = true
    }
    return sentCookie(response, () => revealedCookie(response))
  }

  settle(served: Served): void {
    const { response, next } = this.#passage
    if (this.#isDelivered) return
    if (served.kind === 'answer') this.#send(served.answer)
    // Meanwhile a timeout of the host's may have answered.
    else if (served.kind === 'pass' && !response.headersSent) {
      response.appendHeader('cache-status', served.cacheStatus)
      next()
    }
  }

  fail(error: unknown): void {
    const { response, next } = this.#passage
    this.#own?.release()
    if (this.#isDelivered) return
    // A handler that has ended its client's connection has nothing to tell that client.
    if (this.#own !== undefined && response.destroyed) return
    // One that outlived its time limit goes on writing into memory, once its client has been told.
    if (this.#own !== undefined) response.once('finish', () => swallowFrom(response))
    next(error)
  }

  #send(answer: Answer): void {
    const { response, before, onAnswered } = this.#passage
    this.#isAnswered = true
    if (!this.#isRunning) onAnswered?.()
    if (this.#own === undefined) sendAnswer(response, answer, before)
    else this.#own.send(answer, before)
  }
}

function swallowFrom(response: ServerResponse): void {
  captureResponse(response, { maxBodyBytes: 0, before: {}, isAnswered: true }).produced.catch(() => undefined)
}

type RouteChoice = Pick<Passage<never>, 'pattern' | 'chosenBy'>

/** A request whose handler does not see its conditions, while the route still does. */
class Description implements RouteRequest {
  readonly method: string
  readonly path: string
  readonly search: string
  readonly #incoming: NodeRequest
  readonly #pattern: string | undefined
  #headers: IncomingMessage['headers']

  constructor(incoming: NodeRequest, { pattern, chosenBy }: RouteChoice) {
    // A router takes its prefix off `url`; the key wants the whole path.
    const whole = incoming.originalUrl ?? incoming.url ?? '/'
    const cut = whole.indexOf('?')
    const path = cut < 0 ? whole : whole.slice(0, cut)
    this.method = incoming.method ?? 'GET'
    const rewritten = rewrittenOf(incoming)
    // No path and no host has an end of line.
    this.path = (rewritten ?? chosenBy) === undefined ? path : `${path}\n${rewritten ?? ''}\n${chosenBy ?? ''}`
    this.search = cut < 0 ? '' : whole.slice(cut)
    this.#incoming = incoming
    this.#pattern = pattern
    this.#headers = incoming.headers
  }

  get host(): string {
    return hostOf(this.#headers) ?? ''
  }

  get isSecure(): boolean {
    return isSecure(this.#incoming)
  }

  get hasBody(): boolean {
    return hasBodyOfHttp2(this.#incoming)
  }

  header(name: string): string | undefined {
    const value = this.#headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }

  pattern(): string | undefined {
    return this.#pattern ?? patternOf(this.#incoming)
  }

  hideConditions(): void {
    this.#headers = { ...this.#incoming.headers }
    for (const name of CONDITIONS) delete this.#incoming.headers[name]
  }
}

/** Its address, where middleware has rewritten it: such requests of one first address may go to several routes. */
function rewrittenOf({ url = '/', baseUrl = '', originalUrl = url }: NodeRequest): string | undefined {
  const now = baseUrl + url
  // Where nothing is left behind its prefix, Express adds the slash.
  if (now === originalUrl || baseUrl + url.slice(1) === originalUrl) return undefined
  const cut = originalUrl.indexOf('?')
  // The query is in the key already, in its one spelling.
  return cut >= 0 && now.endsWith(originalUrl.slice(cut)) ? now.slice(0, cut - originalUrl.length) : now
}

// Where its router is mounted Express tells as a path, which may hold more than a pattern.
function patternOf({ route, baseUrl }: NodeRequest): string | undefined {
  if (typeof route?.path !== 'string') return undefined
  return baseUrl === undefined || baseUrl === '' ? route.path : `*${route.path}`
}
