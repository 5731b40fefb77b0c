import { optionInvalid } from '../errors/option-error.js'
import { hash } from '../keys/crypto.js'
import { type ClusterNodes, clusterNodesOf, clusterOptionsIn, type NodeRedisClusterOptions } from './cluster-source.js'
import {
  type ClientCarrier,
  clientIn,
  createNodeRedis,
  type NodeRedisClient,
  type NodeRedisOptions,
  settingsOf,
} from './node-redis.js'
import { addressOf, checkSocket, type RedisAddress } from './redis-address.js'
import { EXPECTED_URL, optionsOf } from './redis-url.js'
import { createFromSentinels, type NodeRedisSentinelOptions, sentinelOptionsIn } from './sentinel-source.js'

/**
 * Where a Redis or Valkey is: a URL (`redis:`, `rediss:`, `valkey:`, `valkeys:`), options of node-redis (of `createClient`,
 * `createCluster` or `createSentinel`), a client or a cluster of node-redis of any major, a `KeyvRedis`, or a `Keyv` with one.
 * A client is not used itself: its settings are, on connections of our own.
 */
export type RedisSource =
  | string
  | NodeRedisOptions
  | NodeRedisClusterOptions
  | NodeRedisSentinelOptions
  | NodeRedisClient
  | ClientCarrier

/** A source, understood. */
export interface ResolvedSource {
  /** Host and port, or socket path: what messages may show. */
  readonly address: string
  /** What is unsafe about it, in words; empty if nothing is. */
  readonly warnings: readonly string[]
  /** Another client that is not connected yet. */
  create(): Promise<NodeRedisClient>
  /** Whether the next client may have to be another one than the last: sentinels and clusters say where to go. */
  readonly moves?: boolean
  /** Where it is a Cluster: its nodes. */
  readonly cluster?: ClusterNodes
  /**
   * The same text for the same server, user and settings: who has it may share a connection. A digest, for it is made of
   * credentials. Absent where settings cannot be compared.
   */
  readonly identity?: string | undefined
}

/**
 * Understands a source without connecting.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`; what it received is named without password or user.
 */
export function resolveSource(source: RedisSource, option = 'store'): ResolvedSource {
  if (typeof source === 'string') return fromOptions(optionsOf(source, option), option)
  if (typeof source !== 'object' || source === null) throw optionInvalid(option, EXPECTED_URL, source)
  const cluster = clusterOptionsIn(source, option)
  if (cluster !== undefined) return fromCluster(cluster, option)
  const sentinels = sentinelOptionsIn(source, option)
  if (sentinels !== undefined) return fromSentinels(sentinels, option)
  const client = clientIn(source)
  return fromOptions(client === undefined ? (source as NodeRedisOptions) : settingsOf(client), option)
}

function fromOptions(options: NodeRedisOptions, option: string): ResolvedSource {
  checkSocket(options, option)
  const { url, ...rest } = options
  const fromUrl = url === undefined ? {} : optionsOf(url, option)
  const merged = { ...fromUrl, ...rest, socket: { ...rest.socket, ...fromUrl.socket } }
  return {
    ...described(addressOf(merged, option)),
    create: () => createNodeRedis(merged),
    identity: identityOf(merged),
  }
}

/** Pure: functions and other objects of classes cannot be compared, so what has any is like nothing else. */
function identityOf(options: object): string | undefined {
  const comparable = (value: unknown): unknown => {
    if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') throw new TypeError()
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(comparable)
    // A certificate as it was read from its file.
    if (value instanceof Uint8Array) return hash('sha256', value, 'base64url')
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) throw new TypeError()
    const parts = Object.entries(value).filter(([, part]) => part !== undefined)
    return parts.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, part]) => [name, comparable(part)])
  }
  try {
    return hash('sha256', new TextEncoder().encode(JSON.stringify(comparable(options))), 'base64url')
  } catch {
    return undefined
  }
}

/** Where the servers are is not known yet: most likely with the sentinels. */
function fromSentinels(options: NodeRedisSentinelOptions, option: string): ResolvedSource {
  const { name, sentinelRootNodes, nodeClientOptions } = options
  const { address, warnings } = describedAll(
    sentinelRootNodes.map(({ host, port }) =>
      addressOf({ ...nodeClientOptions, socket: { ...nodeClientOptions?.socket, host, port } }, option),
    ),
  )
  let turn = 0
  return { address: `${name} at ${address}`, warnings, create: () => createFromSentinels(options, turn++), moves: true }
}

function fromCluster(options: NodeRedisClusterOptions, option: string): ResolvedSource {
  const nodes = clusterNodesOf(options, option)
  return {
    ...describedAll(nodes.addresses),
    create: () => Promise.reject(new Error('a cluster has no single node')),
    moves: true,
    cluster: nodes,
  }
}

function described(address: RedisAddress): Pick<ResolvedSource, 'address' | 'warnings'> {
  const { host, port, path, isTls, hasPassword } = address
  const isLocal = path !== undefined || /^(localhost|127(\.\d+){3}|::1)$/i.test(host)
  const warnings: string[] = []
  if (!isLocal && !isTls) warnings.push('without TLS: use rediss:// outside of a private network')
  if (!isLocal && !hasPassword) warnings.push('without a password')
  return { address: path ?? `${host}:${port}`, warnings }
}

function describedAll(addresses: readonly RedisAddress[]): Pick<ResolvedSource, 'address' | 'warnings'> {
  const all = addresses.map(described)
  return {
    address: all.map(({ address }) => address).join(','),
    warnings: [...new Set(all.flatMap(({ warnings }) => warnings))],
  }
}
