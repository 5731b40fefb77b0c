import { optionHidden, optionInvalid } from '../errors/option-error.js'
import { type NodeAddress, type NodeAddressMap, translated } from './cluster-map.js'
import { carriedBy, createNodeRedis, type NodeRedisClient, type NodeRedisOptions } from './node-redis.js'

/** Options of `createSentinel` of node-redis, as far as the package reads them. */
export interface NodeRedisSentinelOptions {
  /** What the sentinels call the primary. */
  readonly name: string
  readonly sentinelRootNodes: readonly NodeAddress[]
  /** User, password, TLS and database of the server itself. */
  readonly nodeClientOptions?: NodeRedisOptions
  /** The same of the sentinels. */
  readonly sentinelClientOptions?: NodeRedisOptions
  /** Where the primaries that the sentinels announce are reached from here. */
  readonly nodeAddressMap?: NodeAddressMap
}

const EXPECTED = 'options of a Sentinel: `{ name, sentinelRootNodes: [{ host, port }], nodeClientOptions }`'

/** The options of a Sentinel. A client of one does not tell its own, so it cannot stand for them. */
export function sentinelOptionsIn(source: object, option: string): NodeRedisSentinelOptions | undefined {
  const candidate = carriedBy(source)
  if (typeof candidate === 'object' && candidate !== null && 'getMasterNode' in candidate) {
    throw optionInvalid(
      option,
      EXPECTED,
      candidate,
      'A sentinel client keeps its options to itself: pass them instead.',
    )
  }
  if (!('sentinelRootNodes' in source)) return undefined
  const options = source as NodeRedisSentinelOptions
  const { name, sentinelRootNodes } = options
  const isPlace = (node: unknown): boolean => typeof (node as NodeAddress | undefined)?.host === 'string'
  const isList = Array.isArray(sentinelRootNodes) && sentinelRootNodes.length > 0
  if (typeof name !== 'string' || !isList || !sentinelRootNodes.every(isPlace)) {
    throw optionHidden(option, EXPECTED, 'others')
  }
  return options
}

/**
 * A client of the present primary: the first sentinel that answers says where it is.
 *
 * @param turn Which one is asked first, counted round: one that was cut off from the others may know a primary of before.
 */
export async function createFromSentinels(options: NodeRedisSentinelOptions, turn: number): Promise<NodeRedisClient> {
  const { sentinelRootNodes, sentinelClientOptions = {}, nodeClientOptions = {}, name } = options
  const first = turn % sentinelRootNodes.length
  let last: unknown = new Error('no sentinel')
  for (const { host, port } of [...sentinelRootNodes.slice(first), ...sentinelRootNodes.slice(0, first)]) {
    const sentinel = await createNodeRedis({
      ...sentinelClientOptions,
      socket: { ...sentinelClientOptions.socket, host, port },
    })
    sentinel.on('error', () => {})
    try {
      await sentinel.connect()
      const place = await sentinel.sendCommand(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name]).catch(asSentinel)
      if (!Array.isArray(place)) throw new Error(`UNKNOWN name at the sentinel`)
      const announced = { host: String(place[0]), port: Number(place[1]) }
      const socket = { ...nodeClientOptions.socket, ...translated(announced, options.nodeAddressMap) }
      return await createNodeRedis({ ...nodeClientOptions, socket })
    } catch (error) {
      last = error
    } finally {
      if (sentinel.isOpen) sentinel.destroy()
    }
  }
  throw last
}

/** Says of a server that knows no such command what is wrong with it. */
function asSentinel(error: unknown): never {
  const isNone = error instanceof Error && /^ERR unknown command/i.test(error.message)
  throw isNone ? new Error('SENTINEL expected') : error
}
