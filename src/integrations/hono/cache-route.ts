import { optionInvalid } from '../../errors/option-error.js'
import type { RouteOptions } from '../../routes/route-options.js'
import { createHonoRoute, type HonoContextLike } from './hono-route.js'

/** How Hono goes on. */
type Next = () => Promise<void>

/** A handler of Hono, of whatever context its route gives it. */
// biome-ignore lint/suspicious/noExplicitAny: the context is inferred from where the route is mounted
export type HonoHandler = (context: any, next: Next) => Response | Promise<Response>

type HonoHandlerLike = (context: HonoContextLike, next: Next) => Response | Promise<Response | undefined>

/**
 * Caches Hono routes: `app.get('/api/jobs', cacheRoute({ in: stash.jobFeed, ttl: '5m' }), (c) => c.json(jobs))`.
 *
 * The same rules as for a fetch-style handler; options' callbacks are given the WHATWG request. Hono 4. Header fields
 * that middleware before the route has set stay those of each request.
 *
 * Around the handler, `cacheRoute(options, handler)`, a hit costs less: what is fresh in memory is answered without a
 * promise, where no other middleware matches.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 * @example
 * import { Hono } from 'hono'
 * import { createStash } from 'hopstash'
 * import { cacheRoute } from 'hopstash/integrations/hono'
 * const stash = createStash()
 * const app = new Hono()
 * app.get('/api/jobs', cacheRoute({ in: stash.jobFeed, tags: ['feed'] }, (context) => context.json([{ id: 'j1' }])))
 * await app.request('/api/jobs')
 * const again = await app.request('/api/jobs')
 * again.headers.get('age') // => '0'
 */
export function cacheRoute(
  options: RouteOptions<Request>,
): (context: HonoContextLike, next: Next) => Promise<Response | undefined>
export function cacheRoute<Handler extends HonoHandler>(options: RouteOptions<Request>, handler: Handler): Handler
export function cacheRoute(options: RouteOptions<Request>, handler?: HonoHandler): HonoHandlerLike {
  const answer = createHonoRoute(options)
  if (handler === undefined) {
    const middleware = async (context: HonoContextLike, next: Next): Promise<Response | undefined> => {
      const run = async (): Promise<Response | undefined> => {
        await next()
        return context.finalized ? context.res : undefined
      }
      return answer(context, run, middleware)
    }
    return middleware
  }
  if (typeof handler !== 'function') throw optionInvalid('handler', 'a function of the context', handler)
  const route: HonoHandlerLike = (context, next) => answer(context, async () => handler(context, next), route)
  return route
}
