import { isThenable } from '../runtime/thenable.js'
import { CREDENTIALS, type RoutePolicy, type RouteRequest } from './route-options.js'
import { type RouteCallback, type RouteWarnings, Unusable } from './route-warnings.js'

/** Under what a request's response is kept. */
export interface Keyed {
  readonly kind: 'key'
  readonly key: unknown
  readonly owner: string | undefined
  /** This is the key of every request that reads alike, so that something can be kept with it. */
  readonly isLasting: boolean
}

/** Under what a request's response is kept, or why it is not. */
export type RouteKey = Keyed | { readonly kind: 'bypass'; readonly why: Bypass }

type Bypass = 'method' | 'body' | 'range' | 'upgrade' | 'when' | 'credentials' | 'owner' | 'callback'

/**
 * Decides whether a request may be answered from the cache, and under what key.
 *
 * A request with credentials is somebody's: it passes through unless `shared`, or unless `vary` covers what it carries.
 *
 * @see RFC 9111 section 3.5
 */
export function createRouteKeys<Req>(
  policy: RoutePolicy<Req>,
  warnings: RouteWarnings,
): (request: RouteRequest, given: Req) => RouteKey {
  const addressOf = createAddresses(policy.query)
  return (request, given) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return bypass('method')
    if (request.header('range') !== undefined) return bypass('range')
    // Its handler takes the connection over, each its own; that of a client that offers HTTP/2 does not.
    if (/websocket/i.test(request.header('upgrade') ?? '')) return bypass('upgrade')
    if (hasBody(request)) return bypass('body')
    let option: RouteCallback = 'when'
    try {
      const isWanted: unknown = policy.when === undefined || policy.when(given)
      if (!isWanted) return bypass('when')
      // A promise says neither yes nor no.
      if (typeof isWanted === 'object') throw new Unusable(isWanted)
      option = 'vary'
      const owner = policy.owner === undefined ? undefined : ownerOf(policy.owner(given))
      if (policy.owner !== undefined && owner === undefined) return bypass('owner')
      const exposed = policy.shared || owner !== undefined ? undefined : exposedBy(policy, request)
      if (exposed !== undefined) {
        warnings.credentials(request, exposed)
        return bypass('credentials')
      }
      option = 'key'
      const told = policy.key === undefined ? undefined : keyTold(policy.key(given))
      if (policy.key !== undefined && told === undefined) return bypass('callback')
      return keyOf(policy, addressOf, request, told, owner)
    } catch (error) {
      // The host's function failed: its handler must not, and no guess is made about what is the same.
      warnings.callback(request, option, error)
      return bypass('callback')
    }
  }
}

function ownerOf(owner: unknown): string | undefined {
  if (owner === undefined || owner === null) return undefined
  if (typeof owner !== 'string' || owner === '') throw new Unusable(owner)
  return owner
}

// What is missing is the same for everybody, and would be one key for all; a promise tells nothing yet.
function keyTold(key: unknown): unknown {
  if (key === undefined || key === null) return undefined
  const isUsable = key !== '' && !Number.isNaN(key) && typeof key !== 'function' && typeof key !== 'symbol'
  if (!isUsable || isThenable(key)) throw new Unusable(key)
  return key
}

function bypass(why: Bypass): RouteKey {
  return { kind: 'bypass', why }
}

// Of most routes the address alone: a short text needs no digest. An array is another key than any text.
function keyOf<Req>(
  { key, isNamed, varyHeaders }: RoutePolicy<Req>,
  addressOf: (request: RouteRequest) => Address,
  request: RouteRequest,
  told: unknown,
  owner: string | undefined,
): Keyed {
  if (key === undefined && varyHeaders.length === 0 && owner === undefined) return addressOf(request)
  // Without a name the path belongs to it: the constant key of another route must not be the same.
  const own = isNamed ? [told] : [told, request.path]
  const address = key === undefined ? addressOf(request).key : own
  const parts = [address, varyHeaders.map((name) => request.header(name) ?? null), owner ?? null]
  return { kind: 'key', key: parts, owner, isLasting: false }
}

/** Addresses that are remembered, and how long one of them may be. */
const REMEMBERED = 256
const MAX_REMEMBERED_LENGTH = 512

/** A key that is nothing but an address. */
interface Address extends Keyed {
  readonly key: string
}

/**
 * Scheme, host, path and query in one spelling; the order of parameters does not matter, that of one name's values does.
 *
 * No path has a space, so no host can be spelt to look like another one's path.
 */
function createAddresses(query: readonly string[] | undefined): (request: RouteRequest) => Address {
  // To parse a query costs more than all else of a hit, and to make a text of parts more than to look one up.
  const known = new Map<string, Address>()
  return (request) => {
    const whole = request.url ?? `${originOf(request)} ${request.path}${request.search}`
    const found = known.get(whole)
    if (found !== undefined) return found
    const isLasting = whole.length <= MAX_REMEMBERED_LENGTH
    const address: Address = { kind: 'key', key: addressOf(request, query), owner: undefined, isLasting }
    if (!isLasting) return address
    if (known.size >= REMEMBERED) known.clear()
    known.set(whole, address)
    return address
  }
}

function addressOf(request: RouteRequest, query: readonly string[] | undefined): string {
  const { path, search } = request
  const address = `${originOf(request)} ${path}`
  return search.length < 2 ? address : address + spellingOf(search, query)
}

// No host has an end of line.
function originOf({ host, isSecure }: RouteRequest): string {
  return isSecure === true ? `${host.toLowerCase()}\nhttps` : host.toLowerCase()
}

/** Parsers read so many parameters of a query, and leave out those behind them. */
const MOST_PARAMETERS = 1000

function spellingOf(search: string, query: readonly string[] | undefined): string {
  // Bytes that are no text read alike: handlers that look closer may tell them apart, or see less of them.
  if (!isText(search) || search.split('&', MOST_PARAMETERS + 1).length > MOST_PARAMETERS) return search
  const roots = query?.map(rootOf)
  const pairs = [...new URLSearchParams(search)].filter(([name]) => roots === undefined || roots.includes(rootOf(name)))
  pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`
}

// As some parsers have it, `page[]`, `[page]` and `page.from` are parts of `page`.
function rootOf(name: string): string {
  return /[^[\].]+/.exec(name)?.[0] ?? name
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

/** The header by which a request is somebody's, though the route does not vary by it. */
function exposedBy<Req>({ varyHeaders }: RoutePolicy<Req>, request: RouteRequest): string | undefined {
  for (const name of CREDENTIALS) if (request.header(name) !== undefined && !varyHeaders.includes(name)) return name
  return undefined
}

function hasBody(request: RouteRequest): boolean {
  if (request.hasBody === true || request.header('transfer-encoding') !== undefined) return true
  return Number(request.header('content-length') ?? 0) > 0
}
