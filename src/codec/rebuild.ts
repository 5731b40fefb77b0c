import { malformed } from './stop.js'

/** A regular expression from its parts, which must come out as they went in. */
export function buildRegExp(source: string, flags: string, lastIndex: unknown): RegExp {
  if (typeof lastIndex !== 'number') throw malformed('a regular expression without its position')
  const pattern = new RegExp(source, flags)
  pattern.lastIndex = lastIndex
  if (pattern.source !== source || pattern.flags !== flags) throw malformed('a regular expression of another form')
  return pattern
}

/** A URL from its text, which must be the text it gives. */
export function buildUrl(href: string): URL {
  const url = new URL(href)
  if (url.href !== href) throw malformed('a URL of another form')
  return url
}
