import { createHmac } from 'node:crypto'
import { optionInvalid } from '../errors/option-error.js'
import { digestOf } from '../keys/digest.js'
import { isSecretName, type Scrub, scrubText, scrubValue } from '../keys/secrets.js'
import { isObject } from './json-value.js'
import type { LlmRequest, WireFormatName } from './wire-format.js'

/** The version of the key of a request, part of every key: a later one misses, and never reads a wrong answer. */
export const REQUEST_KEY_VERSION = 1

/** Fields that say whose call it is, and nothing about the answer. */
export const IGNORED_FIELDS: readonly string[] = [
  'metadata',
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
]

/** Headers that change the answer. */
export const KEY_HEADERS: readonly string[] = [
  'anthropic-version',
  'anthropic-beta',
  'openai-organization',
  'openai-project',
  'openai-beta',
]

/** What a key is made of beside the request. */
export interface RequestKeyOptions {
  /** Top-level body fields to leave out, beside {@link IGNORED_FIELDS}. */
  readonly ignoreFields?: readonly string[] | undefined
  /** Headers to take in, beside {@link KEY_HEADERS}. */
  readonly keyHeaders?: readonly string[] | undefined
}

/**
 * The parts of a request that decide what is answered: what its key is the digest of. `lost` is what its body's text says
 * and the body does not ({@link lostByParsing}); it takes part as a digest, for it repeats what descriptions scrub.
 *
 * @throws KeyError `ERR_KEY_UNSUPPORTED` for such a body nested over 512 deep or over 64 MiB.
 */
export function keyParts(
  request: LlmRequest,
  format: WireFormatName,
  options: RequestKeyOptions,
  sample: number,
  lost?: unknown,
): Record<string, unknown> {
  const { method, url, headers, body } = request
  // Of an unknown format nobody knows what a field means.
  const left = [...(format === 'json' ? [] : IGNORED_FIELDS), ...(options.ignoreFields ?? [])]
  const counting = (fields: object): object =>
    Object.fromEntries(Object.entries(fields).filter(([name]) => !left.includes(name)))
  return {
    v: REQUEST_KEY_VERSION,
    format,
    method,
    url: keyUrl(url),
    headers: keyHeadersOf(headers, [...KEY_HEADERS, ...(options.keyHeaders ?? [])]),
    body: counting(body),
    ...(lost !== undefined && { exact: digestOf(isObject(lost) ? counting(lost) : lost) }),
    ...(sample > 0 && { sample }),
  }
}

/** The same parts as one line of JSON for people, names in order, secrets scrubbed, images as their digest. */
export function describeParts(parts: Record<string, unknown>, scrubs: readonly Scrub[]): string {
  // The host's own list sees the finished text, too: what it names occurs nowhere in it.
  return scrubText(JSON.stringify(scrubValue(parts, scrubs)), scrubs)
}

/** Digest of whatever a request authenticates with; compared, never stored. */
export function credentialsOf({ url, headers }: LlmRequest): string {
  return digestOf(credentialParts(url, headers))
}

/**
 * Makes a scope of the credentials of a request: callers with another key, token or account never share an entry.
 *
 * The scope is an HMAC-SHA-256: nobody without `secret` can test whether a key is the one that asked.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for a secret of less than 16 characters.
 * @example
 * import { byCredentials } from 'hopstash/llm'
 * byCredentials('a secret of this service').length // => 1
 */
export function byCredentials(secret: string | Uint8Array): (request: LlmRequest) => string {
  if (secret.length < MIN_SECRET) throw optionInvalid('secret', `at least ${MIN_SECRET} long`, secret.length)
  return ({ url, headers }) =>
    createHmac('sha256', secret)
      .update(JSON.stringify(credentialParts(url, headers)))
      .digest('base64url')
}
const MIN_SECRET = 16

function credentialParts(url: URL, headers: Headers): string[][] {
  const inHeaders = [...headers].filter(([name]) => isSecretName(name))
  const inQuery = [...url.searchParams].filter(([name]) => isCredential(name))
  return [...inHeaders, ...inQuery, ['user', url.username, url.password]]
}

// Without credentials, whether they stand in front of the host or in the query; the order of parameters means nothing.
function keyUrl(url: URL): string {
  const query = [...url.searchParams].filter(([name]) => !isCredential(name))
  query.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  const text = new URLSearchParams(query).toString()
  return url.origin + url.pathname + (text === '' ? '' : `?${text}`)
}

/** Whether a parameter of the query says whose call it is; a token of a page says which page is asked for. */
function isCredential(name: string): boolean {
  return isSecretName(name) && !PAGE_TOKEN.test(name)
}
const PAGE_TOKEN = /(?:^|[-_])(?:page|next|prev|previous|continuation|sync|skip|cursor|resume|start)[-_]token$/i

function keyHeadersOf(headers: Headers, names: readonly string[]): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name of names) {
    const value = headers.get(name)
    if (value !== null) kept[name.toLowerCase()] = name === 'anthropic-beta' ? inOrder(value) : value
  }
  return kept
}

// SDKs put these together in whatever order the features were asked for.
function inOrder(list: string): string {
  return list
    .split(',')
    .map((item) => item.trim())
    .sort()
    .join(',')
}
