import { createTopKeys } from '../observe/top-keys.js'
import { channelNamed } from '../runtime/channels.js'
import { json, Refusal, refused } from './answer.js'
import { type Authorize, createAuthorize, isCrossSite } from './authorize.js'
import { readBody } from './body.js'
import { type Change, clearChange, forgetChange, invalidateChange } from './changes.js'
import { type Desk, health, keys, metrics, registry, runs, schemas, stats } from './endpoints.js'
import { createLive, type Live } from './live.js'
import {
  type AdminAction,
  type AdminOptions,
  type AdminStash,
  type AuditEvent,
  type ResolvedAdminOptions,
  resolveAdminOptions,
} from './options.js'
import { page } from './page.js'
import { createRate, type Rate } from './rate.js'
import { createRunHistory } from './run-history.js'

/** Name of the diagnostics channel on which every change is published as an {@link AuditEvent}. */
export const ADMIN_CHANNEL = 'hopstash:admin'

/** A WHATWG handler. */
export type AdminHandler = (request: Request) => Promise<Response>

type Read = (desk: Desk, url: URL, request: Request) => Response

interface Endpoint {
  readonly path: string
  readonly action: AdminAction
  /** What its query may hold. */
  readonly query: readonly string[]
  readonly read?: Read
  readonly change?: (stash: AdminStash, url: URL, body: Readonly<Record<string, unknown>> | undefined) => Change
}

/** Failed proofs of identity in a minute, of all clients together; good tokens pass whatever others try. */
const FAILURES_PER_MINUTE = 120

/**
 * Makes the handler of a stash's admin surface: statistics, health, last runs, metrics, a dashboard, and changes.
 *
 * Closed by default: nothing but the empty page at `/` is answered without the token, or without what `authorize` says.
 * Changes are `POST` only and refused from other sites' pages. Answers hold no value, no raw key and no stack, and no
 * cache keeps them. Never rejects.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`, also where neither `token` nor `authorize` is given
 * @example
 * import { createStash } from 'hopstash'
 * import { adminHandler } from 'hopstash/admin'
 * const handler = adminHandler(createStash(), { token: 'a-long-secret-token' })
 * const url = 'http://localhost/api/cache/stats'
 * const closed = await handler(new Request(url))
 * closed.status // => 401
 * const open = await handler(new Request(url, { headers: { authorization: 'Bearer a-long-secret-token' } }))
 * const { caches } = (await open.json()) as { caches: Record<string, { hit_rate: string }> }
 * caches.template_cache?.hit_rate // => '0.00%'
 */
export function adminHandler(stash: AdminStash, options: AdminOptions): AdminHandler {
  const resolved = resolveAdminOptions(options)
  const topKeys = createTopKeys()
  const site: Site = {
    desk: { stash, options: resolved, history: createRunHistory(resolved.pipelines) },
    endpoints: endpointsWith(createLive(topKeys)),
    authorize: createAuthorize(resolved),
    failures: createRate(resolved.clock, FAILURES_PER_MINUTE),
    changes: createRate(resolved.clock, resolved.maxChangesPerMinute),
  }
  return async (request) => bodiless(request, await answer(site, request).catch(failed))
}

interface Site {
  readonly desk: Desk
  readonly endpoints: readonly Endpoint[]
  readonly authorize: Authorize
  readonly failures: Rate
  readonly changes: Rate
}

function endpointsWith(live: Live): readonly Endpoint[] {
  const look = (path: string, read: Read, query: readonly string[] = []): Endpoint => ({
    path,
    action: 'read',
    query,
    read,
  })
  return [
    look('/stats', stats),
    look('/health/keys', keys),
    look('/health', health),
    look('/keys', keys),
    look('/runs', runs, ['limit']),
    look('/metrics', metrics),
    look('/registry', registry),
    look('/schemas', schemas),
    look('/live', (desk, _url, request) => live.open(desk, request.signal)),
    { path: '/clear', action: 'clear', query: ['cache_type'], change: clearChange },
    { path: '/invalidate', action: 'invalidate', query: ['cache_type'], change: invalidateChange },
    { path: '/forget', action: 'forget', query: [], change: (stash, _url, body) => forgetChange(stash, body) },
  ]
}

function failed(error: unknown): Response {
  if (error instanceof Refusal) return refused(error)
  // What went wrong may quote a key; its reader is told that it did, and the log of the host is told by the audit.
  return json({ status: 'error', error: { code: 'failed', message: 'The request failed here.' } }, 500)
}

