import type { Clock } from '../runtime/clock.js'
import { addressText, type NodeAddress } from './cluster-map.js'
import type { ClusterNodes } from './cluster-source.js'
import { type Connection, createConnection } from './connection.js'
import { inspectServer, type ServerIdentity } from './inspect-server.js'
import type { SendCommand } from './script.js'

/** One primary of a Cluster. */
export interface ClusterNode {
  readonly address: NodeAddress
  readonly connection: Connection
  /** Who it was when it was connected to last. */
  identity(): ServerIdentity | undefined
  /** Its time, less our monotonic one. Taken anew once a minute, behind. */
  offsetMs(): number
}

/** Options of {@link createClusterNode}. */
export interface ClusterNodeOptions {
  readonly address: NodeAddress
  readonly places: ClusterNodes
  readonly clock: Clock
  readonly onReady: () => void
  readonly onLost: () => void
}

const TIME_HOLDS_MS = 60_000

/** Returns a connection to one node that is looked after, and what is known of that node. */
export function createClusterNode(options: ClusterNodeOptions): ClusterNode {
  const { address, places, clock } = options
  let identity: ServerIdentity | undefined
  let offsetMs = 0
  let takenAt = -Infinity

  const takeTime = async (send: SendCommand): Promise<void> => {
    takenAt = clock.now()
    const reply = await send(['TIME'])
    if (!Array.isArray(reply)) return
    const [seconds, micros] = reply
    offsetMs = Number(String(seconds)) * 1000 + Number(String(micros)) / 1000 - (takenAt + clock.now()) / 2
  }
  const connection = createConnection({
    source: { address: addressText(address), warnings: [], create: () => places.createAt(address) },
    clock,
    prepare: async (send) => {
      identity = await inspectServer(send)
      await takeTime(send)
    },
    onReady: options.onReady,
    onLost: options.onLost,
  })

  return {
    address,
    connection,
    identity: () => identity,
    offsetMs() {
      if (clock.now() - takenAt > TIME_HOLDS_MS) takeTime(connection.send).catch(() => {})
      return offsetMs
    },
  }
}
