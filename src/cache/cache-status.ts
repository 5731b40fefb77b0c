import type { CacheOutcome } from './outcome.js'

/** Options of {@link cacheStatus}. */
export interface CacheStatusOptions {
  /** How this cache calls itself. @defaultValue `'hopstash'` */
  readonly name?: string
  /** Whether the short digest of the key is shown. @defaultValue `false` */
  readonly showKey?: boolean
}

/**
 * The value of a `Cache-Status` header for an outcome.
 *
 * A stale answer is a hit with a negative or zero `ttl`; a coalesced one was forwarded once for several (`collapsed`).
 *
 * @see RFC 9211 section 2
 * @example
 * import { cacheStatus } from 'hopstash'
 * cacheStatus({ status: 'hit', ttlMs: 59_000 }) // => 'hopstash; hit; ttl=59'
 */
export function cacheStatus(
  outcome: Pick<CacheOutcome, 'status'> & Partial<CacheOutcome>,
  options: CacheStatusOptions = {},
): string {
  const parts = [token(options.name ?? 'hopstash'), ...parametersOf(outcome)]
  if (options.showKey === true && outcome.key !== undefined) parts.push(`key=${quoted(outcome.key)}`)
  const [degraded] = outcome.degraded ?? []
  if (degraded !== undefined) parts.push(`detail=${quoted(degraded)}`)
  return parts.join('; ')
}

function parametersOf(outcome: Pick<CacheOutcome, 'status'> & Partial<CacheOutcome>): string[] {
  const ttl =
    outcome.ttlMs === undefined || !Number.isFinite(outcome.ttlMs) ? [] : [`ttl=${Math.floor(outcome.ttlMs / 1000)}`]
  switch (outcome.status) {
    case 'hit':
      return ['hit', ...ttl]
    case 'stale':
      return ['hit', ...(ttl.length > 0 ? ttl : ['ttl=0'])]
    case 'coalesced':
      return ['fwd=uri-miss', 'collapsed']
    case 'bypass':
      return ['fwd=bypass']
    case 'revalidated':
      return ['fwd=stale', 'stored']
    default:
      return outcome.cause === 'expired' ? ['fwd=stale'] : ['fwd=uri-miss']
  }
}

// The name is a structured-field token or string (RFC 8941); anything unusual is quoted.
function token(name: string): string {
  return /^[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*$/.test(name) ? name : quoted(name)
}

function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`
}
