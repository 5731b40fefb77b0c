import { createClusterConnection } from '../redis/cluster-connection.js'
import type { NodeRedisClusterOptions } from '../redis/cluster-source.js'
import { type Connection, createConnection } from '../redis/connection.js'
import { type ResolvedSource, resolveSource } from '../redis/redis-source.js'
import { optionsOf } from '../redis/redis-url.js'
import type { SendCommand } from '../redis/script.js'
import type { NodeRedisSentinelOptions } from '../redis/sentinel-source.js'
import { type StoreKeys, storeKeys } from '../redis/store-keys.js'
import type { Clock } from '../runtime/clock.js'
import type { Call } from './command.js'
import { Failure } from './failure.js'
import { modeOf, primariesOf } from './server-mode.js'
import { changeFor, Unreachable, type Why, whyUnreachable } from './unreachable.js'

/** A Redis or Valkey that was reached: one server, the primary that Sentinels tell of, or a whole Cluster. */
export interface RedisPlace {
  /** What a stash takes as its store. */
  readonly given: string | NodeRedisClusterOptions | NodeRedisSentinelOptions
  readonly source: ResolvedSource
  readonly connection: Connection
  readonly keys: StoreKeys
  /** The ways to all servers that have entries. */
  nodes(): readonly SendCommand[]
}

/**
 * Connects once to where `--store` and `--sentinel` point. A node of a Cluster stands for the whole of it.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` for a URL that is none
 * @throws {Unreachable}
 */
export async function reach(call: Pick<Call, 'values' | 'clock'>, url: string): Promise<RedisPlace> {
  const { values, clock } = call
  const keys = storeKeys(values.prefix)
  const given = values.sentinel === undefined ? url : sentinelOptions(url, values.sentinel)
  const source = resolveSource(given, 'store')
  const connection = createConnection({ source, clock, prepare: async (send) => void (await send(['PING'])) })
  await begin(connection, source.address, (word) => whyUnreachable(call, url, word))
  const mode = await modeOf(connection.send)
  if (mode !== 'cluster' && mode !== 'sentinel')
    return { given, source, connection, keys, nodes: () => [connection.send] }
  const names = mode === 'sentinel' ? await primariesOf(connection.send) : []
  await connection.close()
  if (mode === 'cluster') return reachCluster({ rootNodes: [{ url }] }, keys, clock)
  throw new Unreachable(source.address, {
    wrong: 'a Sentinel, which stores nothing itself',
    change: `Give --sentinel NAME, with the name of the primary${names.length === 0 ? '' : `: ${names.join(' or ')}`}.`,
  })
}

/** As {@link reach}. @throws {Failure} in words for whoever typed the command */
export async function reached(call: Pick<Call, 'values' | 'clock'>, url: string): Promise<RedisPlace> {
  try {
    return await reach(call, url)
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    throw new Failure(`The store at ${error.message}. ${error.change}`)
  }
}

async function reachCluster(given: NodeRedisClusterOptions, keys: StoreKeys, clock: Clock): Promise<RedisPlace> {
  const resolved = resolveSource(given, 'store')
  const { cluster } = resolved
  if (cluster === undefined) throw new TypeError('no Cluster')
  const connection = createClusterConnection({
    nodes: cluster,
    clock,
    controlKey: keys.control,
    prepare: async (send) => void (await send(['PING'])),
  })
  await begin(connection, resolved.address, async (word) => ({
    wrong:
      word === 'CLUSTERDOWN' ? 'the Cluster is down (CLUSTERDOWN)' : `the Cluster cannot be used as a whole (${word})`,
    change: /^E[A-Z]+$|Timeout/.test(word)
      ? 'Every primary must be reachable from here, by the address the Cluster has for it: redis-cli CLUSTER SLOTS tells it.'
      : changeFor(word),
  }))
  const [seed] = cluster.seeds
  // Messages reach every node, whichever they are sent to.
  const create: ResolvedSource['create'] = () =>
    cluster.createAt(connection.controlAddress() ?? (seed as NonNullable<typeof seed>))
  return { given, source: { ...resolved, create }, connection, keys, nodes: connection.primaries }
}

async function begin(connection: Connection, address: string, why: (word: string) => Promise<Why>): Promise<void> {
  connection.start()
  await connection.firstAttempt()
  if (connection.state === 'ready') return
  const { lastError = 'no answer' } = connection
  await connection.close()
  throw new Unreachable(address, await why(lastError))
}

/** The URL is that of one Sentinel; user, password, TLS and database are those of the server it tells of. */
function sentinelOptions(url: string, name: string): NodeRedisSentinelOptions {
  const { socket = {}, ...rest } = optionsOf(url, 'store')
  const { host, port, ...secured } = socket as { readonly host: string; readonly port: number }
  return {
    name,
    sentinelRootNodes: [{ host, port }],
    nodeClientOptions: { ...rest, socket: secured },
    sentinelClientOptions: { socket: secured },
  }
}
