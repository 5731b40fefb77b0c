import { cacheStatus } from '../cache/cache-status.js'
import type { RecordOptions, RecordOutcome, Records } from '../cache/records.js'
import { createSystemClock } from '../runtime/clock.js'
import { ownLifetime } from './freshness.js'
import { type KeptResponse, keptOf, type Unfit, unfit, type WholeResponse } from './kept-response.js'
import { type Answer, type Answers, createAnswers, plainAnswer } from './route-answer.js'
import { createRouteKeys, type Keyed } from './route-key.js'
import { type RouteOptions, type RoutePolicy, type RouteRequest, resolveRoute } from './route-options.js'
import { createRouteWarnings, type RouteWarnings, Unusable } from './route-warnings.js'

/** What a handler came to: a whole response, or one that goes to its own client only, as it comes. */
export type Produced = WholeResponse | 'streamed'

/** What a framework does for one request. */
export interface Handling {
  /**
   * Runs the handler behind the route. Called at most once; its rejection is the handler's, and reaches everybody who waits
   * for it unless a stale response stands in. With `hasOld` it may be a refresh behind an answer that is given meanwhile.
   */
  produce(hasOld: boolean): Promise<Produced>
  /**
   * Gives the request that ran the handler its answer before anybody else may have it, unless it has one already; tells
   * whether a cookie went out with it, which nobody can know any sooner.
   */
  deliver?(answer: Answer): boolean | Promise<boolean>
}

/** How a request is to be answered. */
export type Served =
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** The handler has answered its own client already, while this was decided. */
  | { readonly kind: 'streamed' }
  /** The handler answers, uncached; `cacheStatus` says why. */
  | { readonly kind: 'pass'; readonly cacheStatus: string }

/** The cache of one route, for any framework. */
export interface RouteCache<Req> {
  /** What is fresh in memory is answered at once, as is what passes; all else has a key to ask {@link RouteCache.load} by. */
  decide(request: RouteRequest, given: Req): Served | Keyed
  /** What is kept elsewhere, is being made, or has to be made. */
  load(request: RouteRequest, given: Req, key: Keyed, handling: Handling): Promise<Served>
}

/** A record of a route: a response, or why there is none to share. */
type RouteRecord = { readonly kept: KeptResponse } | { readonly own: Unfit | 'size' }

/**
 * Makes the cache of one route.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 */
export function createRouteCache<Req>(options: RouteOptions<Req>): RouteCache<Req> {
  const policy = resolveRoute(options)
  const records = policy.in.records<RouteRecord>(policy.name)
  const warnings = createRouteWarnings(policy)
  const route: Route<Req> = {
    policy,
    records,
    warnings,
    answers: createAnswers(policy),
    wall: createSystemClock().wall,
  }
  const keyOf = createRouteKeys(policy, warnings)
  const hitOf = createHits(records)
  return {
    decide(request, given) {
      const key = keyOf(request, given)
      if (key.kind === 'bypass') return passed(key.why)
      const hit = hitOf(key)
      if (hit === undefined || !('kept' in hit.value)) return key
      return { kind: 'answer', answer: route.answers.of(request, hit, hit.value.kept) }
    },
    // A HEAD response has no body to keep; it is answered from what GET left.
    load: (request, given, key, handling) =>
      request.method === 'HEAD' ? serveHead(route, request, key) : serveGet(route, request, given, key, handling),
  }
}

// Forgotten with the key.
function createHits<R>(records: Records<R>): (key: Keyed) => RecordOutcome<R> | undefined {
  const lasting = new WeakMap<Keyed, () => RecordOutcome<R> | undefined>()
  return (key) => {
    if (!key.isLasting) return records.hit(key.key)
    const known = lasting.get(key)
    if (known !== undefined) return known()
    const hit = records.hitOf(key.key)
    lasting.set(key, hit)
    return hit()
  }
}

interface Route<Req> {
  readonly policy: RoutePolicy<Req>
  readonly records: Records<RouteRecord>
  readonly warnings: RouteWarnings
  readonly answers: Answers
  wall(): number
}

