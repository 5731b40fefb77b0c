import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../src/index.js'
import { createRedisStore } from '../../src/stores/redis.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { eventually, PATIENT_MS } from './redis-world.js'

const SIZE = 100_000
const VALUE = Buffer.alloc(SIZE, 'the bytes of a document ')

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

/** A process whose memory is empty, and what another has stored. */
async function readerOf(...keys: string[]) {
  const writer = await stashOf()
  for (const key of keys) expect(await writer.things.set(key, VALUE)).toMatchObject({ store: 'done' })
  return (await stashOf()).things
}

const missed = () => Promise.reject(new Error('the store has it'))
type Things = Awaited<ReturnType<typeof readerOf>>

describe.each<[string, (things: Things, key: string) => Promise<unknown>]>([
  ['get', (things, key) => things.get(key)],
  ['getOrSet', (things, key) => things.getOrSet(key, missed)],
])('large bytes that %s brings from the store', (_verb, read) => {
  async function sound(things: Things, key: string): Promise<Buffer> {
    const value = await read(things, key)
    if (!Buffer.isBuffer(value)) throw new Error(value === undefined ? 'a miss' : 'no Buffer')
    expect(value.equals(VALUE)).toBe(true)
    return value
  }

  it('are their reader’s: what he does to them, nobody else sees', async () => {
    const things = await readerOf('k')
    for (let round = 0; round < 4; round++) (await sound(things, 'k')).fill(round)
    const other = await sound(things, 'k')
    other[SIZE - 1] = 0
    await sound(things, 'k')
  })

  it('are in memory, and another reader’s are others', async () => {
    const things = await readerOf('k')
    const first = await sound(things, 'k')
    expect(VALUE.equals(things.peek('k') as Buffer)).toBe(true)
    const second = await sound(things, 'k')
    expect(second.buffer).not.toBe(first.buffer)
    first.fill(0)
    second.fill(0)
    expect(VALUE.equals(things.peek('k') as Buffer)).toBe(true)
  })

  it('stay in memory as they were when a reader changes his', async () => {
    const things = await readerOf('k')
    const first = await sound(things, 'k')
    first[SIZE / 2] = 0
    expect(VALUE.equals(things.peek('k') as Buffer)).toBe(true)
    await sound(things, 'k')
  })

  it('stay in memory when a reader moves his into a thread', async () => {
    const things = await readerOf('k')
    const { buffer } = await sound(things, 'k')
    structuredClone(buffer, { transfer: [buffer as ArrayBuffer] })
    await sound(things, 'k')
    await sound(things, 'k')
  })

  it('carry nothing to others that was hung on them', async () => {
    const things = await readerOf('k')
    const first = await sound(things, 'k')
    Object.assign(first, { name: 'a.pdf' })
    Object.setPrototypeOf(first, null)
    expect(await sound(things, 'k')).not.toHaveProperty('name')
  })

  it('go to each of several readers at once', async () => {
    const things = await readerOf('k')
    const values = await Promise.all(Array.from({ length: 4 }, () => sound(things, 'k')))
    for (const value of values) value.fill(0)
    await sound(things, 'k')
    expect(new Set(values.map(({ buffer }) => buffer)).size).toBe(values.length)
  })

  it('are changed by the first of several before another has his', async () => {
    const things = await readerOf('k')
    const first = read(things, 'k').then((value) => (value as Buffer).fill(0))
    const others = await Promise.all([sound(things, 'k'), sound(things, 'k')])
    await first
    for (const other of others) expect(other.equals(VALUE)).toBe(true)
  })

  it('are served from memory while the server is away', async () => {
    const things = await readerOf('k')
    await sound(things, 'k')
    await server.stop()
    await sound(things, 'k')
    await sound(things, 'k')
  })
})
