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
  /** Between which bounds its time, less our monotonic one, lies. Taken anew in time, behind. */
  offset(): Bounds
}

/** What is known of a number that cannot be measured exactly. */
export interface Bounds {
  readonly least: number
  readonly most: number
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
/** A sample that took longer than this says too little, and is soon taken again. */
const PRECISE_MS = 10
const IMPRECISE_HOLDS_MS = 1000
const SAMPLES = 3

/** Returns a connection to one node that is looked after, and what is known of that node. */
export function createClusterNode(options: ClusterNodeOptions): ClusterNode {
  const { address, places, clock } = options
  let identity: ServerIdentity | undefined
  let offset: Bounds = { least: 0, most: 0 }
  let takenAt = -Infinity

  const takeTime = async (send: SendCommand): Promise<void> => {
    takenAt = clock.now()
    let best: Bounds | undefined
    for (let sample = 0; sample < SAMPLES; sample++) {
      const taken = await timeOf(send, clock)
      if (taken !== undefined && (best === undefined || width(taken) < width(best))) best = taken
    }
    offset = best ?? offset
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
    offset() {
      const holdsMs = width(offset) > PRECISE_MS ? IMPRECISE_HOLDS_MS : TIME_HOLDS_MS
      if (clock.now() - takenAt > holdsMs) takeTime(connection.send).catch(() => {})
      return offset
    },
  }
}

/** The node told its time somewhere between the question and the answer. */
async function timeOf(send: SendCommand, clock: Clock): Promise<Bounds | undefined> {
  const askedAt = clock.now()
  const reply = await send(['TIME'])
  if (!Array.isArray(reply)) return undefined
  const [seconds, micros] = reply
  const time = Number(String(seconds)) * 1000 + Number(String(micros)) / 1000
  return { least: time - clock.now(), most: time - askedAt }
}

function width({ least, most }: Bounds): number {
  return most - least
}
