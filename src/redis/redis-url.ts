import { optionInvalid } from '../errors/option-error.js'
import type { NodeRedisOptions } from './node-redis.js'

const SCHEMES: Readonly<Record<string, string>> = {
  'redis:': 'redis:',
  'valkey:': 'redis:',
  'rediss:': 'rediss:',
  'valkeys:': 'rediss:',
}
/** What a place to connect to is expected to be, in words. */
export const EXPECTED_URL = "a URL such as 'redis://127.0.0.1:6379/0' or 'rediss://user:password@host:6379'"

const EXPECTED_ENCODED = 'a URL with user and password percent-encoded'

/**
 * Pure: what node-redis needs to know, from a URL.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`; user and password are never in it.
 */
export function optionsOf(url: string, option: string): NodeRedisOptions {
  if (typeof url !== 'string') throw optionInvalid(option, EXPECTED_URL, url)
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const scheme = parsed === undefined ? undefined : SCHEMES[parsed.protocol]
  if (parsed === undefined || scheme === undefined || parsed.hostname === '') {
    const tail = url.includes('@') ? ', with user and password percent-encoded' : ''
    throw optionInvalid(option, `${EXPECTED_URL}${tail}`, redacted(url))
  }
  if (hasRawCredentials(url, parsed)) throw optionInvalid(option, EXPECTED_ENCODED, redacted(url))
  const username = decoded(parsed.username, url, option)
  const password = decoded(parsed.password, url, option)
  const database = databaseOf(parsed, option)
  return {
    socket: {
      host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: parsed.port === '' ? 6379 : Number(parsed.port),
      ...(scheme === 'rediss:' && { tls: true }),
    },
    ...(username !== '' && { username }),
    ...(password !== '' && { password }),
    ...(database !== 0 && { database }),
  }
}

function databaseOf(url: URL, option: string): number {
  const text = url.searchParams.get('db') ?? url.pathname.replace(/^\//, '')
  if (text === '') return 0
  if (!/^\d{1,5}$/.test(text))
    throw optionInvalid(option, 'a URL with the number of a database behind the host', redacted(url.href))
  return Number(text)
}

// `#`, `?` and `/` end what may hold credentials: the host would be a piece of the password, in messages and in the DNS.
function hasRawCredentials(url: string, { pathname, search }: URL): boolean {
  return url.includes('#') || url.indexOf('@') !== url.lastIndexOf('@') || `${pathname}${search}`.includes('@')
}

function decoded(text: string, url: string, option: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw optionInvalid(option, EXPECTED_ENCODED, redacted(url))
  }
}

/** A URL for messages: never a user, a password or a query. */
function redacted(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]{0,12}:/i.exec(url)?.[0]
  return scheme === undefined ? 'a text without a scheme' : `${scheme}//…`
}
