import { optionInvalid } from '../errors/option-error.js'
import {
  type ClientCarrier,
  clientIn,
  copyOf,
  createNodeRedis,
  type NodeRedisClient,
  type NodeRedisOptions,
} from './node-redis.js'

/**
 * Where a Redis or Valkey is: a URL (`redis:`, `rediss:`, `valkey:`, `valkeys:`), options of node-redis, a client of
 * node-redis, or a `KeyvRedis`. A client is not used itself: its settings are, on connections of our own.
 */
export type RedisSource = string | NodeRedisOptions | NodeRedisClient | ClientCarrier

/** A source, understood. */
export interface ResolvedSource {
  /** Host and port, or socket path: what messages may show. */
  readonly address: string
  /** What is unsafe about it, in words; empty if nothing is. */
  readonly warnings: readonly string[]
  /** Another client that is not connected yet. */
  create(): Promise<NodeRedisClient>
}

interface Address {
  readonly host: string
  readonly port: number
  readonly path: string | undefined
  readonly isTls: boolean
  readonly hasPassword: boolean
}

const SCHEMES: Readonly<Record<string, string>> = {
  'redis:': 'redis:',
  'valkey:': 'redis:',
  'rediss:': 'rediss:',
  'valkeys:': 'rediss:',
}
const EXPECTED = "a URL such as 'redis://127.0.0.1:6379/0' or 'rediss://user:password@host:6379'"

/**
 * Understands a source without connecting.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`; what it received is named without password or user.
 */
export function resolveSource(source: RedisSource, option = 'store'): ResolvedSource {
  if (typeof source === 'string') return fromOptions(optionsOf(source, option), option)
  if (typeof source !== 'object' || source === null) throw optionInvalid(option, EXPECTED, source)
  const client = clientIn(source)
  if (client === undefined) return fromOptions(source as NodeRedisOptions, option)
  const address = addressOf((client.options ?? {}) as NodeRedisOptions, option)
  return { ...described(address), create: async () => copyOf(client) }
}

function fromOptions(options: NodeRedisOptions, option: string): ResolvedSource {
  const { url, ...rest } = options
  const fromUrl = url === undefined ? {} : optionsOf(url, option)
  const merged = { ...fromUrl, ...rest, socket: { ...rest.socket, ...fromUrl.socket } }
  return { ...described(addressOf(merged, option)), create: () => createNodeRedis(merged) }
}

/** Pure: what node-redis needs to know, from a URL. */
function optionsOf(url: string, option: string): NodeRedisOptions {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const scheme = parsed === undefined ? undefined : SCHEMES[parsed.protocol]
  if (parsed === undefined || scheme === undefined || parsed.hostname === '') {
    throw optionInvalid(option, EXPECTED, redacted(url))
  }
  const username = decoded(parsed.username, option)
  const password = decoded(parsed.password, option)
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

function decoded(text: string, option: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw optionInvalid(option, 'a URL with user and password percent-encoded', undefined)
  }
}

/** A URL for messages: never a user, a password or a query. */
function redacted(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]{0,12}:/i.exec(url)?.[0]
  return scheme === undefined ? 'a text without a scheme' : `${scheme}//…`
}

function addressOf(options: NodeRedisOptions, option: string): Address {
  const given =
    options.url === undefined ? options : { ...optionsOf(options.url, option), ...withoutUndefined(options) }
  const socket = { ...(given.socket as { host?: string; port?: number; path?: string; tls?: unknown } | undefined) }
  const credentials = given as { password?: string; credentialsProvider?: unknown }
  return {
    host: socket.host ?? 'localhost',
    port: socket.port ?? 6379,
    path: socket.path,
    isTls: socket.tls !== undefined && socket.tls !== false,
    hasPassword: Boolean(credentials.password ?? credentials.credentialsProvider),
  }
}

function described(address: Address): Pick<ResolvedSource, 'address' | 'warnings'> {
  const { host, port, path, isTls, hasPassword } = address
  const isLocal = path !== undefined || /^(localhost|127(\.\d+){3}|::1)$/i.test(host)
  const warnings: string[] = []
  if (!isLocal && !isTls) warnings.push('without TLS: use rediss:// outside of a private network')
  if (!isLocal && !hasPassword) warnings.push('without a password')
  return { address: path ?? `${host}:${port}`, warnings }
}

function withoutUndefined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
