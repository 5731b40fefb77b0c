import { hash } from 'node:crypto'
import type { Clock } from '../runtime/clock.js'
import { addressText, type ClusterMap, type NodeAddress, readClusterMap, redirectionIn } from './cluster-map.js'
import { type ClusterNode, createClusterNode } from './cluster-node.js'
import type { ClusterNodes } from './cluster-source.js'
import type { Connection } from './connection.js'
import { hashSlot, SLOTS } from './hash-slot.js'
import type { ServerIdentity } from './inspect-server.js'
import { createReconnecting, type Life } from './reconnect.js'
import type { RedisArgument, SendCommand } from './script.js'
import { warnOnce } from './warn-once.js'

/** Options of {@link createClusterConnection}. */
export interface ClusterConnectionOptions {
  readonly nodes: ClusterNodes
  readonly clock: Clock
  /** The key whose node keeps the store's time, and is asked what has no key. */
  readonly controlKey: string
  /** Everything that has to happen before anybody else may send a command. A rejection means: not connected. */
  readonly prepare: (send: SendCommand, identity: ServerIdentity) => Promise<void>
  readonly onReady?: () => void
}

/** Connections to all primaries of a Cluster that look like one. */
export interface ClusterConnection extends Connection {
  /** Where the control key is at present. */
  controlAddress(): NodeAddress | undefined
  /** The ways to all primaries, for what has no key and concerns each of them. */
  primaries(): readonly SendCommand[]
  /** How far the clock of a key's node is at least ahead of the control key's. */
  leastSkewMs(key: string): number
}

const MOST_REDIRECTIONS = 4
const DISCOVERY_MS = 1000
const WITH_SCRIPT = new Set<unknown>(['EVAL', 'EVALSHA'])
const WITHOUT_KEY = new Set<unknown>(['TIME', 'PING', 'INFO'])

/**
 * Returns one connection over all primaries of a Cluster: each command goes to the primary of its key's slot.
 *
 * It is there if all of them are, as by default the Cluster itself. A node that is lost, or an address nobody knew, makes
 * it look at the whole again: which primaries there are, and which run of each, before anything else is sent.
 */
export function createClusterConnection(options: ClusterConnectionOptions): ClusterConnection {
  const { nodes: places, clock, controlKey } = options
  const nodes = new Map<string, ClusterNode>()
  const moved = new Map<number, string>()
  const controlSlot = hashSlot(controlKey)
  let map: ClusterMap | undefined

  const nodeOf = (slot: number): ClusterNode | undefined => nodes.get(moved.get(slot) ?? map?.ownerOf(slot) ?? '')

  const routed = (args: readonly RedisArgument[], hops = 0): Promise<unknown> => {
    const slot = slotFor(args)
    const node = nodeOf(slot)
    if (node === undefined) return Promise.reject(new Error('CLUSTERDOWN no node has the slot'))
    return node.connection.send(args).catch(async (error) => {
      const redirection = redirectionIn(error)
      if (redirection === undefined || hops >= MOST_REDIRECTIONS) throw error
      const { kind, host = node.address.host, port } = redirection
      const target = places.translate({ host, port })
      const next = nodes.get(addressText(target))
      if (kind === 'ASK') return askedAt(next ?? open(target), args)
      if (next?.connection.state !== 'ready') {
        loop.fall()
        throw new Error('TRYAGAIN the Cluster has changed')
      }
      moved.set(slot, addressText(target))
      return routed(args, hops + 1)
    })
  }
  // A node that is given its first slot is not among the primaries before it has it.
  const askedAt = async ({ connection }: ClusterNode, args: readonly RedisArgument[]): Promise<unknown> => {
    await connection.firstAttempt()
    connection.send(['ASKING']).catch(() => {})
    return connection.send(args)
  }
  const slotFor = (args: readonly RedisArgument[]): number => {
    const key = WITHOUT_KEY.has(args[0]) ? undefined : args[WITH_SCRIPT.has(args[0]) ? 3 : args[0] === 'MEMORY' ? 2 : 1]
    return key === undefined ? controlSlot : hashSlot(String(key))
  }

  const open = (address: NodeAddress): ClusterNode => {
    const node = createClusterNode({ address, places, clock, onReady: () => loop.wake(), onLost: () => loop.fall() })
    nodes.set(addressText(address), node)
    node.connection.start()
    return node
  }
  const adopt = async (found: ClusterMap): Promise<void> => {
    for (const [text, node] of nodes) {
      if (found.primaries.has(text)) continue
      nodes.delete(text)
      node.connection.close().catch(() => {})
    }
    map = found
    moved.clear()
    for (let slot = 0; slot < SLOTS; slot++) {
      if (found.ownerOf(slot) === undefined) throw new Error('CLUSTERDOWN slots without a primary')
    }
    const all = [...found.primaries].map(([text, address]) => nodes.get(text) ?? open(address))
    await Promise.all(all.map(({ connection }) => connection.firstAttempt()))
    const missing = all.find(({ connection }) => connection.state !== 'ready')
    if (missing !== undefined) throw wordError(missing.connection.lastError)
  }

  const live = async (life: Life): Promise<void> => {
    await adopt(await discover(places, nodes, clock))
    if (life.isClosed()) return
    life.watch()
    await options.prepare(routed, identityOf(nodes))
    if (life.isClosed()) return
    if ([...nodes.values()].some(({ connection }) => connection.state !== 'ready')) throw new Error('lost')
    await life.ready()
  }
  const loop = createReconnecting({ clock, live, onReady: options.onReady })

  return {
    get state() {
      return loop.state
    },
    get reconnects() {
      return loop.reconnects
    },
    get lastError() {
      const broken = [...nodes.values()].find(({ connection }) => connection.state !== 'ready')
      return broken?.connection.lastError ?? loop.lastError
    },
    start: loop.start,
    firstAttempt: loop.firstAttempt,
    send: (args) => (loop.state === 'ready' ? routed(args) : Promise.reject(new Error('not connected'))),
    restart: loop.fall,
    controlAddress: () => nodeOf(controlSlot)?.address,
    primaries: () => [...nodes.values()].map(({ connection }) => connection.send),
    leastSkewMs(key) {
      const [node, control] = [nodeOf(hashSlot(key)), nodeOf(controlSlot)]
      return node === undefined || control === undefined || node === control
        ? 0
        : node.offset().least - control.offset().most
    },
    close: () => loop.close(() => Promise.all([...nodes.values()].map(({ connection }) => connection.close()))),
  }
}

