import type { IncomingMessage, ServerResponse } from 'node:http'
import { nextTurn } from '../runtime/next-turn.js'
import { type CapturedResponse, captureResponse } from './captured-response.js'
import { hasBodyOfHttp2, hostOf, type NodeRequest } from './node-bridge.js'
import type { Answer } from './route-answer.js'
import { createRouteCache, type Produced, type Served } from './route-cache.js'
import type { RouteOptions, RouteRequest } from './route-options.js'
import { sendAnswer } from './send-answer.js'
import { ended, sentCookie } from './sent-head.js'

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
}

/** The route behind every `node:http` framework. @throws {OptionError} `ERR_OPTION_INVALID` */
export function createNodeRoute<Req>(options: RouteOptions<Req>): (passage: Passage<Req>) => void {
  const cache = createRouteCache(options)
  const maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY
  return (passage) => {
    const { request, response, given, next } = passage
    let own: CapturedResponse | undefined
    let isRunning = false
    const about = describe(request, passage.pattern)
    let isAnswered = false
    let isDelivered = false
    const produce = async (hasOld: boolean): Promise<Produced> => {
      isRunning = true
      const before = { ...response.getHeaders(), ...passage.before }
      // An old response goes out first, so that the handler begins with a client that has been answered.
      if (hasOld) await nextTurn()
      if (isAnswered) await ended(response)
      own = captureResponse(response, { maxBodyBytes, before, isAnswered })
      // With the client's conditions the handler's answer could be a 304 that fits nobody else.
      about.hideConditions()
      next()
      return own.produced
    }
    const answer = (served: Extract<Served, { kind: 'answer' }>): void => {
      isAnswered = true
      if (!isRunning) passage.onAnswered?.()
      if (own === undefined) sendAnswer(response, served.answer, passage.before)
      else own.send(served.answer, passage.before)
    }
    const deliver = (kept: Answer): boolean | Promise<boolean> => {
      if (isAnswered) return sentCookie(response)
      isAnswered = true
      own?.send(kept, passage.before)
      isDelivered = true
      return sentCookie(response)
    }
    const settle = (served: Served): void => {
      if (isDelivered) return
      if (served.kind === 'answer') answer(served)
      // Meanwhile a timeout of the host's may have answered.
      else if (served.kind === 'pass' && !response.headersSent) {
        response.appendHeader('cache-status', served.cacheStatus)
        next()
      }
    }
    const fail = (error: unknown): void => {
      own?.release()
      if (isDelivered) return
      // A handler that has ended its client's connection has nothing to tell that client.
      if (own !== undefined && response.destroyed) return
      // One that outlived its time limit goes on writing into memory, once its client has been told.
      if (own !== undefined) response.once('finish', () => swallowFrom(response))
      next(error)
    }
    try {
      // What is kept and fresh is sent in the very turn that asked for it.
      const decided = cache.decide(about, given)
      if (decided.kind !== 'key') settle(decided)
      else cache.load(about, given, decided, { produce, deliver }).then(settle).catch(fail)
    } catch (error) {
      fail(error)
    }
  }
}

function swallowFrom(response: ServerResponse): void {
  captureResponse(response, { maxBodyBytes: 0, before: {}, isAnswered: true }).produced.catch(() => undefined)
}

/** A request whose handler does not see its conditions, while the route still does. */
interface Conditional extends RouteRequest {
  hideConditions(): void
}

function describe(incoming: NodeRequest, pattern: string | undefined): Conditional {
  // A router takes its prefix off `url`; the key wants the whole path.
  const whole = incoming.originalUrl ?? incoming.url ?? '/'
  const cut = whole.indexOf('?')
  let { headers } = incoming
  return {
    method: incoming.method ?? 'GET',
    host: hostOf(headers) ?? '',
    path: cut < 0 ? whole : whole.slice(0, cut),
    search: cut < 0 ? '' : whole.slice(cut),
    hasBody: hasBodyOfHttp2(incoming),
    header(name) {
      const value = headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    pattern: () => pattern ?? patternOf(incoming),
    hideConditions() {
      headers = { ...incoming.headers }
      for (const name of CONDITIONS) delete incoming.headers[name]
    },
  }
}

// Where its router is mounted Express tells as a path, which may hold more than a pattern.
function patternOf({ route, baseUrl }: NodeRequest): string | undefined {
  if (typeof route?.path !== 'string') return undefined
  return baseUrl === undefined || baseUrl === '' ? route.path : `*${route.path}`
}
