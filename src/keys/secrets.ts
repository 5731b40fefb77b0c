import { optionInvalid } from '../errors/option-error.js'
import { digestOf } from './digest.js'

/**
 * What is taken out of a request's text beside the default list: a string wherever it occurs, every match of a pattern,
 * or whatever a function makes of a text.
 */
export type Scrub = string | RegExp | ((text: string) => string)

/** Stands where a secret was. */
export const SCRUBBED = '[scrubbed]'

/** Fields, headers and query parameters of such a name hold a secret if they hold a string, a list or an object. */
const SECRET_NAME =
  /^(?:key|sig|pwd|cookie|set-cookie|authorization)$|(?:^|[-_])(?:token|signature)$|api[-_]?key|auth[-_]?token|access[-_]?token|refresh[-_]?token|session[-_]?token|id[-_]?token|bearer|secret|passw(?:or)?d|passphrase|credential|access[-_]?key|functions[-_]key|private[-_]?key|subscription[-_]?key|authorization/i

/** Words that are a secret wherever they stand: how one begins, and what follows. */
const SECRET_WORDS: readonly (readonly [begins: RegExp, rest: RegExp])[] = [
  [/(?:sk|pk|rk)-/, /[\w-]{8,}/g],
  [/AIza/, /[\w-]{20,}/g],
  [/gh[opsur]_/, /\w{16,}/g],
  [/github_pat_/, /\w{20,}/g],
  [/glpat-/, /[\w-]{16,}/g],
  [/xox[abeoprs]-/, /[\w-]{8,}/g],
  [/(?:xapp|xai|pplx|nvapi)-/, /[\w-]{16,}/g],
  [/(?:[sr]k_(?:live|test)|gsk|npm|r8|whsec|shp(?:at|ca|pa|ss)|dop_v1)_/, /\w{16,}/g],
  [/ya29\./, /[\w-]{16,}/g],
  [/SG\./, /[\w-]{16,}\.[\w-]{16,}/g],
  [/(?:AKIA|ASIA)/, /[A-Z0-9]{16}\b/g],
  [/hf_/, /\w{16,}/g],
  [/eyJ/, /[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g],
  [/(?:Bearer|Basic)\s/, /\s*[\w.~+/=-]{8,}/gi],
]

/** In JSON the end of a line is an escape that ends with a letter: the word behind it begins there all the same. */
const WORD_BEGINS = String.raw`(?:\b|(?<=\\(?:[bfnrt]|u[\da-fA-F]{4})))`

/** Texts that are a secret wherever they stand. */
const SECRET_TEXTS: readonly RegExp[] = [
  // What is before a word is looked at behind its beginning: in front, every character of a long prompt would cost ten times as much.
  ...SECRET_WORDS.map(
    ([{ source }, rest]) => new RegExp(`${source}(?<=${WORD_BEGINS}${source})${rest.source}`, rest.flags),
  ),
  /-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]{0,20000}?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|$)/g,
  // In the query of an address, such as that of a signed picture, or behind it, where a browser is told a token.
  /(?<=[?&#](?:[\w.-]{0,40}[-_.])?(?:key|apikey|sig|signature|token|secret|password|credential)=)[^\s&#"'<>()\\]{6,2048}/gi,
  /(?<=\b[a-z][a-z\d+.-]{0,20}:\/\/)[^\s/@:]{0,256}:[^\s/]{1,256}(?=@)/gi,
]

/** What stands before a secret with a name: the backslashes before each quote, as JSON inside a text has them, and the name. */
const NAMED = /(\\{0,7})"([^"\\]{1,64})\1"\s{0,8}:\s{0,8}\1"/g
/** The same of a name and a value, as environments and headers are listed. Looked for first: `key` alone is a telling name, too. */
const PAIRED =
  /(\\{0,7})"(?:name|key)\1"\s{0,8}:\s{0,8}\1"([^"\\]{1,64})\1"\s{0,8},(?:\s|\\{1,7}[nrt]){0,64}\1"value\1"\s{0,8}:\s{0,8}\1"/gi