/** Asks whoever answers first: a node that is connected, else the ones that were named. */
async function discover(
  places: ClusterNodes,
  nodes: ReadonlyMap<string, ClusterNode>,
  clock: Clock,
): Promise<ClusterMap> {
  let last: unknown = new Error('no node answers')
  for (const { address, connection } of nodes.values()) {
    if (connection.state !== 'ready') continue
    try {
      const reply = await within(DISCOVERY_MS, clock, connection.send(['CLUSTER', 'SLOTS']))
      return readClusterMap(reply, address, places.translate)
    } catch (error) {
      last = error
    }
  }
  for (const address of places.seeds) {
    const client = await places.createAt(address)
    client.on('error', () => {})
    try {
      await client.connect()
      const reply = await within(DISCOVERY_MS, clock, client.sendCommand(['CLUSTER', 'SLOTS']))
      return readClusterMap(reply, address, places.translate)
    } catch (error) {
      last = isSingle(error) ? singleServer(address) : error
    } finally {
      if (client.isOpen) client.destroy()
    }
  }
  throw last
}

function isSingle(error: unknown): boolean {
  return error instanceof Error && error.message.includes('cluster support disabled')
}

// The server answers, so nobody would look at `health()` for why nothing is ever cached.
function singleServer(address: NodeAddress): Error {
  const place = addressText(address)
  const message = `The shared store at ${place} is no Cluster, so nothing is cached in it: give its URL as the store, not \`rootNodes\`.`
  warnOnce('HOPSTASH_REDIS_CLUSTER', place, message)
  return new Error('SINGLE server')
}

async function within<T>(ms: number, clock: Clock, work: Promise<T>): Promise<T> {
  let timer: unknown
  const limit = new Promise<never>((_, reject) => {
    timer = clock.setTimer(() => reject(new Error('TIMEOUT')), ms)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clock.clearTimer(timer)
    work.catch(() => {})
  }
}

/** The Cluster as one server: another primary, or another run of one, is another run of the whole. */
function identityOf(nodes: ReadonlyMap<string, ClusterNode>): ServerIdentity {
  const identities = [...nodes.values()].map(({ identity }) => identity())
  const runs = identities.map((identity) => identity?.runId)
  const isKnown = runs.every((run) => run !== undefined)
  return {
    software: identities[0]?.software,
    runId: isKnown ? hash('sha1', runs.sort().join(), 'hex') : undefined,
    isClusterNode: true,
  }
}

function wordError(word: string | undefined): Error {
  return Object.assign(new Error('a node is not there'), { code: word ?? 'AWAY' })
}
