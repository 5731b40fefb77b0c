import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../src/index.js'
import { createRedisStore } from '../../src/stores/redis.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { eventually, PATIENT_MS } from './redis-world.js'

let server: RedisServer
const ends: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  server = await startRedis()
  ends.push(() => server.stop())
})

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function stashOf() {
  const stash = createStash({
    store: server.url as 'redis://',
    storeTimeout: PATIENT_MS,
    namespaces: { things: namespace<unknown, string>({ ttl: '1h' }) },
  })
  ends.push(() => stash.close())
  expect(await stash.ready(PATIENT_MS)).toBe(true)
  return stash
}

const keys = async () =>
  ((await server.command('KEYS', '*')) as string[]).filter((key) => key.endsWith('}:e') || key.includes(':d:'))

describe('a large value', () => {
  it.each([0, 1, 4095, 4096, 20_000, 500_000])(
    'of %i bytes comes back byte for byte, by set and by load',
    async (size) => {
      const bytes = randomBytes(size)
      const [a, b] = [await stashOf(), await stashOf()]
      expect(await a.things.set('set', bytes)).toEqual({ memory: 'done', store: 'done' })
      await a.things.getOrSet('loaded', () => bytes)
      await eventually(async () => (await b.things.get('loaded')) !== undefined)
      for (const key of ['set', 'loaded']) {
        const found = await b.things.get(key)
        expect(Buffer.isBuffer(found)).toBe(true)
        expect(bytes.equals(found as Buffer)).toBe(true)
      }
      // What it was sent in is the entry now.
      expect(await keys()).toHaveLength(2)
    },
  )

  it('that is refused, or comes too late, leaves nothing of itself', async () => {
    const store = createRedisStore({ redis: server.url, timeout: PATIENT_MS })
    ends.push(() => store.close())
    expect(await store.ready(PATIENT_MS)).toBe(true)
    const ref = { key: 'hopstash:n:v1:k', namespace: 'n', digest: 'd' }
    const { inc, seq, nowMs } = await store.read({ ...ref, token: 'mine' })
    const entry = {
      id: 'nonce00000000000',
      inc,
      startSeq: seq,
      tags: [],
      storedAtMs: nowMs,
      freshUntilMs: nowMs + 60_000,
      staleForMs: 0,
      errorForMs: 0,
      loadMs: 1,
      body: randomBytes(20_000),
    }
    const request = { ...ref, entry, lifeMs: 60_000, notAfterMs: nowMs + 60_000 }
    expect((await store.write({ ...request, token: 'of another' })).outcome).toBe('refused')
    expect((await store.set({ ...request, notAfterMs: nowMs - 1 })).outcome).toBe('late')
    await store.bump(['n/n'], 'delete')
    expect((await store.write({ ...request, token: 'mine' })).outcome).toBe('dead')
    expect(await keys()).toEqual([])
  })

  it('that a full server does not take fails, and takes the old one with it', async () => {
    const stash = await stashOf()
    expect(await stash.things.set('k', randomBytes(20_000))).toMatchObject({ store: 'done' })
    await server.command('CONFIG', 'SET', 'maxmemory', '100kb')
    expect(await stash.things.set('k', randomBytes(20_000))).toMatchObject({ store: 'failed' })
    expect(await keys()).toEqual([])
    await server.command('CONFIG', 'SET', 'maxmemory', '0')
    expect(await stash.things.set('k', randomBytes(20_000))).toMatchObject({ store: 'done' })
  })
})
