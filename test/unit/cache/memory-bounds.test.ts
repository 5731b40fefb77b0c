import { describe, expect, it } from 'vitest'
import { Cells } from '../../../src/cache/cells.js'
import { stateOf } from '../../../src/cache/namespace-state.js'
import { namespace } from '../../../src/cache/presets.js'
import { createStash } from '../../../src/cache/stash.js'
import { createLoads, open, type Things } from './fixture.js'

const cellsOf = (things: Things): Cells => stateOf(things).cells

describe('memory', () => {
  it('holds `max` entries, drops the least recently used first, counts evictions, and says so to the next miss', async () => {
    const { things } = open({ max: 3 })
    for (const key of ['a', 'b', 'c']) await things.set(key, key)
    await things.get('a')
    await things.set('d', 'd')
    expect(things.peek('b')).toBeUndefined()
    expect(things.peek('a')).toBe('a')
    expect(things.stats()).toMatchObject({ size: 3, maxSize: 3, evictions: 1 })
    await things.getOrSet('b', () => 'again')
    expect(things.stats().missCauses.evicted).toBe(2)
  })

  it('counts neither a replaced nor a deleted entry as evicted', async () => {
    const { things } = open({ max: 3 })
    await things.set('a', 1)
    await things.set('a', 2)
    await things.delete('a')
    await things.clear()
    expect(things.stats().evictions).toBe(0)
  })

  it('is bounded by bytes over all namespaces of the stash; the one that holds most gives way', async () => {
    const { things, others, stash } = open({ max: 1000 }, { maxBytes: 100_000 })
    for (let index = 0; index < 30; index++) await others.set(index, 'x'.repeat(1000))
    for (let index = 0; index < 10; index++) await things.set(index, 'x'.repeat(1000))
    for (let index = 0; index < 30; index++) await others.set(100 + index, 'x'.repeat(1000))
    const { totals } = stash.stats()
    expect(totals.bytes).toBeLessThanOrEqual(100_000)
    expect(totals.bytes).toBe(things.stats().bytes + others.stats().bytes)
    expect(things.stats().size).toBe(10)
    expect(others.stats().evictions).toBeGreaterThan(0)
  })

  it('takes a value that is larger than what any namespace holds, at the cost of those that hold most', async () => {
    const few = { a: namespace<string, number>(), b: namespace<string, number>(), c: namespace<string, number>() }
    const stash = createStash({ maxBytes: 100_000, namespaces: { ...few, empty: namespace<string, number>() } })
    for (const { set } of [stash.a, stash.b, stash.c])
      for (let index = 0; index < 10; index++) await set(index, 'x'.repeat(1500))
    expect(await stash.empty.set(1, 'x'.repeat(25_000))).toEqual({ memory: 'done', store: 'none' })
    expect(stash.empty.peek(1)?.length).toBe(25_000)
    expect(stash.empty.stats()).toMatchObject({ size: 1, evictions: 0 })
    const { totals, namespaces } = stash.stats()
    expect(totals.bytes).toBeLessThanOrEqual(100_000)
    expect([namespaces.a, namespaces.b, namespaces.c].map((one) => one?.size)).toEqual([5, 5, 6])
  })

  it('is not emptied by one value larger than all of it', async () => {
    const { things } = open({ max: 1000 }, { maxBytes: 10_000 })
    for (let index = 0; index < 4; index++) await things.set(index, 'x'.repeat(500))
    await things.getOrSet('giant', () => 'x'.repeat(50_000))
    await things.set('giant', 'x'.repeat(50_000))
    expect(things.stats()).toMatchObject({ size: 4, evictions: 0 })
  })

  it('resizes down at once and up without losing anything', async () => {
    const { things } = open({ max: 5 })
    for (let index = 0; index < 5; index++) await things.set(index, index)
    things.resize({ max: 2 })
    expect(things.stats()).toMatchObject({ size: 2, maxSize: 2, evictions: 3 })
    things.resize({ max: 4 })
    expect([things.peek(3), things.peek(4)]).toEqual([3, 4])
    for (let index = 10; index < 12; index++) await things.set(index, index)
    expect(things.stats()).toMatchObject({ size: 4, evictions: 3 })
  })

  it('resize of the ttl holds for what is stored from then on', async () => {
    const { things, clock } = open({ ttl: '1m' })
    await things.set('before', 1)
    things.resize({ ttl: '1h' })
    await things.set('behind', 1)
    expect(things.stats().ttlMs).toBe(3_600_000)
    await clock.advance(60_000)
    expect([things.peek('before'), things.peek('behind')]).toEqual([undefined, 1])
  })

  it.each([
    [{ max: 0 }],
    [{ max: 1.5 }],
    [{ max: Number.NaN }],
    [{ max: -1 }],
    [{ max: Infinity }],
    [{ ttl: 'soon' }],
    [{ ttl: -1 }],
    [{ max: 3, ttl: 'soon' }],
    [{ size: 3 }],
  ])('resize refuses %j and changes nothing', async (changes) => {
    const { things } = open({ max: 5, ttl: '1m' })
    expect(() => things.resize(changes as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }))
    expect(things.stats()).toMatchObject({ maxSize: 5, ttlMs: 60_000 })
  })
})

