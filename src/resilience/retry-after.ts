import { createSystemClock } from '../runtime/clock.js'

/** Headers as `fetch`, undici, axios or plain objects have them. */
type HeadersLike = { readonly get?: unknown } & Readonly<Record<string, unknown>>

/**
 * Milliseconds an upstream asked us to wait, from an error or a response: its own `retryAfterMs`, or the headers
 * `retry-after-ms` and `retry-after` (seconds or an HTTP date, RFC 9110 section 10.2.3). `undefined` when it said nothing usable.
 *
 * @param wallNow Ms since the epoch. @defaultValue now
 */
export function retryAfterMs(source: unknown, wallNow?: number): number | undefined {
  if (typeof source !== 'object' || source === null) return undefined
  const own = (source as { readonly retryAfterMs?: unknown }).retryAfterMs
  if (typeof own === 'number' && own >= 0) return own
  const headers = headersOf(source)
  if (headers === undefined) return undefined
  const exact = Number(headerOf(headers, 'retry-after-ms') ?? Number.NaN)
  if (exact >= 0) return exact
  return parseRetryAfter(headerOf(headers, 'retry-after'), wallNow)
}

/**
 * The value of a `retry-after` header in milliseconds from `wallNow`; `undefined` for any other.
 *
 * @param wallNow Ms since the epoch. @defaultValue now
 * @example
 * import { parseRetryAfter } from 'hopstash/resilience'
 * parseRetryAfter('1.5') // => 1500
 * parseRetryAfter('Thu, 01 Jan 1970 00:00:30 GMT', 10_000) // => 20000
 */
export function parseRetryAfter(value: string | null | undefined, wallNow?: number): number | undefined {
  if (typeof value !== 'string' || value.length > 64) return undefined
  if (/^\s*\d+(\.\d+)?\s*$/.test(value)) return Number(value) * 1000
  // V8 takes even '-5' for a date; an HTTP date begins with the day's name.
  const at = /^[A-Za-z]{3}/.test(value) ? Date.parse(value) : Number.NaN
  const ms = at - (wallNow ?? createSystemClock().wall())
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

function headersOf(source: object): HeadersLike | undefined {
  const { headers, responseHeaders, response } = source as {
    readonly headers?: unknown
    readonly responseHeaders?: unknown
    readonly response?: { readonly headers?: unknown } | null
  }
  const found = headers ?? responseHeaders ?? response?.headers
  return typeof found === 'object' && found !== null ? (found as HeadersLike) : undefined
}

function headerOf(headers: HeadersLike, name: string): string | undefined {
  if (typeof headers.get === 'function') return text((headers.get as (name: string) => unknown).call(headers, name))
  const exact = headers[name]
  if (exact !== undefined) return text(exact)
  for (const key of Object.keys(headers)) if (key.toLowerCase() === name) return text(headers[key])
  return undefined
}

function text(value: unknown): string | undefined {
  const first = Array.isArray(value) ? value[0] : value
  return typeof first === 'string' ? first : typeof first === 'number' ? String(first) : undefined
}
