import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../src/index.js'
import { hashSlot } from '../../src/redis/hash-slot.js'
import { type RedisCluster, startCluster } from '../support/redis-cluster.js'
import { eventually, PATIENT_MS } from './redis-world.js'

// What a store does with entries beside reading and writing them, where they lie on three nodes.

// As docs/choosing-a-store.md gives them.
const COMMANDS =
  'get mget set del unlink exists getrange setrange rename scan hget hmget hset hincrby zadd zscore zcard zpopmin zrem zrange ' +
  'zremrangebyscore pttl pexpire time eval evalsha publish subscribe unsubscribe ping info cluster|slots asking'
const RIGHTS = COMMANDS.split(' ').map((name) => `+${name}`)
const LOGIN = { username: 'app', password: 'pw' }

let cluster: RedisCluster
const ends: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  cluster = await startCluster()
})

beforeEach(() => cluster.flush())

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

afterAll(() => cluster.stop())

interface Letter {
  readonly user: string
  readonly text: string
}
interface LetterKey {
  readonly user: string
  readonly n: number
}

/** A stash with connections of its own, as another process would have them. */
async function openStash(prefix = 'app', more: object = {}) {
  const stash = createStash({
    store: { ...cluster.options, ...more },
    storeTimeout: PATIENT_MS,
    prefix,
    namespaces: {
      shared: namespace<unknown, string>({ ttl: '1h', coalesce: 'cluster' }),
      letters: namespace<Letter, LetterKey>({
        ttl: '1h',
        key: ({ user, n }) => [user, n],
        subject: ({ user }) => user,
      }),
      plain: namespace<number, string>({ ttl: '1h' }),
    },
  })
  ends.push(() => stash.close())
  expect(await stash.ready(PATIENT_MS)).toBe(true)
  return stash
}

type Stash = Awaited<ReturnType<typeof openStash>>

const letter = (text: string): Letter => ({ user: 'ann', text })
const keysThere = async (): Promise<string[]> =>
  ((await Promise.all(cluster.nodes.map((node) => node.command('KEYS', '*')))) as string[][]).flat().sort()
const entries = async (): Promise<string[]> => (await keysThere()).filter((key) => key.endsWith(':e'))
const sweptBy = (stash: Stash): number => (stash.health().store as unknown as { swept: number }).swept

/** A load that ends when it is told to. */
function heldLoad<T>() {
  let begin: () => void = () => {}
  let end: (value: T) => void = () => {}
  let fail: (error: Error) => void = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const value = new Promise<T>((resolve, reject) => {
    end = resolve
    fail = reject
  })
  const load = (): Promise<T> => {
    begin()
    return value
  }
  return { load, begun, end: (given: T) => end(given), fail: (error: Error) => fail(error) }
}

describe('single flight on a Cluster', () => {
  it('one load a key over all of them, whichever node the key is on', async () => {
    const stashes = [await openStash(), await openStash(), await openStash()]
    const keys = Array.from({ length: 12 }, (_, index) => `k${index}`)
    const loads: string[] = []
    const load = async (key: string): Promise<string> => {
      loads.push(key)
      await new Promise((resolve) => setTimeout(resolve, 100))
      return `of ${key}`
    }
    const callers = keys.flatMap((key) =>
      stashes.flatMap(({ shared }) =>
        Array<typeof shared>(20)
          .fill(shared)
          .map((each) => each.getOrSet(key, () => load(key))),
      ),
    )
    const answers = await Promise.all(callers)
    expect(loads.sort()).toEqual([...keys].sort())
    expect(answers).toEqual(keys.flatMap((key) => Array(60).fill(`of ${key}`)))
    expect(new Set(await Promise.all(keys.map((key) => cluster.ownerOf(`{app:shared:v1:${key}}:e`)))).size).toBe(3)
    await eventually(async () => !(await keysThere()).some((key) => key.endsWith(':t')))
  })

  it('one that fails gives its lease back: each of the others loads for itself', async () => {
    const [a, b, c] = [await openStash(), await openStash(), await openStash()]
    const held = heldLoad<unknown>()
    const failing = a.shared.getOrSet('k', held.load).catch((error: Error) => error)
    await held.begun
    let followers = 0
    const reads = [b, c].map(({ shared }) => shared.getOrSet('k', async () => ++followers))
    // Reads and leases take two round trips each; they are behind these.
    for (const round of ['1', '2', '3', '4']) await Promise.all([b, c].map(({ plain }) => plain.get(round)))
    held.fail(new Error('down'))
    expect(await failing).toBeInstanceOf(Error)
    expect((await Promise.all(reads)).sort()).toEqual([1, followers])
  })

  it('a delete takes the lease along: what its holder loaded is refused, and the next one loads', async () => {
    const [a, b] = [await openStash(), await openStash()]
    const held = heldLoad<unknown>()
    const loading = a.shared.getOrSet('k', held.load)
    await held.begun
    expect(await b.shared.delete('k')).toMatchObject({ store: 'done' })
    expect(await b.shared.getOrSet('k', () => 'new')).toBe('new')
    await eventually(async () => (await entries()).length === 1)
    held.end('old')
    expect(await loading).toBe('old')
    expect(await b.shared.get('k')).toBe('new')
    await eventually(async () => (await a.shared.get('k')) === 'new')
  })

  it('a lease whose slot is moved is held on: the value is stored where the slot is', async () => {
    const [a, b] = [await openStash(), await openStash()]
    const held = heldLoad<unknown>()
    const loading = a.shared.getOrSet('k', held.load)
    await held.begun
    const name = '{app:shared:v1:k}:e'
    const from = await cluster.ownerOf(name)
    const to = cluster.nodes.find((node) => node !== from)
    let others = 0
    await cluster.moveSlotOf(name, to as never)
    const following = b.shared.getOrSet('k', () => ++others)
    held.end('once')
    expect(await loading).toBe('once')
    expect(await following).toBe('once')
    expect(others).toBe(0)
    expect(await to?.command('EXISTS', name)).toBe(1)
    await cluster.moveSlotOf(name, from)
  })
})