describe('cells of tags', () => {
  it('live while an entry carries the tag, and no longer', async () => {
    const { things, clock } = open({ max: 3, ttl: '1h' })
    const cells = cellsOf(things)
    await things.set('a', 1, { tags: ['t', 'u', 't'] })
    await things.set('b', 1, { tags: ['t'] })
    expect(cells.size).toBe(2)
    await things.set('a', 2, { tags: ['t'] })
    expect(cells.size).toBe(1)
    await things.delete('a')
    expect(cells.size).toBe(1)
    await things.delete('b')
    expect(cells.size).toBe(0)
    for (let index = 0; index < 10; index++) await things.set(index, 1, { tags: [`t${index}`] })
    expect(cells.size).toBe(3)
    things.resize({ max: 1 })
    expect(cells.size).toBe(1)
    await clock.advance(3_600_000)
    expect(cells.size).toBe(0)
  })

  it('go with clear, with sets that replace, with refused values and with failed loads', async () => {
    const { things } = open({ tags: ['always'] })
    const cells = cellsOf(things)
    await things.set('a', 1, { tags: ['t'] })
    await things.clear()
    expect(cells.size).toBe(0)
    await things.getOrSet('f', () => () => 1)
    await things.getOrSet('z', () => 1, { ttl: 0, tags: ['zero'] })
    await things.getOrSet('n', () => 1, { noStore: true, tags: ['none'] })
    await things.getOrSet('e', () => Promise.reject(new Error('down')), { tags: ['e'] }).catch(() => undefined)
    expect(cells.size).toBe(0)
    expect(cells.inFlight).toBe(0)
  })

  it('invalidated while loads run are dropped with the last of them', async () => {
    const { things } = open()
    const cells = cellsOf(things)
    const loads = createLoads()
    const waiting = [things.getOrSet('a', loads.loader), things.getOrSet('b', loads.loader)]
    await things.invalidateTags(['t', 'u'])
    expect(cells.size).toBe(2)
    loads.call(0).resolve(1)
    await waiting[0]
    expect(cells.size).toBe(2)
    loads.call(1).resolve(1)
    await waiting[1]
    expect(cells.size).toBe(0)
  })

  it('count loads in flight whatever becomes of them: ended, failed, abandoned, timed out, superseded, bypassed', async () => {
    const { things, clock } = open({ hardTimeout: '1s' })
    const cells = cellsOf(things)
    const loads = createLoads()
    const caller = new AbortController()
    const all = [
      things.getOrSet('timeout', loads.loader),
      things.getOrSet('left', loads.loader, { signal: caller.signal }),
      things.getOrSet('superseded', loads.loader),
      things.getOrSet('none', loads.loader, { noStore: true }),
      things.getOrSet(() => 1, loads.loader),
    ]
    await things.set('superseded', 1)
    expect(cells.inFlight).toBe(5)
    caller.abort()
    loads.call(2).resolve(1)
    loads.call(3).reject(new Error('down'))
    loads.call(4).resolve(1)
    const settled = Promise.allSettled(all)
    await clock.advance(1000)
    await settled
    expect(cells.inFlight).toBe(0)
  })

  it('of ten thousand loose tags the oldest give way, and their number stays bounded', () => {
    const cells = new Cells()
    cells.loadBegins()
    for (let seq = 1; seq <= 20_000; seq++) cells.invalidate(`t${seq}`, seq, 'delete', 0)
    expect(cells.size).toBeLessThanOrEqual(10_001)
    expect(cells.of('t1').hard).toBeGreaterThanOrEqual(1)
    expect(cells.of('t20000').hard).toBe(20_000)
    expect(cells.of('never invalidated').hard).toBeLessThan(20_000)
    cells.loadEnds()
    expect(cells.size).toBe(0)
  })

  it('of an entry are never given up for loose ones', async () => {
    const { things } = open()
    await things.set('a', 1, { tags: ['kept'] })
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    for (let index = 0; index < 10_100; index++) await things.invalidateTags([`t${index}`])
    expect(things.peek('a')).toBe(1)
    await things.invalidateTags(['kept'])
    expect(things.peek('a')).toBeUndefined()
    loads.call(0).resolve(1)
    await waiting
  })
})
