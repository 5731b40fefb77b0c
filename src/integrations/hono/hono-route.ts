import type { ServerResponse } from 'node:http'
import { describe, readWhole, responseOf, toResponse, unconditional, withStatus } from '../../routes/cached-handler.js'
import { ownPairs } from '../../routes/captured-headers.js'
import type { Answer } from '../../routes/route-answer.js'
import { createRouteCache, type Produced, type Served } from '../../routes/route-cache.js'
import type { RouteOptions } from '../../routes/route-options.js'
import { sentCookie } from '../../routes/sent-head.js'
import { namesIn } from '../../routes/vary.js'
import { nextTurn } from '../../runtime/next-turn.js'

/** The part of Hono's context that is used. */
export interface HonoContextLike {
  readonly req: {
    raw: Request
    readonly routeIndex?: number
    readonly routePath?: string
    readonly path?: string
    readonly matchedRoutes?: readonly { readonly handler: unknown }[]
  }
  readonly env: unknown
  res: Response
  finalized: boolean
  body(data: null): Response
}

/** What comes after the route: its response, or `undefined` where it has made none. */
type Run = () => Promise<Response | undefined>

const DEFAULT_MAX_BODY = 1024 * 1024

/** The route behind both forms of `cacheRoute`. @throws {OptionError} `ERR_OPTION_INVALID` */
export function createHonoRoute(
  options: RouteOptions<Request>,
): (context: HonoContextLike, run: Run, self: unknown) => Response | Promise<Response | undefined> {
  const cache = createRouteCache(options)
  const maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY
  return (context, run, self) => {
    const { raw } = context.req
    const before = isFirst(context, self) ? undefined : context.body(null).headers
    const about = describe(raw, context.req, askedPathOf(context.env))
    const decided = cache.decide(about, raw)
    if (decided.kind === 'answer') {
      const response = respond(decided.answer, before)
      return before === undefined ? response : reply(context, response)
    }
    const passage = new Passage(context, run, maxBodyBytes, before)
    if (decided.kind !== 'key') return passage.settle(decided)
    return passage.first(cache.load(about, raw, decided, passage))
  }
}

// Among several that are made one, as by `every`, the first is not the first of all.
function isFirst({ req: { routeIndex, matchedRoutes } }: HonoContextLike, self: unknown): boolean {
  if (routeIndex !== 0 || matchedRoutes === undefined) return false
  return matchedRoutes.length === 1 || matchedRoutes[0]?.handler === self
}

function respond(answer: Answer, before: Headers | undefined): Response {
  if (before === undefined) return toResponse(answer)
  const headers = new Headers(before)
  const own = new Set<string>()
  for (let index = 0; index + 1 < answer.fields.length; index += 2) {
    const name = answer.fields[index] as string
    const value = answer.fields[index + 1] as string
    if (name === 'vary') headers.set(name, namesIn([headers.get(name), value]).join(', '))
    else if (own.has(name)) headers.append(name, value)
    else headers.set(name, value)
    own.add(name)
  }
  // Servers tell it: middleware around the route may yet send another body in its place, with these fields.
  if (answer.body !== null) headers.delete('content-length')
  return toResponse({ ...answer, headers })
}

// Hono joins the fields of a response with those of the one it replaces, unless there is none.
function reply(context: HonoContextLike, response: Response): Response {
  context.res = undefined as unknown as Response
  context.res = response
  return response
}

/** One request on its way through a route. */
class Passage {
  readonly #context: HonoContextLike
  readonly #run: Run
  readonly #maxBodyBytes: number
  /** Fields that were set before the route; `undefined` where nobody comes before it. */
  #before: Headers | undefined
  #streamed: Response | undefined
  #isAnswered = false
  #isDelivered = false
  /** A cookie went out with an old response. */
  #hadCookie = false
  #give: (response: Response) => void = () => {}