describe('forget(subject) on a Cluster', () => {
  it('removes the bytes of every entry about the subject, on all nodes, and its index; peers drop what they hold', async () => {
    const [p, q] = [await openStash(), await openStash()]
    const count = 700
    const sets = await Promise.all(
      Array.from({ length: count }, (_, n) => p.letters.set({ user: 'ann', n }, letter(`secret ${n}`))),
    )
    expect(sets.filter(({ store }) => store !== 'done')).toEqual([])
    await p.letters.getOrSet({ user: 'ann', n: -1 }, async () => letter('loaded'))
    await p.letters.set({ user: 'bob', n: 1 }, { user: 'bob', text: 'his' })
    await p.plain.set('ann', 1)
    expect(await q.letters.get({ user: 'ann', n: 3 })).toMatchObject({ text: 'secret 3' })
    await eventually(async () => (await entries()).length === count + 3)
    expect(await p.forget('ann')).toMatchObject({ store: count + 1, peers: 'announced' })
    expect(await entries()).toEqual(['{app:letters:v1:bob:~n1}:e', '{app:plain:v1:ann}:e'])
    expect((await keysThere()).filter((key) => key.startsWith('{app}:s:')).length).toBe(1)
    await eventually(() => q.letters.peek({ user: 'ann', n: 3 }) === undefined)
    expect(await q.letters.get({ user: 'ann', n: 3 })).toBeUndefined()
    expect(await p.letters.get({ user: 'bob', n: 1 })).toMatchObject({ text: 'his' })
    expect(await p.forget('ann')).toMatchObject({ memory: 0, store: 0 })
  })

  it('keeps a load in flight anywhere from being stored; its callers get the value', async () => {
    const [p, q] = [await openStash(), await openStash()]
    const held = [heldLoad<Letter>(), heldLoad<Letter>()]
    const loading = held.map(({ load }, n) => p.letters.getOrSet({ user: 'ann', n }, load))
    await Promise.all(held.map(({ begun }) => begun))
    await q.forget('ann')
    // The large one would pass through a draft.
    const texts = ['secret', 'secret'.repeat(2000)]
    for (const [index, { end }] of held.entries()) end(letter(texts[index] as string))
    expect((await Promise.all(loading)).map(({ text }) => text)).toEqual(texts)
    expect(p.letters.peek({ user: 'ann', n: 0 })).toBeUndefined()
    await p.plain.set('behind', 1)
    expect((await keysThere()).filter((key) => key.includes(':letters:') && !key.endsWith(':t'))).toEqual([])
  })

  it('is found again what was written while it was erased', async () => {
    const [p, q] = [await openStash(), await openStash()]
    for (let round = 0; round < 20; round++) {
      await Promise.all([
        p.forget('ann'),
        q.letters.set({ user: 'ann', n: round }, letter('new'.repeat(round % 2 === 0 ? 1 : 3000))),
        p.letters.getOrSet({ user: 'ann', n: -round }, async () => letter('new')),
      ])
    }
    await p.plain.set('behind', 1)
    await p.forget('ann')
    expect((await keysThere()).filter((key) => /:letters:.*(:e|:d:)/.test(key))).toEqual([])
  })
})

