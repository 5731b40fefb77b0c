/** Header fields by lower-case name. */
type Fields = readonly (readonly [string, string])[]

/** The directives of `Cache-Control` over all of its fields, in lower case; of one that comes twice the first. */
export function directivesOf(headers: Fields): ReadonlyMap<string, string> {
  const directives = new Map<string, string>()
  for (const [name, value] of headers) {
    if (name !== 'cache-control') continue
    for (const [, directive = '', quoted, plain = ''] of value.matchAll(DIRECTIVE)) {
      const known = directive.toLowerCase()
      if (!directives.has(known)) directives.set(known, quoted ?? plain)
    }
  }
  return directives
}

// Semicolons, too: they are none of its separators, and are written by whoever means to forbid something.
const DIRECTIVE = /([^\s,;="]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,;"]*)))?/g

/**
 * The lifetime a response gives itself, in seconds: `s-maxage`, else `max-age`, without the `Age` it came with; else until
 * it `Expires`. What cannot be read has ended.
 *
 * @see RFC 9111 section 4.2.1
 */
export function ownLifetime(headers: Fields, wallMs: number): number | undefined {
  const directives = directivesOf(headers)
  const told = directives.get('s-maxage') ?? directives.get('max-age')
  if (told !== undefined) return Math.max(0, seconds(told) - ownAge(headers))
  const expires = fieldOf(headers, 'expires')
  if (expires === undefined) return undefined
  return Math.max(0, Math.floor((httpDate(expires) - wallMs) / 1000) || 0)
}

/** How old a response was when it came, in seconds. */
export function ownAge(headers: Fields): number {
  return seconds(fieldOf(headers, 'age') ?? '')
}

/** Ms since the epoch of an HTTP date, in its three forms; NaN for any other text, of which `Date.parse` takes too many. */
export function httpDate(text: string): number {
  if (WITH_ZONE.test(text)) return Date.parse(text)
  return WITHOUT_ZONE.test(text) ? Date.parse(`${text} GMT`) : Number.NaN
}

const WITH_ZONE = /^[A-Z][a-z]+, \d\d[ -][A-Z][a-z]{2}[ -](?:\d\d){1,2} \d\d:\d\d:\d\d GMT$/
const WITHOUT_ZONE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/
/** More is taken for this much (RFC 9111 section 1.2.2). */
const MAX_SECONDS = 2 ** 31

function seconds(text: string): number {
  return /^\d+$/.test(text) ? Math.min(Number(text), MAX_SECONDS) : 0
}

function fieldOf(headers: Fields, wanted: string): string | undefined {
  return headers.find(([name]) => name === wanted)?.[1]
}
