import { httpDate } from './freshness.js'
import type { KeptResponse } from './kept-response.js'
import type { RouteRequest } from './route-options.js'

/** Fields a 304 repeats (RFC 9110 section 15.4.5). */
const IN_NOT_MODIFIED = new Set(['cache-control', 'content-location', 'expires', 'vary', 'last-modified'])

/**
 * Whether the client has this very response already: `If-None-Match`, else `If-Modified-Since`.
 *
 * @see RFC 9110 sections 13.1.2, 13.1.3 and 13.2.2
 */
export function isNotModified(request: RouteRequest, { status, etag, headers }: KeptResponse): boolean {
  if (status !== 200) return false
  const tags = request.header('if-none-match')
  if (tags !== undefined) return tags.trim() === '*' || entityTags(tags).includes(opaque(etag))
  const modified = headers.find(([name]) => name === 'last-modified')?.[1]
  return modified !== undefined && httpDate(modified) <= httpDate(request.header('if-modified-since') ?? '')
}

/** The fields of a response that its 304 has, too. */
export function notModifiedHeaders(headers: KeptResponse['headers']): [string, string][] {
  return headers.filter(([name]) => IN_NOT_MODIFIED.has(name)).map(([name, value]) => [name, value])
}

// The comparison is weak: `W/"a"` and `"a"` are equal.
function entityTags(text: string): string[] {
  return text.match(/(?:W\/)?"[^"]*"/g)?.map(opaque) ?? []
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag
}