async function answer(site: Site, request: Request): Promise<Response> {
  const url = new URL(request.url)
  const path = pathBelow(url.pathname, site.desk.options.basePath, site.endpoints)
  // The page is an empty shell: it holds nothing, and asks for the token itself.
  if (path === '/' && (request.method === 'GET' || request.method === 'HEAD')) return page()
  const endpoint = site.endpoints.find((one) => one.path === path)
  await admit(site, request, endpoint?.action ?? 'read')
  if (endpoint === undefined) {
    if (path === '/') throw notAllowed('GET, HEAD')
    throw new Refusal(404, 'not_found', 'There is no such endpoint.')
  }
  checkMethod(request, endpoint)
  checkQuery(url, endpoint)
  if (endpoint.read !== undefined) return endpoint.read(site.desk, url, request)
  return carryOut(site, request, url, endpoint)
}

async function carryOut(site: Site, request: Request, url: URL, endpoint: Endpoint): Promise<Response> {
  const { desk, changes } = site
  const action = endpoint.action as AuditEvent['action']
  if (isCrossSite(request)) {
    audit(desk.options, action, null, 'refused')
    throw new Refusal(403, 'cross_site', 'Changes are not accepted from the pages of other sites.')
  }
  const waitS = changes.take()
  if (waitS !== undefined) throw tooMany(waitS)
  const body = await readBody(request, desk.options.clock)
  const change = (endpoint.change as NonNullable<Endpoint['change']>)(desk.stash, url, body)
  try {
    const response = await change.run()
    audit(desk.options, action, change.namespace, 'done')
    return response
  } catch (error) {
    audit(desk.options, action, change.namespace, 'failed')
    throw asRefusal(error)
  }
}

async function admit({ authorize, failures, desk }: Site, request: Request, action: AdminAction): Promise<void> {
  if (await authorize(request, action)) return
  const waitS = failures.take()
  if (waitS !== undefined) throw tooMany(waitS)
  audit(desk.options, 'unauthorized', null, 'refused')
  throw new Refusal(401, 'unauthorized', 'Expected a bearer token that fits.', { 'www-authenticate': 'Bearer' })
}

function checkMethod(request: Request, endpoint: Endpoint): void {
  const allowed = endpoint.read === undefined ? ['POST'] : ['GET', 'HEAD']
  if (!allowed.includes(request.method)) throw notAllowed(allowed.join(', '))
}

function checkQuery(url: URL, { query }: Endpoint): void {
  const names = [...url.searchParams.keys()]
  if (names.some((name) => !query.includes(name)))
    throw new Refusal(400, 'query', `Expected no other query than ${query.join(', ') || 'none'}.`)
  if (new Set(names).size < names.length) throw new Refusal(400, 'query', 'Expected each parameter once.')
}

// Without a base path the end of the path decides, whatever the prefix is that the handler is mounted at.
function pathBelow(pathname: string, basePath: string | undefined, endpoints: readonly Endpoint[]): string | undefined {
  if (basePath !== undefined) {
    if (pathname === basePath) return '/'
    return pathname.startsWith(`${basePath}/`) ? pathname.slice(basePath.length) : undefined
  }
  if (pathname.endsWith('/')) return '/'
  return endpoints.find(({ path }) => pathname.endsWith(path))?.path
}

function asRefusal(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined
  if (code === 'ERR_KEY_UNSUPPORTED' || code === 'ERR_SCOPE_REQUIRED' || code === 'ERR_OPTION_INVALID')
    return new Refusal(400, code, 'The key, the scope or the tags cannot be used.')
  if (code === 'ERR_STORE_UNCONFIRMED') return new Refusal(503, code, 'The shared store did not confirm it.')
  return error
}

function audit(
  { onAudit, clock }: ResolvedAdminOptions,
  action: AuditEvent['action'],
  namespace: string | null,
  outcome: AuditEvent['outcome'],
): void {
  const event: AuditEvent = { at: new Date(clock.wall()).toISOString(), action, namespace, outcome }
  const channel = channelNamed(ADMIN_CHANNEL)
  if (channel.hasSubscribers) channel.publish(event)
  // Typed as `void`, it may be async all the same.
  const told = async (): Promise<void> => onAudit?.(event)
  told().catch(() => undefined)
}

function bodiless(request: Request, response: Response): Response {
  if (request.method !== 'HEAD') return response
  response.body?.cancel().catch(() => undefined)
  return new Response(null, response)
}

function notAllowed(allow: string): Refusal {
  return new Refusal(405, 'method_not_allowed', `Expected ${allow}.`, { allow })
}

function tooMany(waitS: number): Refusal {
  return new Refusal(429, 'too_many', 'Too many requests; try again later.', { 'retry-after': String(waitS) })
}
