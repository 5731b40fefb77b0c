import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../src/index.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { startProxy } from '../support/tcp-proxy.js'
import { eventually, PATIENT_MS, pause } from './redis-world.js'

let server: RedisServer
const ends: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  server = await startRedis()
})

beforeEach(async () => {
  await server.command('FLUSHALL')
})

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
  await server.command('CONFIG', 'SET', 'slowlog-log-slower-than', '10000')
})

afterAll(() => server.stop())

interface Letter {
  readonly user: string
  readonly text: string
}

async function openStash(url: string = server.url, prefix = 'app', storeTimeout = PATIENT_MS) {
  const stash = createStash({
    store: url as `redis://${string}`,
    storeTimeout,
    prefix,
    namespaces: {
      letters: namespace<Letter, { user: string; n: number }>({
        ttl: '1h',
        key: ({ user, n }) => [user, n],
        subject: ({ user }) => user,
      }),
      plain: namespace<number, string>({ ttl: '1h' }),
    },
  })
  ends.push(() => stash.close())
  await stash.ready(PATIENT_MS)
  return stash
}

const keysThere = async (): Promise<string[]> => ((await server.command('KEYS', '*')) as string[]).sort()
const entries = async (): Promise<string[]> => (await keysThere()).filter((key) => key.endsWith(':e'))

describe('forget(subject) on a real Redis', () => {
  it('removes the bytes of every entry about the subject, and its index, and nothing else; peers drop what they hold', async () => {
    const [p, q] = [await openStash(), await openStash()]
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => p.letters.set({ user: 'ann', n }, { user: 'ann', text: `secret ${n}` })),
    )
    await p.letters.getOrSet({ user: 'ann', n: 100 }, async () => ({ user: 'ann', text: 'secret' }))
    await p.letters.set({ user: 'bob', n: 1 }, { user: 'bob', text: 'his' })
    await p.plain.set('ann', 1)
    expect(await q.letters.get({ user: 'ann', n: 3 })).toMatchObject({ text: 'secret 3' })
    await eventually(async () => (await entries()).length === 23)
    expect(await p.forget('ann')).toEqual({
      memory: 21,
      store: 21,
      peers: 'announced',
      notCovered: ['replicas', 'backups'],
    })
    expect(await entries()).toEqual(['{app:letters:v1:bob:~n1}:e', '{app:plain:v1:ann}:e'])
    expect((await keysThere()).filter((key) => key.startsWith('{app}:s:')).length).toBe(1)
    await eventually(() => q.letters.peek({ user: 'ann', n: 3 }) === undefined)
    expect(await q.letters.get({ user: 'ann', n: 3 })).toBeUndefined()
    expect(await p.letters.get({ user: 'bob', n: 1 })).toMatchObject({ text: 'his' })
    expect(await p.forget('ann')).toMatchObject({ memory: 0, store: 0 })
  })

  it('keeps a load in flight anywhere from being stored; its callers get the value', async () => {
    const [p, q] = [await openStash(), await openStash()]
    let release: (letter: Letter) => void = () => {}
    const loading = p.letters.getOrSet({ user: 'ann', n: 1 }, () => new Promise<Letter>((done) => (release = done)))
    await pause(50)
    await q.forget('ann')
    release({ user: 'ann', text: 'secret' })
    expect(await loading).toMatchObject({ text: 'secret' })
    await pause(50)
    expect(await entries()).toEqual([])
    expect(p.letters.peek({ user: 'ann', n: 1 })).toBeUndefined()
  })

  it('is found again what was written after, or while it was erased', async () => {
    const [p, q] = [await openStash(), await openStash()]
    for (let round = 0; round < 30; round++) {
      await Promise.all([
        p.forget('ann'),
        q.letters.set({ user: 'ann', n: round }, { user: 'ann', text: 'new' }),
        p.letters.getOrSet({ user: 'ann', n: -round }, async () => ({ user: 'ann', text: 'new' })),
      ])
    }
    await pause(100)
    await p.forget('ann')
    expect(await entries()).toEqual([])
  })

  it('of large values leaves no draft behind, whether they were stored, are being stored, or come too late', async () => {
    const [p, q] = [await openStash(), await openStash()]
    const text = `secret ${'x'.repeat(20_000)}`
    let release: (letter: Letter) => void = () => {}
    const loading = p.letters.getOrSet({ user: 'ann', n: 0 }, () => new Promise<Letter>((done) => (release = done)))
    await p.letters.set({ user: 'ann', n: 1 }, { user: 'ann', text })
    await Promise.all([
      q.letters.set({ user: 'ann', n: 2 }, { user: 'ann', text }),
      q.letters.getOrSet({ user: 'ann', n: 3 }, async () => ({ user: 'ann', text })),
      p.forget('ann'),
    ])
    release({ user: 'ann', text })
    expect(await loading).toMatchObject({ text })
    await q.forget('ann')
    // What is sent behind a write is answered behind it.
    for (const each of [p, q]) await each.plain.set('behind', 1)
    const left = await keysThere()
    expect(left.filter((key) => key.includes(':letters:') && !key.endsWith(':t'))).toEqual([])
  })

  it('of a large value whose script never ran: the draft ends by itself within two seconds', async () => {
    await server.command('ACL', 'SETUSER', 'app', 'reset', 'on', '>pw', '~*', '&*', '+@all')
    const p = await openStash(`redis://app:pw@127.0.0.1:${server.port}`)
    await p.letters.set({ user: 'bob', n: 1 }, { user: 'bob', text: 'known' })
    await server.command('ACL', 'SETUSER', 'app', '-eval', '-evalsha')
    await server.command('CONFIG', 'SET', 'slowlog-max-len', '10000')
    await server.command('CONFIG', 'SET', 'slowlog-log-slower-than', '0')
    const { store } = await p.plain.set('large', 'x'.repeat(20_000) as never)
    expect(store).not.toBe('done')
    const log = (await server.command('SLOWLOG', 'GET', '10000')) as [unknown, unknown, unknown, string[]][]
    const drafts = log.map(([, , , words]) => words).filter(([, key]) => key?.includes(':d:'))
    expect(drafts.map((words) => [words[0], ...words.slice(3)])).toEqual([['SET', 'PX', '2000']])
    await eventually(async () => !(await keysThere()).some((key) => key.includes(':d:')))
  })

  it('erases thousands, and an index lives no longer than its entries', async () => {
    const p = await openStash()
    const count = 1300
    const sets = await Promise.all(
      Array.from({ length: count }, (_, n) => p.letters.set({ user: 'ann', n }, { user: 'ann', text: 'x' })),
    )
    expect(sets.filter(({ store }) => store !== 'done')).toEqual([])
    const [index = ''] = (await keysThere()).filter((key) => key.startsWith('{app}:s:'))
    expect(await server.command('PTTL', index)).toBeLessThanOrEqual(3_600_000 + 86_400_000)
    expect(await p.forget('ann')).toMatchObject({ store: count })
    expect(await entries()).toEqual([])
  })

  it('rejects if the store cannot confirm, and forgets here all the same', async () => {
    const proxy = await startProxy(server.port)
    ends.push(() => proxy.close())
    const p = await openStash(proxy.url, 'app', 250)
    await eventually(
      async () => (await p.letters.set({ user: 'ann', n: 1 }, { user: 'ann', text: 'secret' })).store === 'done',
    )
    proxy.silent = true
    await expect(p.forget('ann')).rejects.toMatchObject({ code: 'ERR_STORE_UNCONFIRMED' })
    expect(p.letters.peek({ user: 'ann', n: 1 })).toBeUndefined()
    proxy.silent = false
    proxy.cut()
    await eventually(() => p.health().status === 'ok')
    expect(await p.forget('ann')).toMatchObject({ store: 1 })
  })
})

