import type { RoutePolicy, RouteRequest } from './route-options.js'

/** Under what a request's response is kept, or why it is not. */
export type RouteKey =
  | { readonly key: unknown; readonly owner: string | undefined; readonly isPrivate: boolean }
  | { readonly bypass: 'method' | 'body' | 'range' | 'when' | 'credentials' | 'owner' | 'callback' }

/**
 * Decides whether a request may be answered from the cache, and under what key.
 *
 * A request with credentials is somebody's: it passes through unless `shared`, or unless `vary` covers what it carries.
 *
 * @see RFC 9111 section 3.5
 */
export function routeKey<Req>(policy: RoutePolicy<Req>, request: RouteRequest, given: Req): RouteKey {
  if (request.method !== 'GET' && request.method !== 'HEAD') return { bypass: 'method' }
  if (request.header('range') !== undefined) return { bypass: 'range' }
  if (hasBody(request)) return { bypass: 'body' }
  try {
    const isWanted: unknown = policy.when === undefined || policy.when(given)
    if (!isWanted) return { bypass: 'when' }
    // A promise says neither yes nor no.
    if (typeof isWanted === 'object') return { bypass: 'callback' }
    const owner = policy.owner?.(given)
    if (policy.owner !== undefined && (typeof owner !== 'string' || owner === '')) return { bypass: 'owner' }
    if (!policy.shared && owner === undefined && !coversCredentials(policy, request)) return { bypass: 'credentials' }
    const isPrivate = owner !== undefined || carriesCredentials(policy.varyHeaders)
    return { key: keyOf(policy, request, given, owner), owner, isPrivate }
  } catch {
    // The host's function failed: its handler must not, and no guess is made about what is the same.
    return { bypass: 'callback' }
  }
}

// Of most routes the address alone: a short text needs no digest. An array is another key than any text.
function keyOf<Req>(policy: RoutePolicy<Req>, request: RouteRequest, given: Req, owner: string | undefined): unknown {
  const { varyHeaders } = policy
  if (policy.key === undefined && varyHeaders.length === 0 && owner === undefined) return addressOf(policy, request)
  const address = policy.key === undefined ? addressOf(policy, request) : [told(policy.key(given))]
  return [address, varyHeaders.map((name) => request.header(name) ?? null), owner ?? null]
}

// A name that is misspelt is `undefined` for everybody, and would be one key for all.
function told(key: unknown): unknown {
  if (key === undefined || key === null) throw new TypeError('Expected a key.')
  return key
}

/**
 * Host, path and query in one spelling; the order of parameters does not matter, that of one name's values does.
 *
 * No path has a space, so no host can be spelt to look like another one's path.
 */
function addressOf<Req>({ query }: RoutePolicy<Req>, request: RouteRequest): string {
  const { search } = request
  const path = `${request.host.toLowerCase()} ${request.path}`
  if (search.length < 2) return path
  // Bytes that are no text read alike: handlers that look closer may tell them apart.
  if (!isText(search)) return path + search
  const pairs = [...new URLSearchParams(search)].filter(([name]) => query === undefined || query.includes(name))
  pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs)}`
}

function isText(search: string): boolean {
  if (!search.includes('%')) return true
  try {
    decodeURIComponent(search)
    return true
  } catch {
    return false
  }
}

function coversCredentials<Req>({ varyHeaders }: RoutePolicy<Req>, request: RouteRequest): boolean {
  return CREDENTIALS.every((name) => request.header(name) === undefined || varyHeaders.includes(name))
}

function carriesCredentials(names: readonly string[]): boolean {
  return names.some((name) => CREDENTIALS.includes(name))
}

const CREDENTIALS: readonly string[] = ['authorization', 'cookie']

function hasBody(request: RouteRequest): boolean {
  return request.header('transfer-encoding') !== undefined || Number(request.header('content-length') ?? 0) > 0
}
