import { createCluster } from '@keyv/redis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../src/index.js'
import { hashSlot } from '../../src/redis/hash-slot.js'
import { createRedisStore } from '../../src/stores/redis.js'
import type { ContractStore } from '../../src/testing/contract-trial.js'
import { sharedStoreContract } from '../../src/testing/store-contract.js'
import { type RedisCluster, startCluster } from '../support/redis-cluster.js'
import type { RedisServer } from '../support/redis-server.js'
import { startProxy } from '../support/tcp-proxy.js'
import { eventually, PATIENT_MS } from './redis-world.js'

let cluster: RedisCluster

beforeAll(async () => {
  cluster = await startCluster()
})

beforeEach(() => cluster.flush())

afterAll(() => cluster.stop())

const CONTROL = '{hopstash}:ctl'

describe('the public contract of a shared store, on a Cluster of three', () => {
  it.each(sharedStoreContract({ create: () => open() }))('$name', ({ run }) => run())
})

async function open(): Promise<ContractStore> {
  await cluster.flush()
  const proxies = new Map(
    await Promise.all(cluster.nodes.map(async ({ port }) => [port, await startProxy(port)] as const)),
  )
  const nodeAddressMap = (address: string) => {
    const proxy = proxies.get(Number(address.split(':')[1]))
    return proxy && { host: '127.0.0.1', port: proxy.port }
  }
  const [one, two] = [
    createRedisStore({ redis: cluster.options, timeout: PATIENT_MS }),
    createRedisStore({ redis: { ...cluster.options, nodeAddressMap }, timeout: PATIENT_MS }),
  ]
  expect(await Promise.all([one.ready(PATIENT_MS), two.ready(PATIENT_MS)])).toEqual([true, true])
  return {
    one,
    two,
    wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    async evict(what, key) {
      const shared = { control: CONTROL, log: '{hopstash}:log' } as Record<string, string>
      const named = typeof what === 'object' ? `{hopstash}:m:${what.marker}` : shared[what]
      const name = named ?? (what === 'entry' ? `{${key}}:e` : `{${key}}:t`)
      await cluster.command(name, 'DEL', name)
    },
    empty: () => cluster.flush(),
    async cutBus() {
      for (const proxy of proxies.values()) proxy.refuse = true
      for (const node of cluster.nodes) await node.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    },
    healBus() {
      for (const proxy of proxies.values()) proxy.refuse = false
    },
    async close() {
      await Promise.all([one.close(), two.close()])
      await Promise.all([...proxies.values()].map((proxy) => proxy.close()))
    },
  }
}

describe('a plain URL of one of the nodes', () => {
  it('caches nothing in it, and is warned about once, with what to give instead', async () => {
    const warnings: { code?: string; message: string }[] = []
    const note = (warning: Error & { code?: string }) => void warnings.push(warning)
    process.on('warning', note)
    const { port } = cluster.nodes[0] as RedisServer
    const url = `redis://default:hunter2@127.0.0.1:${port}` as const
    const open = () => createStash({ store: url, mode: 'record', namespaces: { things: namespace({ ttl: '1h' }) } })
    const [one, two] = [open(), open()]
    try {
      const said = () => warnings.filter(({ code }) => code === 'HOPSTASH_REDIS_CLUSTER')
      await eventually(() => said().length > 0)
      await eventually(() => [one, two].every((stash) => stash.health().store?.lastError === 'CLUSTER'))
      expect(said()).toHaveLength(1)
      expect(said()[0]?.message).toContain('{ rootNodes: [{ url }] }')
      expect(said()[0]?.message).toContain(`127.0.0.1:${port}`)
      expect(said()[0]?.message).not.toContain('hunter2')
    } finally {
      process.off('warning', note)
      await Promise.all([one.close(), two.close()])
    }
  })
})

describe('slots', () => {
  it('are the ones the server computes', async () => {
    for (const key of ['a', '{hopstash}:ctl', '{x:y}:e', '{}a', 'a{b}c{d}', 'ünïcode {ß} 😀', '{', 'a}b{c']) {
      expect([key, hashSlot(key)]).toEqual([key, await cluster.nodes[0]?.command('CLUSTER', 'KEYSLOT', key)])
    }
  })
})

