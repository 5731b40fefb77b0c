import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { createRedisStore } from '../../src/stores/redis.js'
import { NOBODYS_PORT, type RedisServer, type RedisServerOptions, startRedis } from '../support/redis-server.js'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js'
import {
  askedOf,
  eventually,
  HASTY,
  PATIENT_MS,
  pause,
  type RedisProcess,
  readConnected,
  setConnected,
  settled,
  startProcess,
  untilConnected,
} from './redis-world.js'

// What is asked, in which order, and what comes of it. What it takes, in milliseconds, is for the benchmark of faults to say.

const ends: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function serverWith(options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = await startRedis(options)
  ends.push(() => server.stop())
  return server
}

async function proxyTo(port: number): Promise<TcpProxy> {
  const proxy = await startProxy(port)
  ends.push(() => proxy.close())
  return proxy
}

async function processOn(url: string, options: { readonly timeout?: number } = {}): Promise<RedisProcess> {
  const started = await startProcess(url, options)
  ends.push(() => started.stash.close())
  return started
}

describe('a store that does not answer', () => {
  it('is asked once, then not at all; what was held is served, what was deleted meanwhile stays deleted', async () => {
    const server = await serverWith()
    const p = await processOn(server.url, HASTY)
    await untilConnected(p)
    await setConnected(p, 'held', 1)
    await setConnected(p, 'deleted', 1)
    await untilConnected(p)
    server.freeze()
    const asked = askedOf(p.store)
    expect(await p.things.getOrSet('cold', async () => ({ v: 1 }))).toEqual({ v: 1 })
    expect(p.tier.link.away).toBe(true)
    expect(asked).toEqual(['read'])
    expect(await p.things.getOrSet('cold 2', async () => ({ v: 1 }))).toEqual({ v: 1 })
    expect(await p.things.get('held')).toEqual({ v: 1 })
    expect(await p.things.delete('deleted')).toMatchObject({ store: 'queued' })
    expect(await p.things.get('deleted')).toBeUndefined()
    expect(asked).toEqual(['read'])
    // By now nothing has come for two heartbeats, and no connection of before is trusted any more.
    await eventually(() => p.tier.link.deaf)
    server.thaw()
    expect(await readConnected(p, 'deleted')).toBeUndefined()
    expect(await server.command('EXISTS', '{hopstash:things:v1:deleted}:e')).toBe(0)
  })

  it('gets no command through an open breaker but its probes', async () => {
    const server = await serverWith()
    const proxy = await proxyTo(server.port)
    const store = createRedisStore({ redis: proxy.url, timeout: 50 })
    ends.push(() => store.close())
    await eventually(() => store.ready())
    proxy.held = true
    const ref = { key: 'k', namespace: 'n', digest: 'd' }
    const attempt = () =>
      store.read(ref).then(
        () => 'answered',
        (error: Error & { code: string }) => error.code,
      )
    // One after the other: reads of one tick go together, and fail as one.
    for (let failures = 0; failures < 3; failures++) expect(await attempt()).toBe('ERR_STORE_UNCONFIRMED')
    expect(store.health().breaker).toBe('open')
    const { sent } = store.health().commands
    expect(await Promise.all(Array.from({ length: 50 }, attempt))).toEqual(Array(50).fill('ERR_BREAKER_OPEN'))
    expect(store.health().commands.sent).toBe(sent)
    proxy.held = false
    await eventually(async () => (await attempt()) === 'answered')
    expect(store.health().breaker).toBe('closed')
  })

  it('is noticed when its connection is half-open, and found again', async () => {
    const server = await serverWith()
    const proxy = await proxyTo(server.port)
    const [p, q] = [await processOn(proxy.url), await processOn(server.url)]
    await untilConnected(p, q)
    await p.things.set('k', { v: 1 })
    proxy.silent = true
    await eventually(() => p.tier.link.deaf)
    await q.things.delete('k')
    proxy.silent = false
    proxy.cut()
    expect(await readConnected(p, 'k')).toBeUndefined()
  })
})

