import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, describe, expect, it } from 'vitest'
import { CACHE_CHANNEL, type CacheOutcome } from '../../../src/cache/outcome.js'
import { createLoads, never, open } from './fixture.js'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** Listens to the channel until the test ends. */
function listen(): CacheOutcome[] {
  const seen: CacheOutcome[] = []
  const listener = (message: unknown): void => void seen.push({ ...(message as CacheOutcome) })
  subscribe(CACHE_CHANNEL, listener)
  stops.push(() => unsubscribe(CACHE_CHANNEL, listener))
  return seen
}

describe('the channel hopstash:cache', () => {
  it('tells of reads what they came to', async () => {
    const seen = listen()
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1h' })
    const loads = createLoads()
    const both = [things.getOrSet('k', loads.loader), things.getOrSet('k', loads.loader)]
    await clock.advance(250)
    loads.call(0).resolve(1)
    await Promise.all(both)
    await things.getOrSet('k', never)
    await clock.advance(60_000)
    await things.getOrSet('k', () => 2)
    await things.getOrSet('k', () => 3, { forceFresh: true })
    await things.getOrSet('fails', () => Promise.reject(new TypeError('down'))).catch(() => undefined)
    const reads = seen.filter(({ operation }) => operation === 'getOrSet')
    expect(reads.map(({ status, tier, cause }) => [status, tier, cause])).toEqual([
      ['miss', 'loader', 'never'],
      ['coalesced', 'loader', undefined],
      ['hit', 'memory', undefined],
      ['stale', 'memory', undefined],
      ['revalidated', 'loader', 'bypass'],
      ['miss', undefined, 'never'],
    ])
    expect(reads[0]).toMatchObject({ namespace: 'things', durationMs: 250, degraded: [] })
    expect(reads[2]).toMatchObject({ ageMs: 0, ttlMs: 60_000 })
    expect(reads[3]).toMatchObject({ ageMs: 60_000, ttlMs: 0 })
    expect(reads[5]?.error).toEqual({ name: 'TypeError', code: undefined })
    expect(new Set(reads.map(({ key }) => key)).size).toBe(2)
    expect(reads[0]?.key).toMatch(/^[A-Za-z0-9_-]{16}$/)
  })

  it('tells of reads that bypass the cache, and of what they came to', async () => {
    const seen = listen()
    const { things, clock } = open()
    const loads = createLoads()
    const asking = things.getOrSet(() => 'no key', loads.loader)
    await clock.advance(40)
    loads.call(0).resolve(1)
    await asking
    await things.getOrSet(Symbol('s'), () => Promise.reject(new TypeError('down'))).catch(() => undefined)
    await things.getOrSet(Symbol('s'), never, { onlyIfCached: true }).catch(() => undefined)
    await open({ strict: true })
      .things.getOrSet(Symbol('s'), never)
      .catch(() => undefined)
    const bypass = { operation: 'getOrSet', status: 'bypass', cause: 'bypass', key: undefined }
    expect(seen).toHaveLength(4)
    expect(seen[0]).toMatchObject({ ...bypass, tier: 'loader', durationMs: 40, loadMs: 40, error: undefined })
    expect(seen[1]).toMatchObject({ ...bypass, error: { name: 'TypeError' } })
    expect(seen[2]).toMatchObject({ ...bypass, tier: undefined, error: { code: 'ERR_NOT_CACHED' } })
    expect(seen[3]).toMatchObject({ ...bypass, tier: undefined, error: { code: 'ERR_KEY_UNSUPPORTED' } })
  })

  it('tells of writes and invalidations, by the key they meant', async () => {
    const seen = listen()
    const { things, stash } = open({ strict: true })
    await things.set('k', 1)
    await things.set('k', 1, { scope: 'tenant' })
    await things.getOrSet('k', never)
    await things.getOrSet('k', never, { scope: 'tenant' })
    await things.delete('k')
    await things.expire('k')
    await things.invalidateTags(['t'])
    await stash.clear()
    await things.set('k', () => 1).catch(() => undefined)
    expect(seen.map(({ operation, status }) => [operation, status])).toEqual([
      ['set', 'done'],
      ['set', 'done'],
      ['getOrSet', 'hit'],
      ['getOrSet', 'hit'],
      ['delete', 'done'],
      ['expire', 'done'],
      ['invalidateTags', 'done'],
      ['clear', 'done'],
      ['set', 'failed'],
    ])
    expect(seen[0]?.key).toBe(seen[2]?.key)
    expect(seen[1]?.key).toBe(seen[3]?.key)
    expect(seen[0]?.key).not.toBe(seen[1]?.key)
    expect(seen[8]?.error).toEqual({ name: 'ValueError', code: 'ERR_VALUE_UNSUPPORTED' })
  })

  it('says nothing of values, raw keys, tags, scopes or messages of errors', async () => {
    const seen = listen()
    const { things, stash, clock } = open({ ttl: '1m', staleIfError: '1h', staleWhileRevalidate: '1s' })
    const canary = 'CANARY-5f3c'
    const key = { prompt: canary }
    await things.getOrSet(key, () => ({ text: canary }), { tags: [canary], scope: canary })
    await things.getOrSet(key, () => Promise.reject(new Error(canary))).catch(() => undefined)
    await things
      .getOrSet(canary, () => Promise.reject(Object.assign(new Error(canary), { detail: canary })))
      .catch(() => undefined)
    await things.getOrSet(
      () => canary,
      () => canary,
    )
    await things.set(canary, canary, { tags: [canary] })
    await clock.advance(60_500)
    await things.getOrSet(canary, () => Promise.reject(new Error(canary)))
    await clock.advance(60_500)
    await things.getOrSet(canary, () => Promise.reject(new Error(canary)))
    await things.get(canary)
    await things.writeThrough(canary, canary, () => canary)
    await things.invalidateTags([canary])
    await stash.invalidateTags([canary], { mode: 'expire' })
    await things.delete(canary)
    await stash.clear()
    expect(seen.length).toBeGreaterThan(8)
    expect(JSON.stringify(seen)).not.toContain(canary)
    expect(JSON.stringify(stash.stats())).not.toContain(canary)
  })

  it('tells of refreshes, plain reads and write-throughs', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1h' })
    await things.set('k', 1)
    await clock.advance(60_000)
    const seen = listen()
    await things.getOrSet('k', () => Promise.reject(new TypeError('down')))
    await clock.settle()
    await things.get('nothing')
    await things.writeThrough('k', 2, () => undefined)
    expect(seen.map(({ operation, status }) => `${operation} ${status}`)).toEqual([
      'getOrSet stale',
      'refresh failed',
      'get miss',
      'writeThrough done',
    ])
  })

  it('costs a hit nothing when nobody listens: it is the same promise as before', async () => {
    const { things } = open()
    await things.set('k', 1)
    const seen = listen()
    const watched = things.getOrSet('k', never)
    expect(things.getOrSet('k', never)).not.toBe(watched)
    await watched
    expect(seen.filter(({ operation }) => operation === 'getOrSet')).toHaveLength(2)
    for (const stop of stops.splice(0)) stop()
    expect(things.getOrSet('k', never)).toBe(things.getOrSet('k', never))
  })

  it("hands on a loader's very error where its name cannot be read", async () => {
    const seen = listen()
    const { things } = open()
    const trap = (): never => {
      throw new Error('trap')
    }
    const error = Object.defineProperty(new Error('of the loader'), 'name', { get: trap })
    const thrown = await things.getOrSet('k', () => Promise.reject(error)).catch((reason: unknown) => reason)
    expect(Object.is(thrown, error)).toBe(true)
    expect(seen[0]?.error).toEqual({ name: 'Error', code: undefined })
  })

  it.each(['softTimeout', 'signal'])(
    'leaves an outcome as it was published, where %s ended the wait for a loader',
    async (how) => {
      const { things, clock } = open({ ttl: '1m', staleIfError: '1h', softTimeout: '1s' })
      await things.set('k', 'old')
      await clock.advance(60_000)
      const seen: CacheOutcome[] = []
      const listener = (message: unknown): void => void seen.push(message as CacheOutcome)
      subscribe(CACHE_CHANNEL, listener)
      stops.push(() => unsubscribe(CACHE_CHANNEL, listener))
      const loads = createLoads()
      const caller = new AbortController()
      const read = things.getOrSet('k', loads.loader, { signal: caller.signal }).catch(() => 'left')
      if (how === 'signal') caller.abort()
      await clock.advance(1000)
      await read
      const published = { ...seen[0] }
      expect(published.loadMs).toBeUndefined()
      loads.call(0).resolve('new')
      await clock.settle()
      expect(seen[0]).toEqual(published)
    },
  )

  it('changes no answer: what a read returns is the same with a listener and without', async () => {
    for (const listening of [false, true]) {
      if (listening) listen()
      const { things, clock } = open({ ttl: '1m', staleIfError: '1h', softTimeout: '1s' })
      await things.getOrSet('map', () => new Map([['a', 1]]))
      expect(await things.getOrSet('map', never)).toEqual(new Map([['a', 1]]))
      await clock.advance(60_000)
      const loads = createLoads()
      const waiting = things.getOrSet('map', loads.loader)
      await clock.advance(1000)
      expect(await waiting).toEqual(new Map([['a', 1]]))
      await expect(things.getOrSet('e', () => Promise.reject(new Error('down')))).rejects.toThrow('down')
      loads.call(0).reject(new Error('late'))
      await clock.settle()
    }
  })
})
