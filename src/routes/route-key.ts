import { CREDENTIALS, type RoutePolicy, type RouteRequest } from './route-options.js'

/** Under what a request's response is kept, or why it is not. */
export type RouteKey =
  | { readonly kind: 'key'; readonly key: unknown; readonly owner: string | undefined }
  | { readonly kind: 'bypass'; readonly why: Bypass }

type Bypass = 'method' | 'body' | 'range' | 'when' | 'credentials' | 'owner' | 'callback'

/**
 * Decides whether a request may be answered from the cache, and under what key.
 *
 * A request with credentials is somebody's: it passes through unless `shared`, or unless `vary` covers what it carries.
 *
 * @see RFC 9111 section 3.5
 */
export function createRouteKeys<Req>(policy: RoutePolicy<Req>): (request: RouteRequest, given: Req) => RouteKey {
  const addressOf = createAddresses(policy.query)
  return (request, given) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return bypass('method')
    if (request.header('range') !== undefined) return bypass('range')
    if (hasBody(request)) return bypass('body')
    try {
      const isWanted: unknown = policy.when === undefined || policy.when(given)
      if (!isWanted) return bypass('when')
      // A promise says neither yes nor no.
      if (typeof isWanted === 'object') return bypass('callback')
      const owner = policy.owner?.(given)
      if (policy.owner !== undefined && (typeof owner !== 'string' || owner === '')) return bypass('owner')
      if (!policy.shared && owner === undefined && !coversCredentials(policy, request)) return bypass('credentials')
      return { kind: 'key', key: keyOf(policy, addressOf, request, given, owner), owner }
    } catch {
      // The host's function failed: its handler must not, and no guess is made about what is the same.
      return bypass('callback')
    }
  }
}

function bypass(why: Bypass): RouteKey {
  return { kind: 'bypass', why }
}

// Of most routes the address alone: a short text needs no digest. An array is another key than any text.
function keyOf<Req>(
  { key, varyHeaders }: RoutePolicy<Req>,
  addressOf: (request: RouteRequest) => string,
  request: RouteRequest,
  given: Req,
  owner: string | undefined,
): unknown {
  if (key === undefined && varyHeaders.length === 0 && owner === undefined) return addressOf(request)
  const address = key === undefined ? addressOf(request) : [told(key(given))]
  return [address, varyHeaders.map((name) => request.header(name) ?? null), owner ?? null]
}

// A name that is misspelt is `undefined` for everybody, and would be one key for all.
function told(key: unknown): unknown {
  if (key === undefined || key === null) throw new TypeError('Expected a key.')
  return key
}

/** Queries whose spelling is remembered, and how long one of them may be. */
const REMEMBERED = 128
const MAX_REMEMBERED_LENGTH = 512

/**
 * Host, path and query in one spelling; the order of parameters does not matter, that of one name's values does.
 *
 * No path has a space, so no host can be spelt to look like another one's path.
 */
function createAddresses(query: readonly string[] | undefined): (request: RouteRequest) => string {
  // To parse a query costs more than all else of a hit.
  const spellings = new Map<string, string>()
  const spelling = (search: string): string => {
    const known = spellings.get(search)
    if (known !== undefined) return known
    const spelt = spellingOf(search, query)
    if (search.length > MAX_REMEMBERED_LENGTH) return spelt
    if (spellings.size >= REMEMBERED) spellings.clear()
    spellings.set(search, spelt)
    return spelt
  }
  return ({ host, path, search }) => {
    const address = `${host.toLowerCase()} ${path}`
    return search.length < 2 ? address : address + spelling(search)
  }
}

function spellingOf(search: string, query: readonly string[] | undefined): string {
  // Bytes that are no text read alike: handlers that look closer may tell them apart.
  if (!isText(search)) return search
  const pairs = [...new URLSearchParams(search)].filter(([name]) => query === undefined || query.includes(name))
  pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`
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
  for (const name of CREDENTIALS) if (request.header(name) !== undefined && !varyHeaders.includes(name)) return false
  return true
}

function hasBody(request: RouteRequest): boolean {
  if (request.hasBody === true || request.header('transfer-encoding') !== undefined) return true
  return Number(request.header('content-length') ?? 0) > 0
}