describe('clear on a real Redis', () => {
  it.each([
    ['a', 'ab'],
    ['user', 'user-admin'],
    ['user', 'user.admin'],
    ['n', 'n_'],
  ])('sweeps what %s had, and nothing of %s; no KEYS, no FLUSH', async (name, neighbour) => {
    const stash = createStash({
      store: server.url as `redis://${string}`,
      storeTimeout: PATIENT_MS,
      prefix: 'a',
      namespaces: {
        [name]: namespace<number, string>({ ttl: '1h' }),
        [neighbour]: namespace<number, string>({ ttl: '1h' }),
      },
    })
    ends.push(() => stash.close())
    await stash.ready()
    const [own, other] = [stash.namespace(name), stash.namespace(neighbour)]
    const keys = ['k', '*', 'a:b', '::admin', '[x]', '?', '\\']
    for (const key of keys) {
      await own.set(key, 1)
      await other.set(key, 2)
    }
    await server.command('CONFIG', 'RESETSTAT')
    expect(await own.clear()).toMatchObject({ store: 'done' })
    // What is written after the clear began stays, whenever the sweep comes by.
    await own.set('after', 3)
    await eventually(() => sweptBy(stash) === keys.length)
    for (const key of keys) {
      expect(await own.get(key)).toBeUndefined()
      expect(await other.get(key)).toBe(2)
    }
    expect(await own.get('after')).toBe(3)
    const stats = String(await server.command('INFO', 'commandstats'))
    expect(stats).toContain('cmdstat_scan')
    expect(stats).not.toMatch(/cmdstat_(keys|flushall|flushdb)/)
  })

  it('of a stash leaves the entries of another prefix alone, also one that looks like a pattern of it', async () => {
    const [p, q] = [await openStash(server.url, 'a'), await openStash(server.url, 'a.plain')]
    await p.plain.set('k', 1)
    await q.plain.set('k', 2)
    await p.clear()
    await eventually(async () => (await entries()).length === 1)
    expect(await entries()).toEqual(['{a.plain:plain:v1:k}:e'])
    expect(await q.plain.get('k')).toBe(2)
  })

  it('is swept by one process at a time, and to the end, while others write and clear', async () => {
    const [p, q] = [await openStash(), await openStash()]
    for (let at = 0; at < 3000; at += 500) {
      const sets = await Promise.all(Array.from({ length: 500 }, (_, n) => p.plain.set(`k${at + n}`, 1)))
      expect(sets.filter(({ store }) => store !== 'done')).toEqual([])
    }
    const writing = (async () => {
      for (let n = 0; n < 200; n++) await q.plain.set(`new${n}`, n)
    })()
    await Promise.all([p.plain.clear(), q.plain.clear(), p.plain.clear()])
    await writing
    const last = await p.plain.set('last', 1)
    expect(last).toMatchObject({ store: 'done' })
    await eventually(async () => !(await entries()).some((key) => key.includes(':k')))
    expect(await p.plain.get('last')).toBe(1)
    expect(await q.plain.get('new199')).toBe(199)
    await eventually(async () => (await keysThere()).every((key) => !key.startsWith('{app}:w:')))
    const swept = [p, q].map(sweptBy)
    expect(Math.min(...swept)).toBe(0)
    expect(Math.max(...swept)).toBeGreaterThanOrEqual(3000)
  })
})

function sweptBy(stash: { health(): { readonly store: unknown } }): number {
  return (stash.health().store as { swept: number }).swept
}
