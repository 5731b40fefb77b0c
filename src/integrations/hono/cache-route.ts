import { describe, readWhole, toResponse, unconditional } from '../../routes/cached-handler.js'
import { createRouteCache, type Produced } from '../../routes/route-cache.js'
import type { RouteOptions } from '../../routes/route-options.js'
import { nextTurn } from '../../runtime/next-turn.js'

/** The part of Hono's context that is used. */
export interface HonoContextLike {
  readonly req: { raw: Request }
  res: Response
  finalized: boolean
}

const DEFAULT_MAX_BODY = 1024 * 1024

/**
 * Caches Hono routes: `app.get('/api/jobs', cacheRoute({ in: stash.jobFeed, ttl: '5m' }), (c) => c.json(jobs))`.
 *
 * The same rules as for a fetch-style handler; options' callbacks are given the WHATWG request. Hono 4. Header fields
 * that middleware before the route has set are kept with the response: mount such middleware outside of it.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 */
export function cacheRoute(
  options: RouteOptions<Request>,
): (context: HonoContextLike, next: () => Promise<void>) => Promise<Response | undefined> {
  const cache = createRouteCache(options)
  const maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY
  return async (context, next) => {
    const request = context.req.raw
    let streamed: Response | undefined
    let isAnswered = false
    const produce = async (hasOld: boolean): Promise<Produced> => {
      if (hasOld) await nextTurn()
      if (isAnswered) {
        // Hono takes no second response for a context: it begins anew, its first one is on its way.
        context.finalized = false
        context.res = undefined as unknown as Response
        context.finalized = false
      }
      context.req.raw = unconditional(request)
      await next()
      // Asked for, the response of a context without one would be an empty 200.
      if (!context.finalized) throw new NotFinalized()
      const read = await readWhole(context.res, maxBodyBytes)
      if (!(read instanceof Response)) return read
      streamed = read
      return 'streamed'
    }
    const decided = cache.serve(describe(request), request, produce)
    const served = decided instanceof Promise ? await decided.catch(unfinalized) : decided
    isAnswered = true
    // Hono says what is wrong with it.
    if (served === undefined) return undefined
    if (served.kind === 'answer') return replaced(context, toResponse(served.answer))
    if (served.kind === 'streamed' && streamed !== undefined) return replaced(context, streamed)
    await next()
    if (served.kind === 'pass' && context.finalized) context.res.headers.append('cache-status', served.cacheStatus)
    return undefined
  }
}

/** A handler that has returned no response. */
class NotFinalized extends Error {
  override readonly name = 'NotFinalized'
}

function unfinalized(error: unknown): undefined {
  if (!(error instanceof NotFinalized)) throw error
}

// Hono joins the fields of a response with those of the one it replaces, unless there is none.
function replaced(context: HonoContextLike, response: Response): Response {
  context.res = undefined as unknown as Response
  context.res = response
  return response
}
