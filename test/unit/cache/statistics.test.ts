import { describe, expect, it } from 'vitest'
import type { LoaderContext } from '../../../src/cache/loader.js'
import { createLoads, never, open } from './fixture.js'

describe('causes of misses', () => {
  it('tells never, expired, evicted, invalidated and bypass apart', async () => {
    const { things, clock } = open({ ttl: '1m', max: 2 })
    const load = (key: unknown, options = {}): Promise<unknown> => things.getOrSet(key, () => 1, options)
    await load('a')
    await clock.advance(60_000)
    await load('a')
    await things.delete('a')
    await load('a')
    await load('a', { forceFresh: true })
    await load('b')
    await load('c')
    await load('a')
    expect(things.stats().missCauses).toEqual({
      never: 3,
      expired: 1,
      evicted: 1,
      invalidated: 1,
      bypass: 1,
      unknown: 0,
    })
  })

  it('calls a tag, a clear and an expire by their names', async () => {
    const { things, clock } = open({ ttl: '1m', staleIfError: '1h' })
    await things.set('tag', 1, { tags: ['t'] })
    await things.invalidateTags(['t'])
    await things.getOrSet('tag', () => 1)
    expect(things.stats().missCauses.invalidated).toBe(1)
    await things.clear()
    await things.getOrSet('tag', () => 1)
    expect(things.stats().missCauses.invalidated).toBe(2)
    await clock.advance(60_000)
    await things.getOrSet('tag', () => 1)
    expect(things.stats().missCauses.expired).toBe(1)
  })

  it('calls a stale entry that get and peek refuse expired', async () => {
    const { things, clock } = open({ ttl: '1m', staleIfError: '1h' })
    await things.set('k', 1)
    await clock.advance(60_000)
    things.peek('k')
    await things.get('k')
    expect(things.stats().missCauses).toMatchObject({ expired: 2, never: 0 })
  })

  it('says unknown once it has forgotten something', async () => {
    const { things } = open({ max: 1 })
    for (let index = 0; index < 1200; index++) await things.set(index, 1)
    await things.getOrSet(0, () => 1)
    expect(things.stats().missCauses.unknown).toBe(1)
  })
})

