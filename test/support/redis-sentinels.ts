import { type RedisServer, startRedis } from './redis-server.js'

/** A primary with one replica, watched by three Sentinels, on loopback. */
export interface RedisSentinels {
  /** The primary and the replica of the beginning. */
  readonly servers: readonly [primary: RedisServer, replica: RedisServer]
  /** Options of `createSentinel` for it. */
  readonly options: {
    readonly name: string
    readonly sentinelRootNodes: readonly { readonly host: string; readonly port: number }[]
  }
  /** Port of the primary, as the first Sentinel sees it. */
  primaryPort(): Promise<number>
  stop(): Promise<void>
}

const NAME = 'hopstash-primary'
const SENTINELS = 3
const QUORUM = 2

/** Starts all of it, and waits until every Sentinel knows the replica and the other Sentinels. */
export async function startSentinels(): Promise<RedisSentinels> {
  const primary = await startRedis()
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(primary.port)] })
  const config = [
    `sentinel monitor ${NAME} 127.0.0.1 ${primary.port} ${QUORUM}`,
    `sentinel down-after-milliseconds ${NAME} 1000`,
    `sentinel failover-timeout ${NAME} 5000`,
  ]
  const watching = Array.from({ length: SENTINELS }, () => startRedis({ config, args: ['--sentinel'] }))
  const sentinels = await Promise.all(watching)
  const [first] = sentinels as [RedisServer]
  await until(async () => String(await replica.command('INFO', 'replication')).includes('master_link_status:up'))
  await until(async () => {
    const seen = await Promise.all(sentinels.map((sentinel) => sentinel.command('SENTINEL', 'MASTER', NAME)))
    return seen.map(fieldsOf).every((fields) => fields['num-slaves'] === '1' && fields['num-other-sentinels'] === '2')
  })
  return {
    servers: [primary, replica],
    options: { name: NAME, sentinelRootNodes: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })) },
    async primaryPort() {
      const [, port] = (await first.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)) as [string, string]
      return Number(port)
    },
    async stop() {
      await Promise.all([...sentinels, primary, replica].map((server) => server.stop()))
    },
  }
}

function fieldsOf(reply: unknown): Record<string, string> {
  const fields: Record<string, string> = {}
  const list = reply as string[]
  for (let at = 0; at + 1 < list.length; at += 2) fields[list[at] as string] = list[at + 1] as string
  return fields
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 3000; attempt++) {
    if (await holds().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('the Sentinels do not come up')
}
