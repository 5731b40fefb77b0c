import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createNodeRoute } from '../../routes/cached-route.js'
import type { RouteOptions } from '../../routes/route-options.js'

/** A Fastify request, as far as a route's options read it. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage
  readonly url: string
  readonly routeOptions?: { readonly url?: string | undefined; readonly version?: string | undefined }
  readonly headers: IncomingHttpHeaders
  readonly params: unknown
  readonly query: unknown
}

/** The part of a Fastify reply that is used. */
export interface FastifyReplyLike {
  readonly raw: ServerResponse
  hijack(): unknown
  getHeaders(): Record<string, unknown>
}

/**
 * Caches a Fastify route: `app.get('/api/jobs', { preHandler: cacheReply({ in: stash.jobFeed, ttl: '5m' }) }, list)`.
 *
 * The same rules as for Express; options' callbacks are given Fastify's request. Fastify 5.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 */
export function cacheReply(
  options: RouteOptions<FastifyRequestLike>,
): (request: FastifyRequestLike, reply: FastifyReplyLike, done: (error?: Error) => void) => void {
  const serve = createNodeRoute(options)
  return (request, reply, done) => {
    const { url: pattern, version: chosenBy } = request.routeOptions ?? {}
    serve({
      request: request.raw,
      response: reply.raw,
      given: request,
      next: (error) => done(error as Error | undefined),
      onAnswered: () => {
        reply.hijack()
      },
      before: reply.getHeaders(),
      pattern,
      chosenBy,
    })
  }
}