describe('stats', () => {
  it('adds up: every read is a hit, a stale answer, a joined load or a miss', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1h' })
    const loads = createLoads()
    const first = [things.getOrSet('k', loads.loader), things.getOrSet('k', loads.loader)]
    loads.call(0).resolve(1)
    await Promise.all(first)
    for (let index = 0; index < 5; index++) await things.getOrSet('k', never)
    await clock.advance(60_000)
    await things.getOrSet('k', () => 2)
    const stats = things.stats()
    expect(stats).toMatchObject({ hits: 5, misses: 1, coalesced: 1, stale: 1, loads: 2, refreshes: 1 })
    expect(stats.hitRate).toBeCloseTo(6 / 7)
    expect(stats.saved.calls).toBe(7)
  })

  it('counts nothing as saved where the shared load failed', async () => {
    const { things } = open()
    const loads = createLoads()
    const callers = Array.from({ length: 8 }, () => things.getOrSet('k', loads.loader))
    loads.call(0).reject(new Error('down'))
    await Promise.allSettled(callers)
    expect(things.stats()).toMatchObject({ coalesced: 7, loadErrors: 1, saved: { calls: 0 } })
  })

  it.each(['fails', 'takes too long', 'ends'])(
    'never lets a count fall, where a load behind an old value %s',
    async (end) => {
      const { things, clock } = open({ ttl: '1m', staleIfError: '1h', softTimeout: 500 })
      await things.set('k', 1)
      await clock.advance(60_000)
      const seen: (readonly [misses: number, expired: number, coalesced: number])[] = []
      const look = (): void => {
        const { misses, missCauses, coalesced } = things.stats()
        seen.push([misses, missCauses.expired, coalesced])
      }
      const loads = createLoads()
      const reads = [things.getOrSet('k', loads.loader), things.getOrSet('k', never)]
      look()
      if (end === 'takes too long') await clock.advance(500)
      look()
      if (end === 'fails') loads.call(0).reject(new Error('down'))
      else loads.call(0).resolve(2)
      await Promise.all(reads)
      look()
      const counted = { fails: [0, 0, 1], 'takes too long': [0, 0, 0], ends: [1, 1, 1] }[end]
      expect(seen).toEqual([[0, 0, 0], [0, 0, 0], counted])
    },
  )

  it('is 0 at 0 of 0', () => {
    const { things, stash } = open()
    expect(things.stats()).toMatchObject({ hitRate: 0, size: 0, bytes: 0, saved: { calls: 0, ms: 0 } })
    expect(stash.stats().totals).toMatchObject({ hitRate: 0, hits: 0, misses: 0 })
    expect(things.stats().latency.hit).toEqual({ p50: undefined, p95: undefined, p99: undefined })
  })

  it('measures loads and what hits saved', async () => {
    const { things, clock } = open({ cost: () => ({ tokens: 100, money: 0.5 }) })
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    await clock.advance(2000)
    loads.call(0).context.usage.add({ tokens: 10 })
    loads.call(0).resolve('value')
    await waiting
    for (let index = 0; index < 3; index++) await things.getOrSet('k', never)
    expect(things.stats().saved).toEqual({ calls: 3, ms: 6000, tokens: 330, money: 1.5 })
    expect(things.stats().latency.load.p50).toBeCloseTo(2000, -2)
    expect(things.stats().latency.miss.p50).toBeCloseTo(2000, -2)
  })

  it.each([
    ['no number', () => ({ tokens: Number.NaN, money: '5' })],
    ['endless', () => ({ tokens: Infinity, money: -1 })],
    ['nothing', () => null],
  ])('keeps sums of numbers where cost and usage say %s', async (_name, cost) => {
    const { things, stash } = open({ cost: cost as never })
    const load = ({ usage }: LoaderContext): string => {
      usage.add(cost() as never)
      usage.add({ tokens: 7, money: 1 })
      return 'value'
    }
    expect(await things.getOrSet('k', load)).toBe('value')
    await things.getOrSet('k', never)
    expect(things.stats().saved).toMatchObject({ calls: 1, tokens: 7, money: 1 })
    expect(stash.stats().totals.saved).toMatchObject({ tokens: 7, money: 1 })
  })

  it('sums the namespaces of a stash', async () => {
    const { things, others, stash } = open()
    await things.getOrSet('a', () => 1)
    await things.getOrSet('a', never)
    await others.getOrSet('a', () => 1)
    const { namespaces, totals } = stash.stats()
    expect(Object.keys(namespaces)).toEqual(['things', 'others'])
    expect(totals).toMatchObject({ size: 2, hits: 1, misses: 2, maxBytes: 64 * 1024 * 1024 })
    expect(totals.hitRate).toBeCloseTo(1 / 3)
  })

  it('counts writes, deletes and loads in flight', async () => {
    const { things } = open()
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    await things.set('a', 1)
    await things.delete('a')
    expect(things.stats()).toMatchObject({ writes: 1, deletes: 1, inFlight: 1 })
    loads.call(0).resolve(1)
    await waiting
  })

  it('is a copy that later calls do not change', async () => {
    const { things } = open()
    const before = things.stats()
    await things.getOrSet('k', () => undefined)
    expect(before).toMatchObject({ misses: 0, refused: { undefined: 0 }, missCauses: { never: 0 } })
  })

  it('times one hit in 1,024', async () => {
    const { things } = open()
    await things.set('k', 1)
    for (let index = 0; index < 1024; index++) void things.getOrSet('k', never)
    expect(things.stats().latency.hit.p50).toBeDefined()
  })

  it('times hits that have to think, too', async () => {
    const { things } = open()
    await things.set('k', { at: new Date(0) })
    for (let index = 0; index < 1023; index++) void things.getOrSet('k', never)
    expect(things.stats().latency.hit.p50).toBeUndefined()
    void things.getOrSet('k', never)
    expect(things.stats().latency.hit.p50).toBeDefined()
  })
})

describe('getEntry', () => {
  it('shows age, lifetime, tags and stored key, of stale entries too', async () => {
    const { things, clock } = open({ ttl: '1m', staleIfError: '1h' })
    await things.set('k', 'value', { tags: ['t', 'u'] })
    await clock.advance(1000)
    expect(await things.getEntry('k')).toEqual({
      value: 'value',
      status: 'hit',
      tier: 'memory',
      ageMs: 1000,
      ttlMs: 59_000,
      tags: ['t', 'u'],
      key: 'hopstash:things:v1:k',
      degraded: [],
    })
    await clock.advance(59_000)
    expect(await things.getEntry('k')).toMatchObject({ status: 'stale', ttlMs: 0 })
    expect(await things.getEntry('missing')).toBeUndefined()
  })
})
