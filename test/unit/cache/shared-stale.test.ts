import { describe, expect, it } from 'vitest'
import { createLoads, never } from './fixture.js'
import { openShared } from './shared-fixture.js'

const options = { ttl: '1m', staleWhileRevalidate: '1h' } as const

describe('a stale value, with a shared store', () => {
  it('is served at once and refreshed behind, once, by the process that holds it', async () => {
    const { world, things } = openShared(options)
    await world.settle()
    await world.run(things.set('k', 'old'))
    await world.clock.advance(60_000)
    const loads = createLoads()
    expect(await world.run(things.getOrSet('k', loads.loader))).toBe('old')
    expect(await world.run(things.getOrSet('k', loads.loader))).toBe('old')
    await world.settle()
    expect(loads.calls).toHaveLength(1)
    loads.call(0).resolve('new')
    await world.settle()
    expect(await world.run(things.getOrSet('k', never))).toBe('new')
    expect(things.stats()).toMatchObject({ stale: 2, refreshes: 1, loads: 1 })
  })

  it('that comes from the store is refreshed by the very read that found it', async () => {
    const { world, things, others } = openShared(options)
    await world.settle()
    await world.run(things.set('k', 'old'))
    await world.clock.advance(60_000)
    const loads = createLoads()
    expect(await world.run(others.getOrSet('k', loads.loader))).toBe('old')
    await world.settle()
    expect(loads.calls).toHaveLength(1)
    loads.call(0).resolve('new')
    await world.settle()
    expect(await world.run(others.getOrSet('k', never))).toBe('new')
  })

  it('that somebody reads from the store does not do for who asks meanwhile for a newer one', async () => {
    const { world, things, others } = openShared({ ttl: '1h' })
    await world.settle()
    await world.run(things.set('k', 'old'))
    await world.clock.advance(60_000)
    const loads = createLoads()
    const asked = (['2m', '2m', '30s', '30s'] as const).map((maxAge) => others.getOrSet('k', loads.loader, { maxAge }))
    await world.settle()
    expect(loads.calls).toHaveLength(1)
    loads.call(0).resolve('new')
    expect(await world.run(Promise.all(asked))).toEqual(['old', 'old', 'new', 'new'])
  })

  it('that is found while several wait for it takes back none of their counts', async () => {
    const { world, things, others } = openShared({ ttl: '1m', staleIfError: '1h' })
    await world.settle()
    await world.run(others.set('k', 'old'))
    await world.clock.advance(60_000)
    const loads = createLoads()
    const asked = [things.getOrSet('k', loads.loader), things.getOrSet('k', never)]
    const seen = [things.stats().coalesced]
    await world.settle()
    seen.push(things.stats().coalesced)
    loads.call(0).resolve('new')
    expect(await world.run(Promise.all(asked))).toEqual(['new', 'new'])
    seen.push(things.stats().coalesced)
    expect(seen).toEqual([0, 0, 1])
  })

  it('is replaced by what another process refreshed, without a load', async () => {
    const { world, things, others } = openShared(options)
    await world.settle()
    await world.run(things.set('k', 'old'))
    expect(await world.run(others.get('k'))).toBe('old')
    await world.clock.advance(60_000)
    await world.run(things.getOrSet('k', async () => 'new'))
    await world.settle()
    // Its refresh behind finds the newer value in the store.
    expect(await world.run(others.getOrSet('k', never))).toBe('old')
    await world.settle()
    expect(await world.run(others.getOrSet('k', never))).toBe('new')
    expect(others.stats()).toMatchObject({ refreshes: 1, loads: 0 })
  })

  it('is refreshed ahead of its end, too, and not by what it is', async () => {
    const { world, things } = openShared({ ttl: '1m', refreshAhead: 0.5 })
    await world.settle()
    await world.run(things.set('k', 'old'))
    await world.clock.advance(31_000)
    let calls = 0
    const load = async () => `new ${++calls}`
    expect(await world.run(things.getOrSet('k', load))).toBe('old')
    await world.settle()
    expect(await world.run(things.getOrSet('k', load))).toBe('new 1')
    expect(calls).toBe(1)
  })

  it('stays where its refresh fails, which backs off', async () => {
    const { world, things } = openShared(options)
    await world.settle()
    await world.run(things.set('k', 'old'))
    await world.clock.advance(60_000)
    let calls = 0
    const broken = async (): Promise<never> => {
      calls++
      throw new Error('down')
    }
    for (let read = 0; read < 3; read++) {
      expect(await world.run(things.getOrSet('k', broken))).toBe('old')
      await world.settle()
    }
    expect(calls).toBe(1)
  })
})

describe('explain, with a shared store', () => {
  it('does not say that a read would load what the store may have', async () => {
    const { world, things, others } = openShared()
    await world.settle()
    await world.run(others.set('k', 'value'))
    expect(things.explain('k')).toMatchObject({
      cached: false,
      next: 'ask the shared store, load if it has nothing',
      text: 'Not in memory (never): the next read asks the shared store, and loads if it has nothing.',
    })
    expect(await world.run(things.getOrSet('k', never))).toBe('value')
    expect(things.explain('k')).toMatchObject({ cached: true, next: 'hit' })
  })
})
