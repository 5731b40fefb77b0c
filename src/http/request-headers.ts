import { optionHidden, optionInvalid } from '../errors/option-error.js'

/** Headers with their names in lower case. @throws OptionError */
export function resolveHeaders(
  where: string,
  headers: Readonly<Record<string, string | undefined>> | undefined,
): Record<string, string> {
  if (headers !== undefined && (typeof headers !== 'object' || headers === null || Array.isArray(headers))) {
    throw optionInvalid(where, 'an object of texts by name', headers)
  }
  const lower: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value === undefined) continue
    const own = name.toLowerCase()
    if (!isHeaderName(own)) {
      throw optionInvalid(where, 'headers that are not those of the connection, under names they can have', name)
    }
    // What a header holds may be a secret: its name is all that is shown.
    if (typeof value !== 'string' || !isHeaderValue(value)) {
      const received = typeof value === 'string' ? 'a text that is not' : typeof value
      throw optionHidden(`${where}.${name}`, 'a text of one line, of Latin letters', received)
    }
    lower[own] = value
  }
  return lower
}

/** Whether a header of this name, in lower case, may be sent with a call. */
export function isHeaderName(name: string): boolean {
  return TOKEN.test(name) && !OF_CONNECTION.has(name)
}
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/
/** The client's own, or nobody's. */
const OF_CONNECTION = new Set(['connection', 'content-length', 'expect', 'keep-alive', 'transfer-encoding', 'upgrade'])

/**
 * Whether a header can hold it. Whatever undici refuses has to be refused before: it takes a connection out of its pool for
 * good with every call of which it refuses a part.
 */
export function isHeaderValue(text: string): boolean {
  return !/[^\t\x20-\x7e\x80-\xff]/.test(text)
}