/** A line of an environment file. */
const ENVIRONMENT_LINE = /(?<![A-Z0-9_])([A-Z][A-Z0-9_]{2,63})(=\\{0,7}['"]?)[^\s'"\\]{6,}/g

/** Whether a header, field or parameter of this name holds a secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}

/** Checks the host's own list. @throws {OptionError} `ERR_OPTION_INVALID` */
export function checkScrubs(scrubs: readonly Scrub[]): readonly Scrub[] {
  if (!Array.isArray(scrubs)) throw optionInvalid('scrub', 'an array of strings, patterns or functions', scrubs)
  for (const scrub of scrubs) {
    const isUsable =
      typeof scrub === 'function' || scrub instanceof RegExp || (typeof scrub === 'string' && scrub !== '')
    if (!isUsable) throw optionInvalid('scrub', 'strings, patterns or functions', scrub)
  }
  return scrubs
}

/** A text without secrets. */
export function scrubText(text: string, scrubs: readonly Scrub[]): string {
  let clean = text
  for (const pattern of SECRET_TEXTS) clean = clean.replace(pattern, SCRUBBED)
  clean = withoutNamed(withoutNamed(clean, PAIRED), NAMED)
  clean = clean.replace(ENVIRONMENT_LINE, (line, name: string, sign: string) =>
    isSecretName(name) ? name + sign + SCRUBBED : line,
  )
  for (const scrub of scrubs) {
    if (typeof scrub === 'function') clean = scrub(clean)
    else if (typeof scrub === 'string') clean = clean.replaceAll(scrub, SCRUBBED)
    else clean = clean.replace(everyMatch(scrub), SCRUBBED)
  }
  return clean
}

function withoutNamed(text: string, names: RegExp): string {
  const parts: string[] = []
  let at = 0
  for (const { 0: before, 1: slashes = '', 2: name = '', index } of text.matchAll(names)) {
    if (index < at || !isSecretName(name)) continue
    const start = index + before.length
    const end = endOfText(text, start, slashes.length)
    if (end === start) continue
    parts.push(text.slice(at, start), SCRUBBED)
    at = end
  }
  return at === 0 ? text : parts.join('') + text.slice(at)
}

/** Where a text of JSON ends whose quotes have so many backslashes before them; a quote inside it has twice as many, and one. */
function endOfText(text: string, start: number, slashes: number): number {
  let run = 0
  for (let at = start; at < text.length; at++) {
    const unit = text[at]
    if (unit === '"' && (run - slashes) % (2 * slashes + 2) !== slashes + 1) return at - Math.min(run, slashes)
    run = unit === '\\' ? run + 1 : 0
  }
  return text.length
}

/** A JSON text without secrets, known or not by its names. */
export function scrubJsonText(json: string, scrubs: readonly Scrub[]): string {
  const named = withoutNamed(json, PAIRED).replace(TEXT_PROPERTY, (pair, name: string) =>
    isSecretName(name) ? `"${name}":"${SCRUBBED}"` : pair,
  )
  return scrubText(named, scrubs)
}
/** A property that is a text, or a list without objects and lists in it. */
const TEXT_PROPERTY = /"([^"\\]{1,64})":(?:"(?:[^"\\]|\\.)*"|\[(?:"(?:[^"\\]|\\.)*"|[^"[\]{}])*\])/g

/** A copy of a JSON value without secrets: names in order, long bytes as their digest. */
export function scrubValue(value: unknown, scrubs: readonly Scrub[], depth = 0): unknown {
  if (typeof value === 'string') return scrubText(isBlob(value) ? blobText(value) : value, scrubs)
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH) return '…'
  if (Array.isArray(value)) return value.map((item) => scrubValue(item, scrubs, depth + 1))
  const record = value as Readonly<Record<string, unknown>>
  const names = Object.keys(record).sort()
  // Of a list of names and values this one's name.
  const label = [record.name, record.key].find((text) => typeof text === 'string' && isSecretName(text))
  return Object.fromEntries(
    names.map((name) => {
      const inner = record[name]
      const isNamed = isSecretName(name) || (label !== undefined && /^value$/i.test(name))
      const clean = isNamed && mayBeSecret(inner) ? SCRUBBED : scrubValue(inner, scrubs, depth + 1)
      return [scrubText(name, scrubs), clean]
    }),
  )
}

// What a tool wants to be told says of a password that it is a text.
function mayBeSecret(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value === 'string'
  if (Array.isArray(value)) return true
  const { type } = value as { readonly type?: unknown }
  const isSchema = Array.isArray(type) || (typeof type === 'string' && SCHEMA_TYPE.test(type))
  const names = Object.keys(value)
  return names.length > 0 && !isSchema && !names.some((name) => SCHEMA_WORD.test(name))
}
const SCHEMA_TYPE = /^(?:string|number|integer|boolean|object|array|null)$/i
const SCHEMA_WORD = /^(?:\$ref|anyOf|oneOf|allOf|enum|const|properties|description)$/
const MAX_DEPTH = 200

function everyMatch(pattern: RegExp): RegExp {
  return pattern.global ? pattern : new RegExp(pattern, `${pattern.flags}g`)
}

// Images and sounds: nobody reads them, and a digest tells two apart.
function isBlob(text: string): boolean {
  return text.length > MIN_BLOB && (/^data:[\w/+.-]+;base64,/.test(text) || BASE64.test(text))
}
const MIN_BLOB = 1024
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/

function blobText(text: string): string {
  const kind = /^data:([\w/+.-]+);/.exec(text)?.[1] ?? 'base64'
  return `[${kind}, ${text.length} characters, ${digestOf(text).slice(0, 16)}]`
}