describe('a stash over a Cluster', () => {
  it('shares, drops everywhere what is invalidated, and keeps keys on all nodes', async () => {
    const options = {
      store: cluster.options,
      storeTimeout: PATIENT_MS,
      namespaces: { things: namespace<number, string>({ ttl: '1h', tags: () => ['t'] }) },
    }
    const [a, b] = [createStash(options), createStash(options)]
    expect(await Promise.all([a.ready(PATIENT_MS), b.ready(PATIENT_MS)])).toEqual([true, true])
    const keys = Array.from({ length: 60 }, (_, index) => `k${index}`)
    await Promise.all(keys.map((key, index) => a.things.getOrSet(key, () => index)))
    await eventually(async () =>
      (await Promise.all(keys.map((key) => b.things.get(key)))).every((v) => v !== undefined),
    )
    const sizes = await Promise.all(cluster.nodes.map((node) => node.command('DBSIZE')))
    expect(sizes.every((size) => Number(size) > 5)).toBe(true)
    let loads = 0
    const seen = await Promise.all(keys.map((key) => b.things.getOrSet(key, () => ++loads)))
    expect(loads).toBe(0)
    expect(seen).toEqual(keys.map((_, index) => index))
    expect(await a.things.delete('k1')).toEqual({ memory: 'done', store: 'done' })
    await eventually(() => b.things.peek('k1') === undefined)
    expect(await b.things.get('k1')).toBeUndefined()
    expect(await a.things.set('k2', 99)).toEqual({ memory: 'done', store: 'done' })
    await eventually(async () => (await b.things.get('k2')) === 99)
    expect(await a.things.expire('k3')).toEqual({ memory: 'done', store: 'done' })
    expect(await a.invalidateTags(['t'])).toEqual({ memory: 'done', store: 'done' })
    await eventually(() => b.things.peek('k4') === undefined)
    expect(await Promise.all(keys.map((key) => b.things.get(key)))).toEqual(keys.map(() => undefined))
    await eventually(() => a.health().store?.bus === 'confirmed')
    expect(a.health()).toMatchObject({ status: 'ok', store: { status: 'ready', deaf: false } })
    await Promise.all([a.close(), b.close()])
  })

  it('follows a slot that is moved, entries and markers alike', async () => {
    const store = createRedisStore({ redis: cluster.options, timeout: PATIENT_MS })
    await store.ready(PATIENT_MS)
    const { inc } = await store.ping()
    const from = await cluster.ownerOf(CONTROL)
    const to = cluster.nodes.find((node) => node !== from)
    await cluster.moveSlotOf(CONTROL, to as never)
    expect((await store.ping()).inc).toBe(inc)
    expect((await store.read({ key: 'k', namespace: 'n', digest: 'd', token: 'mine' })).token).toBe('mine')
    await cluster.moveSlotOf(CONTROL, from)
    expect((await store.bump(['*'], 'delete')).seq).toBeGreaterThan(0)
    await store.close()
  })

  it('is not kept from the rest by one slot that is on its way to a new node: a delete there is done', async () => {
    const own = await startCluster()
    const options = {
      store: own.options,
      storeTimeout: PATIENT_MS,
      namespaces: { things: namespace<number, string>({ ttl: '1h' }) },
    }
    const [a, b] = [createStash(options), createStash(options)]
    expect(await Promise.all([a.ready(PATIENT_MS), b.ready(PATIENT_MS)])).toEqual([true, true])
    // What began before the nodes were known is no error.
    expect(a.health().store?.lastError).not.toBe('AWAY')
    const done = { memory: 'done', store: 'done' }
    expect(await Promise.all([a.things.set('k', 1), a.things.set('other', 2)])).toEqual([done, done])
    const finish = await own.beginMoveOf('{hopstash:things:v1:k}:e', await own.join())
    expect(await b.things.get('k')).toBe(1)
    expect(await a.things.delete('k')).toEqual(done)
    await eventually(() => b.things.peek('k') === undefined)
    expect(await Promise.all([a, b].map(({ things }) => things.get('k')))).toEqual([undefined, undefined])
    expect(await a.things.set('other', 3)).toEqual(done)
    await eventually(() => a.health().status === 'ok' && a.health().store?.pending === 0)
    await finish()
    await eventually(async () => (await a.things.set('k', 4)).store === 'done')
    await eventually(async () => (await b.things.get('k')) === 4)
    await Promise.all([a.close(), b.close()])
    await own.stop()
  })

  it('takes a cluster client, too, also inside of a KeyvRedis, and uses connections of its own', async () => {
    const client = createCluster(cluster.options as never)
    for (const given of [client, { client }]) {
      const things = namespace<number, string>({ ttl: '1h' })
      const stash = createStash({ store: given, storeTimeout: PATIENT_MS, namespaces: { things } })
      expect(await stash.ready(PATIENT_MS)).toBe(true)
      expect(await stash.things.set('k', 1)).toEqual({ memory: 'done', store: 'done' })
      await stash.close()
    }
    expect(client.isOpen).toBe(false)
  })
})

describe('a Cluster that loses a node', () => {
  it('is away as a whole, bounded for callers, and comes back with the node: nothing invalidated meanwhile returns', async () => {
    const own = await startCluster({ persist: true })
    const stash = createStash({
      store: own.options,
      namespaces: { things: namespace<number, string>({ ttl: '1h' }) },
    })
    expect(await stash.ready(PATIENT_MS)).toBe(true)
    const keys = Array.from({ length: 30 }, (_, index) => `k${index}`)
    await Promise.all(keys.map((key) => stash.things.set(key, 1)))
    const victim = own.nodes.find(({ port }) => port !== undefined) as RedisServer
    await victim.kill()
    const results = await Promise.all(keys.map((key) => stash.things.delete(key)))
    expect(results.some(({ store }) => store === 'queued')).toBe(true)
    expect(await Promise.all(keys.map((key) => stash.things.get(key)))).toEqual(keys.map(() => undefined))
    expect(stash.health()).toMatchObject({ status: 'degraded', store: { away: true } })
    await victim.restart()
    await eventually(() => stash.health().status === 'ok')
    expect(await Promise.all(keys.map((key) => stash.things.get(key)))).toEqual(keys.map(() => undefined))
    const left = await Promise.all(
      keys.map((key) => own.command(`{hopstash:things:v1:${key}}:e`, 'EXISTS', `{hopstash:things:v1:${key}}:e`)),
    )
    expect(left).toEqual(keys.map(() => 0))
    await stash.close()
    await own.stop()
  })
})
