import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../src/index.js'
import { type RedisSentinels, startSentinels } from '../support/redis-sentinels.js'
import { NOBODYS_PORT, startRedis } from '../support/redis-server.js'
import { eventually, PATIENT_MS } from './redis-world.js'

let sentinels: RedisSentinels

beforeAll(async () => {
  sentinels = await startSentinels()
}, 120_000)

afterAll(() => sentinels.stop())

/** Sentinels need a second to notice, and as long as a busy machine makes them to agree. */
const FAILOVER_MS = 90_000

async function openStash() {
  const stash = createStash({
    store: sentinels.options,
    storeTimeout: PATIENT_MS,
    namespaces: { things: namespace<string, string>({ ttl: '1h' }) },
  })
  expect(await stash.ready(PATIENT_MS)).toBe(true)
  return stash
}

describe('a primary watched by Sentinels', () => {
  it('dies, and its replica takes over: reads and writes find it, and what was deleted stays deleted, even what the replica never heard of', async () => {
    const [primary, replica] = sentinels.servers
    const [a, b] = [await openStash(), await openStash()]
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`)
    // Loads, for what was set lately is deleted, too, in a store that may be older than the set.
    await Promise.all(keys.map((key) => a.things.getOrSet(key, () => 'old')))
    await eventually(async () => (await Promise.all(keys.map((key) => b.things.get(key)))).every((v) => v === 'old'))
    await eventually(async () => Number(await replica.command('DBSIZE')) === Number(await primary.command('DBSIZE')))
    const [deleted, kept] = [keys.slice(0, 10), keys.slice(10)]
    // What is acknowledged from here on dies with the primary.
    replica.freeze()
    const results = await Promise.all(deleted.map((key) => a.things.delete(key)))
    expect(results).toEqual(deleted.map(() => ({ memory: 'done', store: 'done' })))
    await eventually(() => deleted.every((key) => b.things.peek(key) === undefined))
    await primary.kill()
    replica.thaw()
    const own: unknown[] = []
    const isWell = async (): Promise<boolean> => {
      own.push(...(await Promise.all(deleted.map((key) => a.things.get(key)))))
      await b.things.get('anything')
      return [a, b].every((stash) => stash.health().status === 'ok')
    }
    await eventually(async () => (await sentinels.primaryPort()) === replica.port, FAILOVER_MS)
    await eventually(isWell, FAILOVER_MS)
    expect(own.filter((value) => value !== undefined)).toEqual([])
    // The replica had them: they were told it again.
    for (const stash of [a, b]) {
      expect(await Promise.all(deleted.map((key) => stash.things.get(key)))).toEqual(deleted.map(() => undefined))
      expect(await Promise.all(kept.map((key) => stash.things.get(key)))).toEqual(kept.map(() => 'old'))
    }
    expect(await a.things.set('k0', 'new')).toEqual({ memory: 'done', store: 'done' })
    await eventually(async () => (await b.things.get('k0')) === 'new')
    expect(await replica.command('EXISTS', '{hopstash:things:v1:k0}:e')).toBe(1)
    await eventually(() => [a, b].every((stash) => stash.health().store?.bus === 'confirmed'))
    expect(a.health()).toMatchObject({ status: 'ok', store: { status: 'ready', deaf: false, pending: 0 } })
    await Promise.all([a.close(), b.close()])
  }, 240_000)
})

describe('Sentinels that announce an address of an inner network', () => {
  it('are believed, and the primary is reached where the map says', async () => {
    const primary = await startRedis()
    const config = [`sentinel monitor inner 127.0.0.1 ${NOBODYS_PORT} 1`]
    const sentinel = await startRedis({ config, args: ['--sentinel'] })
    const reached = { host: '127.0.0.1', port: primary.port }
    const announced = `127.0.0.1:${NOBODYS_PORT}`
    for (const nodeAddressMap of [{ [announced]: reached }, (at: string) => (at === announced ? reached : undefined)]) {
      const stash = createStash({
        store: { name: 'inner', sentinelRootNodes: [{ host: '127.0.0.1', port: sentinel.port }], nodeAddressMap },
        storeTimeout: PATIENT_MS,
        namespaces: { things: namespace<string, string>({ ttl: '1h' }) },
      })
      expect(await stash.ready(PATIENT_MS)).toBe(true)
      await eventually(async () => (await stash.things.set('k', 'v')).store === 'done')
      await stash.close()
    }
    await Promise.all([primary, sentinel].map((server) => server.stop()))
  })
})

describe('a Sentinel that knows a primary of before', () => {
  it('holds nobody up, though it is the first that answers: another one is asked next', async () => {
    const primary = await startRedis()
    const [lost, well] = await Promise.all(
      [NOBODYS_PORT, primary.port].map((port) =>
        startRedis({ config: [`sentinel monitor mine 127.0.0.1 ${port} 1`], args: ['--sentinel'] }),
      ),
    )
    const stash = createStash({
      store: {
        name: 'mine',
        sentinelRootNodes: [lost, well].map((each) => ({ host: '127.0.0.1', port: each?.port as number })),
      },
      storeTimeout: PATIENT_MS,
      namespaces: { things: namespace<string, string>({ ttl: '1h' }) },
    })
    expect(await stash.ready(PATIENT_MS)).toBe(true)
    await eventually(() => stash.health().store?.bus === 'confirmed')
    await stash.close()
    await Promise.all([primary, lost, well].map((server) => server?.stop()))
  })
})
