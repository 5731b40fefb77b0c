import type { IncomingMessage } from 'node:http'
import { cachedRoute, type RouteMiddleware } from '../../routes/cached-route.js'
import type { RouteOptions } from '../../routes/route-options.js'

/** What Express 4 and 5 hand on, as far as a route's options read it. */
export interface ExpressRequest extends IncomingMessage {
  readonly originalUrl: string
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, unknown>>
}

/**
 * Caches an Express route: `app.get('/api/jobs', cacheResponse({ in: stash.jobFeed, ttl: '5m', tags: ['feed'] }), list)`.
 *
 * `ETag` and 304, one handler call for all who ask at once, stale answers while a new one is made. Requests with
 * `Authorization` or cookies pass through unless `vary` covers them or the route is `shared`. Errors, `Set-Cookie`,
 * `private` and `no-store` are never kept. `Cache-Status` (RFC 9211) says what happened. Express 4 and 5.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 * @example
 * import express from 'express'
 * import { createStash } from 'hopstash'
 * import { cacheResponse } from 'hopstash/integrations/express'
 * const stash = createStash()
 * const app = express()
 * app.get('/api/jobs', cacheResponse({ in: stash.jobFeed, tags: ['feed'] }), (request, response) => {
 *   response.json([{ id: 'j1' }])
 * })
 */
export function cacheResponse<Req extends IncomingMessage = ExpressRequest>(
  options: RouteOptions<Req>,
): RouteMiddleware<Req> {
  return cachedRoute(options)
}
