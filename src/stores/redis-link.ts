import { createClusterConnection } from '../redis/cluster-connection.js'
import type { Connection } from '../redis/connection.js'
import { inspectServer, type ServerIdentity } from '../redis/inspect-server.js'
import type { ResolvedSource } from '../redis/redis-source.js'
import type { SendCommand } from '../redis/script.js'
import { shareConnection } from '../redis/shared-connection.js'
import { warnOnce } from '../redis/warn-once.js'
import type { Clock } from '../runtime/clock.js'
import { type ClusterSite, redisClusterVerbs } from './redis-cluster-verbs.js'
import { type RedisVerbs, redisVerbs } from './redis-verbs.js'

/** Options of {@link openLink}. */
export interface LinkOptions {
  readonly source: ResolvedSource
  readonly clock: Clock
  /** Whether connections are shared with others of the same source in this process. */
  readonly isShared: boolean
  readonly controlKey: string
  /** Everything that has to happen before anybody else may send a command. */
  readonly prepare: (send: SendCommand, identity: ServerIdentity) => Promise<void>
  readonly onReady: () => void
}

/** What differs between one node and a Cluster. */
export interface RedisLink {
  readonly connection: Connection
  readonly verbs: (site: ClusterSite) => RedisVerbs
  /** Where messages are listened to: where they are sent from, so that they have the shortest way. */
  readonly busSource: ResolvedSource
  /** The ways to all nodes that have entries, as they are now. */
  readonly nodes: () => readonly SendCommand[]
  readonly leastSkewMs: (storedKey: string) => number
}

/** Returns the way to a store, not connected yet. */
export function openLink({ source, clock, isShared, controlKey, prepare, onReady }: LinkOptions): RedisLink {
  const { cluster } = source
  if (cluster === undefined) {
    const connection = shareConnection(
      { source, clock, purpose: 'commands', isShared },
      {
        onReady,
        prepare: async (send) => {
          const identity = await inspectServer(send)
          // Its slots are not all of them: what is written here would be looked for elsewhere.
          if (identity.isClusterNode) {
            warnOfNode(source)
            throw new Error('CLUSTER node: give the options of the Cluster')
          }
          await prepare(send, identity)
        },
      },
    )
    return { connection, verbs: redisVerbs, busSource: source, nodes: () => [connection.send], leastSkewMs: () => 0 }
  }
  const connection = createClusterConnection({ nodes: cluster, clock, controlKey, prepare, onReady })
  const busSource = {
    ...source,
    create: async () => {
      await connection.firstAttempt()
      const address = connection.controlAddress()
      return address === undefined ? Promise.reject(new Error('AWAY')) : cluster.createAt(address)
    },
  }
  return {
    connection,
    verbs: redisClusterVerbs,
    busSource,
    nodes: connection.primaries,
    leastSkewMs: connection.leastSkewMs,
  }
}

// The server answers, so nobody would look at `health()` for why nothing is ever cached.
function warnOfNode({ address }: ResolvedSource): void {
  const message = `The shared store at ${address} is a node of a Cluster, so nothing is cached in it: give \`{ rootNodes: [{ url }] }\` as the store, not the URL alone.`
  warnOnce('HOPSTASH_REDIS_CLUSTER', address, message)
}