  constructor(context: HonoContextLike, run: Run, maxBodyBytes: number, before: Headers | undefined) {
    this.#context = context
    this.#run = run
    this.#maxBodyBytes = maxBodyBytes
    this.#before = before
  }

  /** What is delivered, or what is decided: whatever comes first. */
  first(decided: Promise<Served>): Promise<Response | undefined> {
    const settled = this.settle(decided)
    if (this.#before === undefined) return settled
    return Promise.race([new Promise<Response>((resolve) => (this.#give = resolve)), settled])
  }

  async produce(hasOld: boolean): Promise<Produced> {
    const context = this.#context
    if (hasOld) await nextTurn()
    if (this.#isAnswered) await this.#beginAnew()
    // A copy: the handler's own fields go where those from before it are.
    if (this.#before !== undefined) this.#before = new Headers(this.#before)
    context.req.raw = unconditional(context.req.raw)
    const response = await this.#run()
    // Asked for, the response of a context without one would be an empty 200.
    if (response === undefined) throw new NotFinalized()
    const read = await readWhole(responseOf(response), this.#maxBodyBytes)
    if (!(read instanceof Response))
      return this.#before === undefined ? read : { ...read, headers: ownPairs(read.headers, this.#before) }
    this.#streamed = read
    return 'streamed'
  }

  // Middleware around the route may add a cookie once the route has answered.
  async deliver(answer: Answer): Promise<boolean> {
    if (this.#before === undefined || this.#isAnswered) return this.#hadCookie
    this.#isAnswered = true
    this.#isDelivered = true
    this.#give(reply(this.#context, respond(answer, this.#before)))
    return this.#sentCookie()
  }

  async settle(decided: Served | Promise<Served>): Promise<Response | undefined> {
    const served = await this.#decided(decided)
    if (this.#isDelivered) return undefined
    this.#isAnswered = true
    // Hono says what is wrong with it.
    if (served === undefined) return undefined
    if (served.kind === 'answer') return reply(this.#context, respond(served.answer, this.#before))
    if (served.kind === 'streamed' && this.#streamed !== undefined) return reply(this.#context, this.#streamed)
    const response = await this.#run()
    if (response === undefined) return undefined
    return reply(this.#context, served.kind === 'pass' ? withStatus(response, served.cacheStatus) : response)
  }

  async #decided(decided: Served | Promise<Served>): Promise<Served | undefined> {
    try {
      return await decided
    } catch (error) {
      if (this.#isDelivered || error instanceof NotFinalized) return undefined
      throw error
    }
  }

  // Hono takes no second response for a context: it begins anew once its first one is on its way.
  async #beginAnew(): Promise<void> {
    const context = this.#context
    if (this.#before !== undefined) this.#hadCookie = await this.#sentCookie()
    context.finalized = false
    context.res = undefined as unknown as Response
    context.finalized = false
  }

  // Where the server is none of Node's, or the client has left, a turn of the event loop is given to the middleware around the route.
  async #sentCookie(): Promise<boolean> {
    const outgoing = outgoingOf(this.#context.env)
    const hasCookie = (): boolean => this.#context.res.headers.has('set-cookie')
    if (outgoing !== undefined && !outgoing.destroyed) return sentCookie(outgoing, hasCookie)
    await nextTurn()
    return hasCookie()
  }
}

// `mount` leaves the app behind it a URL without the prefix: only its server knows the whole.
function askedPathOf(env: unknown): string | undefined {
  const url = (env as { readonly incoming?: { readonly url?: unknown } } | null | undefined)?.incoming?.url
  return typeof url === 'string' ? url.split('?', 1)[0] : undefined
}

function outgoingOf(env: unknown): ServerResponse | undefined {
  const outgoing = (env as { readonly outgoing?: ServerResponse } | null | undefined)?.outgoing
  return typeof outgoing?.writeHead === 'function' ? outgoing : undefined
}

/** A handler that has returned no response. */
class NotFinalized extends Error {
  override readonly name = 'NotFinalized'
}
