import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import { checkShape } from '../resilience/option-shape.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { isThenable } from '../runtime/thenable.js'

/** What a host may ask of the cache: for all calls as options, for one by {@link directives}. Tags add up; else the call wins. */
export interface LlmDirectives {
  /** Lifetime of the entry. @defaultValue the namespace's */
  readonly ttl?: Duration
  readonly tags?: readonly string[]
  /** A hard partition: no call of one scope ever gets an answer of another. */
  readonly scope?: string
  /** Whose data the answer is, for `stash.forget`. */
  readonly subject?: string
  /** Which of several answers to one prompt: each number keeps an answer of its own. @defaultValue `0` */
  readonly sample?: number
  /** Oldest acceptable age of a kept answer. */
  readonly maxAge?: Duration
  /** Call, and replace what is kept. */
  readonly forceFresh?: boolean
  /** Leave no trace of the answer, and share the call with nobody. */
  readonly noStore?: boolean
  /** Do not call: the fetch rejects with `ERR_NOT_CACHED`. */
  readonly onlyIfCached?: boolean
  /** How long past its ttl a kept answer is served while it is being refreshed. @defaultValue the namespace's */
  readonly staleWhileRevalidate?: Duration
  /** How long past its ttl a kept answer stands in for a model that is down. @defaultValue the namespace's */
  readonly staleIfError?: Duration
}

/** The request header that carries {@link LlmDirectives}; it is taken off before the request leaves. */
export const DIRECTIVE_HEADER = 'x-hopstash'

type Kind = 'duration' | 'flag' | 'text' | 'tags' | 'sample'

const KINDS: Readonly<Record<keyof LlmDirectives, Kind>> = {
  ttl: 'duration',
  tags: 'tags',
  scope: 'text',
  subject: 'text',
  sample: 'sample',
  maxAge: 'duration',
  forceFresh: 'flag',
  noStore: 'flag',
  onlyIfCached: 'flag',
  staleWhileRevalidate: 'duration',
  staleIfError: 'duration',
}

/** Names of the directives. */
export const DIRECTIVE_NAMES = Object.keys(KINDS) as readonly (keyof LlmDirectives)[]

/**
 * Headers that carry directives for one call, for the `headers` option every SDK has.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for an unknown name or a value that is none.
 * @example
 * import { directives } from 'hopstash/llm'
 * directives({ sample: 2, maxAge: '1h' }) // => { 'x-hopstash': 'sample=2, max-age=1h' }
 */
export function directives(given: LlmDirectives): Record<string, string> {
  checkDirectives(given, 'the directives')
  const items = Object.entries(given).flatMap(([name, value]) => {
    if (value === undefined || value === false) return []
    return [value === true ? toHeader(name) : `${toHeader(name)}=${textOf(value)}`]
  })
  return { [DIRECTIVE_HEADER]: items.join(', ') }
}

/** The directives of a header. @throws {OptionError} `ERR_OPTION_INVALID` */
export function readDirectives(header: string): LlmDirectives {
  const read: Record<string, unknown> = {}
  for (const item of header.split(',')) {
    const text = item.trim()
    if (text === '') continue
    const equals = text.indexOf('=')
    const written = equals === -1 ? text : text.slice(0, equals)
    const name = fromHeader(written)
    if (!Object.hasOwn(KINDS, name)) throw optionUnknown(`the ${DIRECTIVE_HEADER} header`, written, HEADER_NAMES)
    read[name] = readValue(KINDS[name as keyof LlmDirectives], equals === -1 ? undefined : text.slice(equals + 1))
  }
  checkDirectives(read, `the ${DIRECTIVE_HEADER} header`)
  return read
}

/** @throws {OptionError} `ERR_OPTION_INVALID` */
export function checkDirectives(given: LlmDirectives, where: string): void {
  if (isThenable<unknown>(given)) throw optionInvalid(where, 'there at once', given)
  checkShape(where, given, DIRECTIVE_NAMES)
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) checkDirective(name, KINDS[name as keyof LlmDirectives], value)
  }
}

function checkDirective(name: string, kind: Kind, value: unknown): void {
  if (kind === 'duration') parseDuration(value as Duration, name)
  else if (kind === 'flag' && typeof value !== 'boolean') throw optionInvalid(name, 'true or false', value)
  else if (kind === 'text' && (typeof value !== 'string' || value === '')) {
    throw optionInvalid(name, 'a string that is not empty', value)
  } else if (kind === 'tags' && !(Array.isArray(value) && value.every((tag) => typeof tag === 'string'))) {
    throw optionInvalid(name, 'an array of strings', value)
  } else if (kind === 'sample' && !(Number.isInteger(value) && (value as number) >= 0)) {
    throw optionInvalid(name, 'a whole number from 0', value)
  }
}

function readValue(kind: Kind, text: string | undefined): unknown {
  if (text === undefined) return true
  if (kind === 'flag') return text === 'true' ? true : text === 'false' ? false : text
  if (kind === 'sample') return /^\d{1,9}$/.test(text) ? Number(text) : text
  if (kind === 'duration') return /^\d+$/.test(text) ? Number(text) : /^infinity$/i.test(text) ? Infinity : text
  return kind === 'tags' ? text.split(' ').filter(Boolean).map(decode) : decode(text)
}

// Scopes and tags may hold what a header or its list syntax cannot.
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(encodeURIComponent).join(' ')
  return typeof value === 'string' ? encodeURIComponent(value) : String(value)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function toHeader(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function fromHeader(name: string): string {
  return name.toLowerCase().replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

const HEADER_NAMES = DIRECTIVE_NAMES.map(toHeader)