describe('a store that is gone', () => {
  it.each([
    ['empty', false],
    ['with its data', true],
  ])('comes back %s: no old value', async (_how, persist) => {
    const server = await serverWith({ persist })
    const [p, q] = [await processOn(server.url), await processOn(server.url)]
    await untilConnected(p, q)
    await p.things.set('kept', { v: 1 })
    await p.things.set('deleted', { v: 1 })
    await q.things.get('deleted')
    await server.kill()
    const asked = askedOf(p.store)
    expect(await p.things.getOrSet('cold', async () => ({ v: 1 }))).toEqual({ v: 1 })
    expect(asked).toEqual(['read'])
    expect(await p.things.delete('deleted')).toMatchObject({ store: 'queued' })
    expect(await p.things.set('kept', { v: 2 })).toMatchObject({ store: 'queued' })
    expect(asked).toEqual(['read'])
    await server.restart()
    await untilConnected(p, q)
    for (const process of [p, q]) {
      expect(await readConnected(process, 'deleted')).toBeUndefined()
      expect((await readConnected(process, 'kept'))?.v).not.toBe(1)
    }
    await setConnected(p, 'kept', 3)
    await eventually(async () => (await q.things.get('kept'))?.v === 3)
  })

  it('never holds a start up', async () => {
    const p = await processOn(`redis://127.0.0.1:${NOBODYS_PORT}`)
    const asked = askedOf(p.store)
    expect(await p.things.getOrSet('k', async () => ({ v: 1 }))).toEqual({ v: 1 })
    expect(asked).toEqual(['read'])
    expect(await p.store.ready(50)).toBe(false)
    expect(p.store.health()).toMatchObject({ status: 'away', lastError: 'ECONNREFUSED' })
    await settled(p.stash.close())
  })

  it('is closed while it is frozen, before and after it was connected', async () => {
    const server = await serverWith()
    const p = await processOn(server.url, HASTY)
    await untilConnected(p)
    server.freeze()
    const late = await processOn(server.url, HASTY)
    const reading = Promise.all([p.things.get('a'), late.things.get('a')])
    await settled(Promise.all([p.stash.close(), late.stash.close()]))
    await settled(reading.catch(() => {}))
    server.thaw()
  })

  it('is back although somebody invalidates without a pause', async () => {
    const server = await serverWith()
    const p = await processOn(server.url, HASTY)
    await untilConnected(p)
    await server.kill()
    let [isOver, n] = [false, 0]
    const hot = (async () => {
      for (; !isOver; n++) {
        await p.things.delete(`k${n % 50}`)
        // In an outage every call is answered at once: without this, timers would starve.
        if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    await eventually(() => n > 1000)
    await server.restart()
    await eventually(() => !p.tier.link.away)
    isOver = true
    await hot
  })

  it('is told again what it may have lost, by every process, before anything else is asked', async () => {
    const server = await serverWith()
    const [p, q] = [await processOn(server.url), await processOn(server.url)]
    await untilConnected(p, q)
    const entryOf = (key: string) => `{hopstash:things:v1:${key}}:e`
    for (const [process, key] of [
      [p, 'k'],
      [q, 'l'],
    ] as const) {
      await process.things.set(key, { v: 1 })
      await server.command('COPY', entryOf(key), `saved:${key}`)
      await process.things.delete(key)
      // As a fail-over to a replica that had not heard of the delete.
      await server.command('COPY', `saved:${key}`, entryOf(key), 'REPLACE')
    }
    await server.command('HSET', '{hopstash}:ctl', 'run', 'of-another-server')
    const { inc } = p.tier.link
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal')
    await eventually(() => [p, q].every(({ store }) => store.health().replayed > 0))
    for (const process of [p, q]) {
      expect(await readConnected(process, 'k')).toBeUndefined()
      expect(await readConnected(process, 'l')).toBeUndefined()
    }
    expect(await server.command('EXISTS', entryOf('k'), entryOf('l'))).toBe(0)
    expect(p.tier.link.inc).not.toBe(inc)
    expect(p.tier.link.inc?.split('.')[0]).toBe(inc?.split('.')[0])
  })

  it('keeps what is stored, or not, as it was told to', async () => {
    for (const [policy, kept] of [
      ['replay', true],
      ['trust', true],
      ['distrust', false],
    ] as const) {
      const server = await serverWith()
      const store = createRedisStore({
        redis: server.url,
        onStoreRestart: policy,
        prefix: policy,
        timeout: PATIENT_MS,
      })
      ends.push(() => store.close())
      await store.ready()
      const ref = { key: `${policy}:n:v1:k`, namespace: 'n', digest: 'd' }
      const { inc, seq, nowMs } = await store.read({ ...ref, token: 'mine' })
      const entry = {
        id: 'nonce00000000000',
        inc,
        startSeq: seq,
        tags: ['t'],
        storedAtMs: nowMs,
        freshUntilMs: nowMs + 60_000,
        staleForMs: 0,
        errorForMs: 0,
        loadMs: 1,
        body: new Uint8Array([1]),
      }
      await store.write({ ...ref, token: 'mine', entry, lifeMs: 60_000, notAfterMs: nowMs + 60_000 })
      await server.command('HSET', `{${policy}}:ctl`, 'run', 'of-another-server')
      await server.command('CLIENT', 'KILL', 'TYPE', 'normal')
      await eventually(() => store.health().reconnects > 0)
      const after = await store.read(ref)
      expect([policy, after.entry?.inc === after.inc]).toEqual([policy, kept])
    }
  })
})

describe('a store that takes no writes', () => {
  it('full: a set fails and its old value is gone everywhere; invalidations work; nobody is away for it', async () => {
    const server = await serverWith({ args: ['--maxmemory', '100mb', '--maxmemory-policy', 'noeviction'] })
    const [p, q] = [await processOn(server.url), await processOn(server.url)]
    await untilConnected(p, q)
    await p.things.set('k', { v: 1 })
    await p.things.set('other', { v: 1 })
    await eventually(async () => (await q.things.get('k'))?.v === 1 && q.things.peek('k') !== undefined)
    await server.command('CONFIG', 'SET', 'maxmemory', '100kb')
    await server.command('SET', 'more', 'than fits').then(
      () => expect.unreachable(),
      () => {},
    )
    expect(await p.things.set('k', { v: 2 })).toMatchObject({ store: 'failed' })
    await eventually(() => q.things.peek('k') === undefined)
    expect(await q.things.get('k')).toBeUndefined()
    expect(await p.things.getOrSet('loaded', async () => ({ v: 5 }))).toEqual({ v: 5 })
    expect(await p.things.delete('other')).toMatchObject({ store: 'done' })
    expect(await p.things.invalidateTags(['all-things'])).toMatchObject({ store: 'done' })
    expect(await p.things.clear()).toMatchObject({ store: 'done' })
    await pause(50)
    expect(p.tier.link.away || q.tier.link.away).toBe(false)
  })

  it('a replica is not used, and says why', async () => {
    const primary = await serverWith()
    const replica = await serverWith({ args: ['--replicaof', '127.0.0.1', String(primary.port)] })
    const store = createRedisStore({ redis: replica.url })
    ends.push(() => store.close())
    store.ready(1).catch(() => {})
    await eventually(() => store.health().lastError === 'READONLY')
    expect(await store.ready(50)).toBe(false)
    expect(store.health()).toMatchObject({ status: 'away', lastError: 'READONLY' })
  })

  it('a primary that becomes a replica: what is deleted is queued, and told to it when it is a primary again', async () => {
    const server = await serverWith()
    const p = await processOn(server.url)
    await untilConnected(p)
    await p.things.set('k', { v: 1 })
    await server.command('REPLICAOF', '127.0.0.1', String(NOBODYS_PORT))
    expect(await p.things.delete('k')).toMatchObject({ store: 'queued' })
    expect(await p.things.get('k')).toBeUndefined()
    await server.command('REPLICAOF', 'NO', 'ONE')
    expect(await readConnected(p, 'k')).toBeUndefined()
    expect(await server.command('EXISTS', '{hopstash:things:v1:k}:e')).toBe(0)
  })
})

describe('a bus with a gap', () => {
  it('compares what is held before it is served, until a new subscription is in place', async () => {
    const server = await serverWith()
    const proxy = await proxyTo(server.port)
    const [p, q] = [await processOn(server.url), await processOn(proxy.url)]
    await untilConnected(p, q)
    await p.things.set('deleted', { v: 1 })
    await p.things.set('kept', { v: 1 })
    await eventually(async () => {
      await Promise.all([q.things.get('deleted'), q.things.get('kept')])
      return q.things.peek('deleted') !== undefined && q.things.peek('kept') !== undefined
    })
    proxy.refuse = true
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await eventually(() => q.tier.link.deaf)
    await p.things.delete('deleted')
    expect(q.store.health()).toMatchObject({ status: 'ready', bus: 'lost' })
    expect(await q.things.get('deleted')).toBeUndefined()
    expect(await q.things.get('kept')).toEqual({ v: 1 })
    proxy.refuse = false
    await untilConnected(p, q)
    expect(await readConnected(q, 'deleted')).toBeUndefined()
    await eventually(async () => (await q.things.get('kept')) !== undefined && q.things.peek('kept') !== undefined)
    await p.things.delete('kept')
    await eventually(() => q.things.peek('kept') === undefined)
    expect(q.tier.link.deaf).toBe(false)
  })

  it('notices a number that is missing, and ignores what is no message', async () => {
    const server = await serverWith()
    const [p, q] = [await processOn(server.url), await processOn(server.url)]
    await untilConnected(p, q)
    await p.things.set('a', { v: 1 })
    await eventually(() => q.store.health().messages.frames > 0)
    const { gaps } = q.store.health().messages
    for (const text of ['', 'nonsense', '1|x', '2|i|1|1|s|key|x', `1|${p.tier.link.inc}|1|1|s|key|nonsense`]) {
      await server.command('PUBLISH', '{hopstash}:bus', text)
    }
    await eventually(() => q.store.health().messages.malformed >= 4 && q.store.health().messages.otherVersion >= 1)
    expect(q.store.health().messages.gaps).toBe(gaps)
    await server.command('HINCRBY', '{hopstash}:ctl', 'n', '1')
    await p.things.delete('a')
    await eventually(() => q.store.health().messages.gaps > gaps && !q.tier.link.deaf)
  })
})

describe('rejections', () => {
  it('reach nobody unhandled, whatever breaks', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    onTestFinished(() => void process.off('unhandledRejection', note))
    const server = await serverWith()
    const proxy = await proxyTo(server.port)
    const p = await processOn(proxy.url)
    await untilConnected(p)
    for (let round = 0; round < 20; round++) {
      const works = ['a', 'b', 'c'].flatMap((key) => [
        p.things.getOrSet(key, async () => ({ v: round })),
        p.things.set(key, { v: round }),
        p.things.delete(key),
        p.things.clear(),
      ])
      if (round % 3 === 0) proxy.cut()
      await Promise.all(works)
    }
    await server.kill()
    await Promise.all([p.things.get('a'), p.things.delete('a')])
    await p.stash.close()
    await pause(50)
    expect(unhandled).toEqual([])
  })
})