describe('clear on a Cluster', () => {
  it.each([
    ['user', 'user-admin'],
    ['n', 'n_'],
  ])('sweeps what %s had on all nodes, and nothing of %s; no KEYS, no FLUSH', async (name, neighbour) => {
    const stash = createStash({
      store: cluster.options,
      storeTimeout: PATIENT_MS,
      prefix: 'a',
      namespaces: {
        [name]: namespace<number, string>({ ttl: '1h' }),
        [neighbour]: namespace<number, string>({ ttl: '1h' }),
      },
    })
    ends.push(() => stash.close())
    await stash.ready(PATIENT_MS)
    const [own, other] = [stash.namespace(name), stash.namespace(neighbour)]
    const keys = [
      'k',
      '*',
      'a:b',
      '::admin',
      '[x]',
      '?',
      '\\',
      ...Array.from({ length: 40 }, (_, index) => `k${index}`),
    ]
    for (const key of keys) await Promise.all([own.set(key, 1), other.set(key, 2)])
    expect(new Set((await entries()).map((key) => hashSlot(key))).size).toBeGreaterThan(80)
    await Promise.all(cluster.nodes.map((node) => node.command('CONFIG', 'RESETSTAT')))
    expect(await own.clear()).toMatchObject({ store: 'done' })
    await own.set('after', 3)
    await eventually(() => sweptBy(stash as never) === keys.length)
    expect(await Promise.all(keys.map((key) => other.get(key)))).toEqual(keys.map(() => 2))
    expect(await own.get('after')).toBe(3)
    for (const node of cluster.nodes) {
      const stats = String(await node.command('INFO', 'commandstats'))
      expect(stats).toContain('cmdstat_scan')
      expect(stats).not.toMatch(/cmdstat_(keys|flushall|flushdb)/)
    }
  })

  it('of a stash leaves the entries of another prefix alone', async () => {
    const [p, q] = [await openStash('a'), await openStash('a.plain')]
    await p.plain.set('k', 1)
    await q.plain.set('k', 2)
    await p.clear()
    await eventually(() => sweptBy(p) === 1)
    expect(await entries()).toEqual(['{a.plain:plain:v1:k}:e'])
  })

  it('is swept by one process at a time, and to the end, while others write and clear', async () => {
    const [p, q] = [await openStash(), await openStash()]
    for (let at = 0; at < 1500; at += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, n) => p.plain.set(`k${at + n}`, 1)))
    }
    const stored = (await entries()).length
    const writing = (async () => {
      for (let n = 0; n < 100; n++) await q.plain.set(`new${n}`, n)
    })()
    await Promise.all([p.plain.clear(), q.plain.clear(), p.plain.clear()])
    await writing
    expect(await p.plain.set('last', 1)).toMatchObject({ store: 'done' })
    await eventually(async () => !(await entries()).some((key) => key.includes(':k')))
    expect(await p.plain.get('last')).toBe(1)
    await eventually(async () => (await keysThere()).every((key) => !key.startsWith('{app}:w:')))
    const swept = [p, q].map(sweptBy)
    expect(Math.min(...swept)).toBe(0)
    expect(Math.max(...swept)).toBeGreaterThanOrEqual(stored)
  })
})

describe('a user with the least rights on a Cluster', () => {
  it('can do everything a stash does, and nothing is refused to it', async () => {
    const rights = ['on', '>pw', 'resetkeys', '~{app}*', '~{app:*', 'resetchannels', '&{app}:bus', '-@all', ...RIGHTS]
    for (const node of cluster.nodes) {
      await node.command('ACL', 'SETUSER', 'app', 'reset', ...rights)
      await node.command('ACL', 'LOG', 'RESET')
    }
    const [a, b] = [await openStash('app', { defaults: LOGIN }), await openStash('app', { defaults: LOGIN })]
    const done = { memory: 'done', store: 'done' }
    expect(await a.shared.getOrSet('loaded', () => 1)).toBe(1)
    await eventually(async () => (await b.shared.get('loaded')) === 1)
    expect(await a.plain.set('large', 'x'.repeat(20_000) as never)).toEqual(done)
    expect(await a.plain.expire('large')).toEqual(done)
    expect(await a.plain.delete('large')).toEqual(done)
    await a.letters.set({ user: 'ann', n: 1 }, letter('secret'))
    expect(await a.forget('ann')).toMatchObject({ store: 1 })
    expect(await a.plain.set('k', 1)).toEqual(done)
    const name = '{app:plain:v1:k}:e'
    const from = await cluster.ownerOf(name)
    await cluster.moveSlotOf(name, cluster.nodes.find((node) => node !== from) as never)
    expect(await b.plain.get('k')).toBe(1)
    await cluster.moveSlotOf(name, from)
    expect(await a.plain.clear()).toEqual(done)
    await eventually(() => sweptBy(a) === 1)
    await eventually(async () => (await keysThere()).every((key) => !key.startsWith('{app}:w:')))
    const refused = await Promise.all(cluster.nodes.map((node) => node.command('ACL', 'LOG')))
    expect(refused.map((list) => JSON.stringify(list))).toEqual(cluster.nodes.map(() => '[]'))
  })
})
