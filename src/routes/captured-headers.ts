import { type ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http'
import { ownVary } from './vary.js'

/** Header fields by lower-case name. */
export type HeaderFields = Map<string, number | string | string[]>

/** The members of a response that set and read header fields, over fields in memory. */
export function headerMembers(response: ServerResponse, headers: HeaderFields) {
  return {
    setHeader: (name: string, value: unknown) => {
      setHeaderOf(headers, name, value)
      return response
    },
    appendHeader: (name: string, value: string | string[]) => {
      const present = headers.get(name.toLowerCase())
      setHeaderOf(headers, name, present === undefined ? value : [present, value].flat().map(String))
      return response
    },
    setHeaders: (given: Iterable<readonly [string, string | string[]]>) => {
      const cookies: string[] = []
      // `Headers` give each cookie by itself.
      for (const [name, value] of given)
        if (name === 'set-cookie') cookies.push(...[value].flat())
        else setHeaderOf(headers, name, value)
      if (cookies.length > 0) setHeaderOf(headers, 'set-cookie', cookies)
      return response
    },
    getHeader: (name: string) => headers.get(name.toLowerCase()),
    getHeaders: () => Object.fromEntries(headers),
    getHeaderNames: () => [...headers.keys()],
    hasHeader: (name: string) => headers.has(name.toLowerCase()),
    removeHeader: (name: string) => {
      headers.delete(name.toLowerCase())
    },
  }
}

/**
 * Sets a field as `setHeader` does.
 *
 * Throws what `setHeader` throws, and where it does: kept, a field that cannot be sent would fail every client.
 */
export function setHeaderOf(headers: HeaderFields, name: string, value: unknown): void {
  validateHeaderName(name)
  for (const one of Array.isArray(value) ? value : [value]) validateHeaderValue(name, one as string)
  headers.set(name.toLowerCase(), Array.isArray(value) ? value.map(String) : (value as string | number))
}

// What clients may keep, and cookies, are judged, whoever set them: a body may hold what its cookie is compared with.
const JUDGED = ['cache-control', 'expires', 'set-cookie']

/**
 * What a handler has set: without fields from before it, which are of one request, unless they forbid to keep it or tell
 * what it varies by.
 */
export function ownPairs(
  fields: Iterable<readonly [string, number | string | readonly string[]]>,
  before: { get(name: string): string | null | undefined },
): [string, string][] {
  const all = [...fields].flatMap(([name, value]): [string, string][] =>
    JUDGED.includes(name) || before.get(name) !== String(value)
      ? [value].flat().map((one): [string, string] => [name, String(one)])
      : [],
  )
  const vary = ownVary(
    all.filter(([name]) => name === 'vary').map(([, value]) => value),
    before.get('vary'),
  )
  const others = all.filter(([name]) => name !== 'vary')
  return vary.length === 0 ? others : [...others, ['vary', vary.join(', ')]]
}

/** Whether a `Content-Type` is that of server-sent events. */
export function isOfEvents(type: unknown): boolean {
  return /^text\/event-stream\b/i.test(String(type ?? ''))
}
