import { freePort, type RedisServer, startRedis } from './redis-server.js'

/** A Cluster that a test has to itself: three primaries on loopback, a third of the slots each. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[]
  /** Options of `createCluster` for it. */
  readonly options: { readonly rootNodes: readonly { readonly url: string }[] }
  /** The node that has the slot of a key now. */
  ownerOf(key: string): Promise<RedisServer>
  /** One command at the node of its key. */
  command(key: string, ...args: readonly string[]): Promise<unknown>
  /** One node more, without a slot, which the others know. It is ended with the Cluster. */
  join(): Promise<RedisServer>
  /** Begins to move one key's slot; resolves to what moves its keys, and makes the other node its owner. */
  beginMoveOf(key: string, to: RedisServer): Promise<() => Promise<void>>
  /** Moves one key's slot, and what is in it, to another node. */
  moveSlotOf(key: string, to: RedisServer): Promise<void>
  flush(): Promise<void>
  stop(): Promise<void>
}

const SLOTS = 16_384
const BUS_OFFSET = 10_000
const HIGHEST_PORT = 65_535 - BUS_OFFSET

/** Starts a Cluster and waits until all of its nodes call it well. */
export async function startCluster({ persist = false } = {}): Promise<RedisCluster> {
  const nodes = await Promise.all([startNode(persist), startNode(persist), startNode(persist)])
  const [first, ...others] = nodes as [RedisServer, ...RedisServer[]]
  const share = Math.ceil(SLOTS / nodes.length)
  for (const [index, node] of nodes.entries()) {
    // One by one instead of by range: a range needs Redis 7.
    const last = Math.min(SLOTS, share * (index + 1))
    const slots = Array.from({ length: last - share * index }, (_, at) => String(share * index + at))
    await node.command('CLUSTER', 'ADDSLOTS', ...slots)
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))
  }
  for (const other of others) await first.command('CLUSTER', 'MEET', '127.0.0.1', String(other.port))
  const joined: RedisServer[] = []
  const cluster: RedisCluster = {
    nodes,
    options: { rootNodes: nodes.map(({ url }) => ({ url })) },
    async ownerOf(key) {
      const slot = Number(await first.command('CLUSTER', 'KEYSLOT', key))
      const ranges = (await first.command('CLUSTER', 'SLOTS')) as [number, number, [string, number]][]
      const range = ranges.find(([from, to]) => from <= slot && slot <= to)
      return nodes.find(({ port }) => port === range?.[2][1]) as RedisServer
    },
    async command(key, ...args) {
      return (await cluster.ownerOf(key)).command(...args)
    },
    async join() {
      const joining = await startNode(persist)
      joined.push(joining)
      await first.command('CLUSTER', 'MEET', '127.0.0.1', String(joining.port))
      await untilWell([...nodes, ...joined], nodes.length)
      return joining
    },
    async beginMoveOf(key, to) {
      const slot = String(await first.command('CLUSTER', 'KEYSLOT', key))
      const from = await cluster.ownerOf(key)
      const [fromId, toId] = (await Promise.all([from, to].map((node) => node.command('CLUSTER', 'MYID')))) as string[]
      await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId as string)
      await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId as string)
      return async () => {
        for (const moved of (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, '1000')) as string[]) {
          await from.command('MIGRATE', '127.0.0.1', String(to.port), moved, '0', '2000')
        }
        for (const node of [to, from, ...nodes]) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId as string)
      }
    },
    async moveSlotOf(key, to) {
      const finish = await cluster.beginMoveOf(key, to)
      await finish()
    },
    async flush() {
      await Promise.all(nodes.map((node) => node.command('FLUSHALL')))
    },
    async stop() {
      await Promise.all([...nodes, ...joined].map((node) => node.stop()))
    },
  }
  await untilWell(nodes)
  return cluster
}

async function startNode(persist: boolean): Promise<RedisServer> {
  let port = await freePort()
  // Nodes talk to each other on a port 10,000 above.
  while (port > HIGHEST_PORT) port = await freePort()
  return startRedis({
    port,
    persist,
    args: [
      '--cluster-enabled',
      'yes',
      '--cluster-config-file',
      'nodes.conf',
      '--cluster-node-timeout',
      '2000',
      '--cluster-announce-ip',
      '127.0.0.1',
    ],
  })
}

async function untilWell(nodes: readonly RedisServer[], primaries = nodes.length): Promise<void> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const infos = await Promise.all(nodes.map((node) => node.command('CLUSTER', 'INFO')))
    const isWell = (info: unknown): boolean =>
      ['state:ok', `size:${primaries}`, `known_nodes:${nodes.length}`].every((word) =>
        String(info).includes(`cluster_${word}\r`),
      )
    if (infos.every(isWell)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('the Cluster does not come up')
}