async function serveGet<Req>(
  route: Route<Req>,
  request: RouteRequest,
  given: Req,
  key: Keyed,
  handling: Handling,
): Promise<Served> {
  const { policy, records, answers, warnings, wall } = route
  const tags = tagsOf(policy, warnings, request, given)
  // What nobody can invalidate is not kept.
  if (tags === undefined) return passed('callback')
  // What is not for everybody who waits stays here, with the request that made it.
  let own: Produced | undefined
  try {
    const outcome = await records.load(
      key.key,
      async ({ stale, setTtl }) => {
        own = await handling.produce(stale !== undefined)
        const seconds = policy.ttl === undefined && own !== 'streamed' ? ownLifetime(own.headers, wall()) : undefined
        if (seconds !== undefined) setTtl(seconds * 1000)
        return recordOf(route, request, own, stale !== undefined, handling)
      },
      { ...recordOptions(policy, key), tags },
    )
    const { value } = outcome
    if ('kept' in value) return { kind: 'answer', answer: answers.of(request, outcome, value.kept) }
    // A refresh behind may have been streamed to nobody while this answer is somebody else's.
    return own === undefined ? passed(value.own) : ownAnswer(request, own, value.own)
  } catch (error) {
    if (!(error instanceof FailedResponse)) throw error
    if (own === undefined && error.hasCookie) return passed('set-cookie')
    return { kind: 'answer', answer: failedAnswer(request, error.response) }
  }
}

async function serveHead<Req>(
  { policy, records, answers }: Route<Req>,
  request: RouteRequest,
  key: Keyed,
): Promise<Served> {
  try {
    const options = { ...recordOptions(policy, key), onlyIfCached: true }
    const outcome = await records.load(key.key, () => Promise.reject(new Error('never called')), options)
    const { value } = outcome
    if ('kept' in value) return { kind: 'answer', answer: answers.of(request, outcome, value.kept) }
  } catch {
    // Nothing is kept: the handler answers.
  }
  return passed('method')
}

function recordOptions<Req>(policy: RoutePolicy<Req>, { owner }: Keyed): RecordOptions<RouteRecord> {
  const { ttl, staleWhileRevalidate, staleIfError } = policy
  return {
    standIn: true,
    cacheable: (record) => 'kept' in record,
    ...(ttl !== undefined && { ttl }),
    ...(staleWhileRevalidate !== undefined && { staleWhileRevalidate }),
    ...(staleIfError !== undefined && { staleIfError }),
    ...(owner !== undefined && { subject: owner }),
  }
}

function tagsOf<Req>(
  { tags = [] }: RoutePolicy<Req>,
  warnings: RouteWarnings,
  request: RouteRequest,
  given: Req,
): readonly string[] | undefined {
  if (typeof tags !== 'function') return tags
  try {
    const named: unknown = tags(given)
    if (!Array.isArray(named)) throw new Unusable(named)
    const odd: unknown[] = named.filter((tag) => typeof tag !== 'string' || tag === '')
    if (odd.length > 0) throw new Unusable(odd[0])
    return named
  } catch (error) {
    warnings.callback(request, 'tags', error)
    return undefined
  }
}

async function recordOf<Req>(
  { policy, answers }: Route<Req>,
  request: RouteRequest,
  produced: Produced,
  hasOld: boolean,
  handling: Handling,
): Promise<RouteRecord> {
  if (produced === 'streamed') return { own: 'size' }
  if (produced.status >= 500) {
    // A failing upstream fails once for all who wait, and an old response stands in where one is allowed.
    const wentOut = hasOld ? undefined : await handling.deliver?.(failedAnswer(request, produced))
    throw new FailedResponse(produced, wentOut === true)
  }
  const why = unfit(produced, policy)
  if (why !== undefined) return { own: why }
  const kept = keptOf(produced)
  if (handling.deliver === undefined) return { kept }
  const status = hasOld ? 'revalidated' : 'miss'
  const answer = answers.of(request, { value: undefined, status, ageMs: 0 }, kept)
  return (await handling.deliver(answer)) ? { own: 'set-cookie' } : { kept }
}

/** A response that counts as a failed load. */
class FailedResponse extends Error {
  override readonly name = 'FailedResponse'
  readonly response: WholeResponse
  readonly hasCookie: boolean

  constructor(response: WholeResponse, wentOutWithCookie: boolean) {
    super(`The handler answered ${response.status}.`)
    this.response = response
    this.hasCookie = wentOutWithCookie || response.headers.some(([name]) => name === 'set-cookie')
  }
}

function failedAnswer(request: RouteRequest, response: WholeResponse): Answer {
  return plainAnswer(request, response, `${cacheStatus({ status: 'miss' })}; detail="status"`)
}

function ownAnswer(request: RouteRequest, own: Produced, why: string): Served {
  if (own === 'streamed') return { kind: 'streamed' }
  return { kind: 'answer', answer: plainAnswer(request, own, statusOfPass(why)) }
}

function passed(why: string): Served {
  return { kind: 'pass', cacheStatus: statusOfPass(why) }
}

function statusOfPass(why: string): string {
  return `${cacheStatus({ status: 'bypass' })}; detail="${why}"`
}
