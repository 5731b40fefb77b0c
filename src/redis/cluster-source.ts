import { optionHidden, optionInvalid } from '../errors/option-error.js'
import { type NodeAddress, type NodeAddressMap, translated } from './cluster-map.js'
import { carriedBy, createNodeRedis, type NodeRedisClient, type NodeRedisOptions } from './node-redis.js'
import { addressOf, checkSocket, type RedisAddress } from './redis-address.js'
import { optionsOf } from './redis-url.js'

/** Options of `createCluster` of node-redis, as far as the package reads them. */
export interface NodeRedisClusterOptions {
  /** Some of its nodes: the others are asked for. */
  readonly rootNodes: readonly NodeRedisOptions[]
  /** User, password, TLS and whatever else holds for every node. */
  readonly defaults?: NodeRedisOptions
  /** Where announced addresses are reached from here. */
  readonly nodeAddressMap?: NodeAddressMap
}

/** The nodes of a Cluster, and how to reach them. */
export interface ClusterNodes {
  readonly seeds: readonly NodeAddress[]
  /** The seeds once more, with what is to be known of their safety. */
  readonly addresses: readonly RedisAddress[]
  createAt(address: NodeAddress): Promise<NodeRedisClient>
  /** Where an announced address is reached from here. */
  translate(address: NodeAddress): NodeAddress
}

const EXPECTED = 'nodes of a Cluster: `{ rootNodes: [{ url }], defaults }`'

/** The options of a Cluster: given as they are, or those of a `createCluster` client, also inside of a `KeyvRedis`. */
export function clusterOptionsIn(source: object, option: string): NodeRedisClusterOptions | undefined {
  if ('rootNodes' in source) return source as NodeRedisClusterOptions
  const candidate = carriedBy(source)
  if (typeof candidate !== 'object' || candidate === null || !('slots' in candidate)) return undefined
  const { _options: options } = candidate as { _options?: NodeRedisClusterOptions }
  if (options?.rootNodes === undefined) {
    throw optionInvalid(option, EXPECTED, candidate, 'This client does not tell its own: pass them instead of it.')
  }
  return options
}

/** Understands the options of a Cluster. @throws {OptionError} `ERR_OPTION_INVALID` */
export function clusterNodesOf(options: NodeRedisClusterOptions, option: string): ClusterNodes {
  const { rootNodes, defaults, nodeAddressMap } = options
  const isNode = (node: unknown): boolean => typeof node === 'object' && node !== null
  if (!Array.isArray(rootNodes) || rootNodes.length === 0 || !rootNodes.every(isNode)) {
    const place = `${option}.rootNodes`
    throw typeof rootNodes === 'string'
      ? optionHidden(place, EXPECTED, 'a text')
      : optionInvalid(place, EXPECTED, rootNodes)
  }
  const roots = rootNodes.map((node) => flat(node, option))
  const common = { ...withoutPlace(roots[0] as NodeRedisOptions), ...flat(defaults ?? {}, option) }
  const commonSocket = { ...withoutHost(roots[0]?.socket), ...withoutHost(common.socket) }
  const addresses = roots.map((root) =>
    addressOf({ ...common, ...root, socket: { ...commonSocket, ...root.socket } }, option),
  )
  return {
    seeds: addresses.map(({ host, port }) => ({ host, port })),
    addresses,
    createAt: ({ host, port }) => createNodeRedis({ ...common, socket: { ...commonSocket, host, port } }),
    translate: (address) => translated(address, nodeAddressMap),
  }
}

function flat(options: NodeRedisOptions, option: string): NodeRedisOptions {
  checkSocket(options, option)
  const { url, ...rest } = options
  if (url === undefined) return rest
  // A Cluster has database 0 alone.
  const { database: _, ...fromUrl } = optionsOf(url, option)
  return { ...fromUrl, ...rest, socket: { ...rest.socket, ...fromUrl.socket } }
}

function withoutPlace({ socket: _, ...rest }: NodeRedisOptions): NodeRedisOptions {
  return rest
}

function withoutHost(socket: object | undefined): object {
  const { host: _, port: __, ...rest } = { ...socket } as { host?: string; port?: number }
  return rest
}
