import { afterEach, describe, expect, it } from 'vitest'
import { NOBODYS_PORT, type RedisServer, type RedisServerOptions, startRedis } from '../support/redis-server.js'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js'
import {
  askedOf,
  eventually,
  HASTY,
  pause,
  type RedisProcess,
  readConnected,
  setConnected,
  settled,
  startProcess,
  untilConnected,
} from './redis-world.js'

// Every fault by the same score: a caller asks once at most, nothing is asked while the store is away, results are truthful,
// it recovers by itself, nothing old is served after it, and close() settles. The benchmark of faults says what it takes.

interface World {
  readonly server: RedisServer
  readonly proxy: TcpProxy
}

interface Fault {
  readonly name: string
  readonly server?: RedisServerOptions
  /** What the processes connect with, where it is not the proxy as it is. */
  readonly login?: (world: World) => Promise<string>
  /** Before the fault, with everything well and the keys stored. */
  readonly before?: (world: World) => Promise<unknown>
  readonly begin: (world: World) => unknown
  readonly end: (world: World) => unknown
  /** Whether commands can still succeed while it lasts, so that nobody has to be away. */
  readonly isPartial?: boolean
}

let flood: ReturnType<typeof setInterval> | undefined

const FAULTS: readonly Fault[] = [
  { name: 'SIGSTOP, thawed', begin: ({ server }) => server.freeze(), end: ({ server }) => server.thaw() },
  { name: 'SIGKILL, back empty', begin: ({ server }) => server.kill(), end: ({ server }) => server.restart() },
  {
    name: 'SIGKILL, back with its data',
    server: { persist: true },
    begin: ({ server }) => server.kill(),
    end: ({ server }) => server.restart(),
  },
  {
    name: 'SIGKILL, back from an older snapshot',
    before: ({ server }) => server.command('SAVE'),
    begin: ({ server }) => server.kill(),
    end: ({ server }) => server.restart(),
  },
  {
    name: 'half-open: the connection is silent',
    begin: ({ proxy }) => {
      proxy.silent = true
    },
    end: ({ proxy }) => {
      proxy.silent = false
      // What was sent into the silence is lost, as on a network that dropped it.
      proxy.cut()
    },
  },
  {
    name: 'replies that come when nobody waits for them any more',
    begin: ({ proxy }) => {
      proxy.held = true
    },
    end: ({ proxy }) => {
      proxy.held = false
    },
  },
  {
    name: 'a reply cut in its middle, then refused',
    begin: ({ proxy }) => {
      proxy.cutAnswersAfter = 9
      proxy.refuse = true
    },
    end: ({ proxy }) => {
      proxy.cutAnswersAfter = Infinity
      proxy.refuse = false
    },
  },
  {
    name: 'a replica after a fail-over',
    begin: ({ server }) => server.command('REPLICAOF', '127.0.0.1', String(NOBODYS_PORT)),
    end: ({ server }) => server.command('REPLICAOF', 'NO', 'ONE'),
  },
  {
    name: 'the user is revoked',
    login: async ({ server, proxy }) => {
      await server.command('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all')
      return `redis://app:pw@127.0.0.1:${proxy.port}`
    },
    begin: ({ server }) => server.command('ACL', 'DELUSER', 'app'),
    end: ({ server }) => server.command('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all'),
  },
  {
    name: "the user's rights are taken away",
    login: async ({ server, proxy }) => {
      await server.command('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all')
      return `redis://app:pw@127.0.0.1:${proxy.port}`
    },
    begin: ({ server }) => server.command('ACL', 'SETUSER', 'app', '-@all'),
    end: ({ server }) => server.command('ACL', 'SETUSER', 'app', '+@all'),
  },
  {
    name: 'SCRIPT FLUSH every 20 ms',
    begin: ({ server }) => {
      flood = setInterval(() => server.command('SCRIPT', 'FLUSH').catch(() => {}), 20)
    },
    end: () => clearInterval(flood),
    isPartial: true,
  },
  {
    name: 'every connection killed every 100 ms',
    begin: ({ server }) => {
      flood = setInterval(() => {
        for (const kind of ['normal', 'pubsub']) server.command('CLIENT', 'KILL', 'TYPE', kind).catch(() => {})
      }, 100)
    },
    end: () => clearInterval(flood),
    isPartial: true,
  },
]

const ends: (() => Promise<unknown>)[] = []

afterEach(async () => {
  clearInterval(flood)
  for (const end of ends.splice(0).reverse()) await end()
})

describe.each(FAULTS)('$name', (fault) => {
  it('survives', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    ends.push(async () => void process.off('unhandledRejection', note))
    const server = await startRedis(fault.server)
    ends.push(() => server.stop())
    const proxy = await startProxy(server.port)
    ends.push(() => proxy.close())
    const world = { server, proxy }
    const url = (await fault.login?.(world)) ?? proxy.url
    const [p, q] = [await startProcess(url, HASTY), await startProcess(url, HASTY)]
    ends.push(() => Promise.all([p.stash.close(), q.stash.close()]))
    await untilConnected(p, q)
    for (const key of ['deleted', 'set', 'deleted before', 'kept', 'tagged']) await setConnected(p, key, 1)
    for (const key of ['deleted', 'set', 'kept', 'tagged']) await eventually(async () => !!(await q.things.get(key)))
    await fault.before?.(world)
    await eventually(async () => (await p.things.delete('deleted before')).store === 'done')
    await untilConnected(p, q)

    await fault.begin(world)
    await pause(30)
    await boundedCalls(p, fault.isPartial === true)
    expect(['done', 'queued', 'failed']).toContain((await p.things.delete('deleted')).store)
    const set = await p.things.set('set', { v: 2 })
    expect(['done', 'queued', 'failed']).toContain(set.store)
    // This process obeys what it said itself, whatever the store thinks.
    expect(await p.things.get('deleted')).toBeUndefined()
    expect((await p.things.get('set'))?.v).not.toBe(1)
    await pause(300)
    await fault.end(world)

    await untilConnected(p, q)
    for (const process of [p, q]) {
      expect(await readConnected(process, 'deleted')).toBeUndefined()
      expect(await readConnected(process, 'deleted before')).toBeUndefined()
      expect((await readConnected(process, 'set'))?.v).not.toBe(1)
      expect([undefined, 1]).toContain((await readConnected(process, 'kept'))?.v)
    }
    await setConnected(p, 'set', 3)
    await eventually(async () => (await q.things.get('set'))?.v === 3)
    expect(await q.things.getOrSet('after', async () => ({ v: 7 }))).toEqual({ v: 7 })

    await fault.begin(world)
    await settled(Promise.all([p.stash.close(), q.stash.close()]))
    await fault.end(world)
    expect(unhandled).toEqual([])
  })
})

/** The first call asks once at most, and no second time when that is not answered; once the store is away nobody asks. */
async function boundedCalls(p: RedisProcess, isPartial: boolean): Promise<void> {
  const asked = askedOf(p.store)
  expect(await p.things.getOrSet('cold', async () => ({ v: 5 }))).toEqual({ v: 5 })
  if (isPartial) return
  expect(asked.length).toBeLessThanOrEqual(1)
  await eventually(() => p.tier.link.away)
  const before = asked.length
  const calls = Array.from({ length: 50 }, (_, index) => p.things.getOrSet(`cold ${index}`, async () => ({ v: 5 })))
  expect(await Promise.all(calls)).toEqual(Array(50).fill({ v: 5 }))
  expect(asked.length).toBe(before)
}
