import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../src/index.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { PATIENT_MS } from './redis-world.js'

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
    namespaces: { things: namespace<Buffer, string>({ ttl: '1h' }) },
  })
  ends.push(() => stash.close())
  expect(await stash.ready(PATIENT_MS)).toBe(true)
  return stash
}

/** A process whose memory is empty, and what another has stored. */
async function readerOf(...keys: string[]) {
  const writer = await stashOf()
  for (const key of keys) expect(await writer.things.set(key, VALUE)).toMatchObject({ store: 'done' })
  return (await stashOf()).things
}

const missed = () => Promise.reject(new Error('the store has it'))
type Things = Awaited<ReturnType<typeof readerOf>>

describe.each<[string, (things: Things, key: string) => Promise<Buffer | undefined>]>([
  ['get', (things, key) => things.get(key)],
  ['getOrSet', (things, key) => things.getOrSet(key, missed)],
])('large bytes that %s brings from the store', (_verb, read) => {
  async function sound(things: Things, key: string): Promise<Buffer> {
    const value = await read(things, key)
    if (value === undefined) throw new Error('a miss')
    expect(Buffer.isBuffer(value)).toBe(true)
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
    expect(things.peek('k')?.equals(VALUE)).toBe(true)
    const second = await sound(things, 'k')
    expect(second.buffer).not.toBe(first.buffer)
    first.fill(0)
    second.fill(0)
    expect(things.peek('k')?.equals(VALUE)).toBe(true)
  })

  it('stay in memory as they were when a reader changes his', async () => {
    const things = await readerOf('k')
    const first = await sound(things, 'k')
    first[SIZE / 2] = 0
    expect(things.peek('k')?.equals(VALUE)).toBe(true)
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
    const first = read(things, 'k').then((value) => value?.fill(0))
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
