import { createHash } from 'node:crypto'
import { CONNECTION_HEADERS } from '../http/connection-headers.js'
import { directivesOf } from './freshness.js'
import { namesIn } from './vary.js'

/** A response as it is kept. Text stays text: it needs no copy for each reader, and is read by people in a folder. */
export interface KeptResponse {
  readonly status: number
  /** Lower-case names, without those of a connection. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string | Uint8Array
  readonly etag: string
}

/** A response before it is judged. */
export interface WholeResponse {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Uint8Array
}

/** Why a response is not kept; of a `Vary` with the first field that its route does not vary by. */
export type Unfit = 'status' | 'set-cookie' | 'cache-control' | `vary: ${string}` | 'encoding' | 'trailer' | 'length'

/** What its route allows. */
export interface FitFor {
  readonly varyHeaders: readonly string[]
  /** One person's response, kept under that person. */
  readonly isPrivate: boolean
}

const KEPT_STATUSES = [200, 203, 204, 301, 308]
/** Fields of a connection or of one message (RFC 9110 section 7.6.1), and what is said anew with every answer. */
const NOT_KEPT = new Set<string>([...CONNECTION_HEADERS, 'date', 'cache-status', 'server-timing'])

/**
 * Why a response must not be kept; `undefined` if it may be.
 *
 * @see RFC 9111 sections 3 and 4.1
 */
export function unfit(response: WholeResponse, { varyHeaders, isPrivate }: FitFor): Unfit | undefined {
  if (!KEPT_STATUSES.includes(response.status)) return 'status'
  if (isForbidden(response.headers, isPrivate)) return 'cache-control'
  for (const [name, value] of response.headers) {
    if (name === 'set-cookie') return 'set-cookie'
    if (name === 'trailer') return 'trailer'
    // Less than it said: whatever the reason is, it is not whole.
    if (name === 'content-length' && Number(value) !== response.body.length) return 'length'
    // Encoded for what one client accepts, which another may not.
    if (name === 'content-encoding' && value !== 'identity' && !varyHeaders.includes('accept-encoding'))
      return 'encoding'
    const uncovered = name === 'vary' ? uncoveredBy(varyHeaders, value) : undefined
    if (uncovered !== undefined) return `vary: ${uncovered}`
  }
  return undefined
}

/** Makes the kept form of a response. */
export function keptOf({ status, headers, body }: WholeResponse): KeptResponse {
  const kept = headers.filter(([name]) => !NOT_KEPT.has(name) && name !== 'etag')
  const own = headers.find(([name]) => name === 'etag')?.[1]
  return { status, headers: kept, body: asText(headers, body) ?? body, etag: own ?? etagOf(body) }
}

// A digest of the bytes: equal bodies have one tag in every process, so a client's copy stays good across restarts.
function etagOf(body: Uint8Array): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`
}

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const TEXT_TYPE = /^(?:text\/|application\/(?:[\w.-]+\+)?(?:json|xml|javascript)|image\/svg\+xml)/i

function asText(headers: WholeResponse['headers'], body: Uint8Array): string | undefined {
  const type = headers.find(([name]) => name === 'content-type')?.[1] ?? ''
  if (!TEXT_TYPE.test(type) || headers.some(([name]) => name === 'content-encoding')) return undefined
  try {
    return STRICT.decode(body)
  } catch {
    // In another charset than UTF-8: its bytes are kept.
    return undefined
  }
}

function isForbidden(headers: WholeResponse['headers'], isPrivate: boolean): boolean {
  const directives = directivesOf(headers)
  if (directives.has('no-store') || directives.has('no-cache')) return true
  return directives.has('private') && !isPrivate
}

function uncoveredBy(varyHeaders: readonly string[], value: string): string | undefined {
  const uncovered = namesIn([value]).find((name) => name === '*' || !varyHeaders.includes(name))
  // As it is told: nothing of it must end the text it is told in.
  return uncovered?.replace(/[^a-z0-9*_-]/g, '?')
}
