import { describe, expect, it } from 'vitest'
import { createLoads, never } from './fixture.js'
import { heldCalls, openHolding, openShared } from './shared-fixture.js'

const soft = { mode: 'expire' } as const

describe('a soft invalidation of a tag, with a shared store', () => {
  it('ends the freshness of what the store has: nobody gets it any more, whoever had it in memory', async () => {
    const { world, things, others } = openShared({ tags: ['t'] })
    await world.settle()
    await world.run(things.set('k', 'old'))
    await world.run(things.invalidateTags(['t'], soft))
    expect(await world.run(things.get('k'))).toBeUndefined()
    expect(await world.run(others.get('k'))).toBeUndefined()
    expect(await world.run(others.getMany(['k']))).toEqual([undefined])
    expect(await world.run(others.getOrSet('k', async () => 'new'))).toBe('new')
    await world.settle()
    expect(await world.run(things.get('k'))).toBe('new')
  })

  it('leaves a stale value, which is served and refreshed by a process that reads it first then', async () => {
    const { world, things, others } = openShared({ tags: ['t'], staleWhileRevalidate: '1h' })
    await world.settle()
    await world.run(things.set('k', 'old'))
    await world.run(things.invalidateTags(['t'], soft))
    expect(await world.run(others.get('k'))).toBeUndefined()
    expect(await world.run(others.getEntry('k'))).toMatchObject({ value: 'old', status: 'stale' })
    const loads = createLoads()
    expect(await world.run(others.getOrSet('k', loads.loader))).toBe('old')
    await world.settle()
    loads.call(0).resolve('new')
    await world.settle()
    expect(await world.run(others.getOrSet('k', never))).toBe('new')
    // The refresh of the process that held the old one finds the new one.
    expect(await world.run(things.getOrSet('k', never))).toBe('old')
    await world.settle()
    expect(await world.run(things.getOrSet('k', never))).toBe('new')
  })

  it('is in the reply of a read, though a clear has emptied memory meanwhile', async () => {
    const reads = heldCalls('read', 'after')
    const { world, things, others } = openShared({ tags: ['t'] }, reads.adapt)
    await world.settle()
    await world.run(things.set('k', 'old'))
    world.processes[0].connection.cutBus()
    await world.run(others.invalidateTags(['t'], soft))
    reads.hold()
    const reading = things.get('k')
    await world.settle()
    const clearing = things.clear()
    reads.releaseAll()
    expect(await world.run(reading)).toBeUndefined()
    await world.run(clearing)
  })

  it('leaves a value that stands in for a failed load', async () => {
    const { world, things, others } = openShared({ tags: ['t'], staleIfError: '1h' })
    await world.settle()
    await world.run(things.set('k', 'old'))
    await world.run(things.invalidateTags(['t'], soft))
    const failing = others.getOrSet('k', async () => {
      throw new Error('down')
    })
    expect(await world.run(failing)).toBe('old')
  })

  it('makes what was being loaded stale, and leaves what is loaded after it', async () => {
    const { world, things, others } = openShared({ tags: ['t'], staleWhileRevalidate: '1h' })
    await world.settle()
    const loads = createLoads()
    const loading = things.getOrSet('k', loads.loader)
    await world.settle()
    await world.run(others.invalidateTags(['t'], soft))
    loads.call(0).resolve('of before')
    expect(await world.run(loading)).toBe('of before')
    await world.settle()
    expect(await world.run(others.getEntry('k'))).toMatchObject({ value: 'of before', status: 'stale' })
    await world.run(others.set('k', 'of after'))
    await world.settle()
    expect(await world.run(things.getEntry('k'))).toMatchObject({ value: 'of after', status: 'hit' })
  })
})

describe('onlyIfCached, with a shared store', () => {
  it('fails nobody who has a loader, and is remembered as no failure of one', async () => {
    const { world, things } = openShared({ negative: { ttl: '1h', when: () => true } })
    await world.settle()
    const asking = things.getOrSet('k', never, { onlyIfCached: true }).catch((error: { code: string }) => error.code)
    const loading = things.getOrSet('k', async () => 'loaded')
    expect(await world.run(asking)).toBe('ERR_NOT_CACHED')
    expect(await world.run(loading)).toBe('loaded')
    const alone = things.getOrSet('n', never, { onlyIfCached: true }).catch((error: { code: string }) => error.code)
    expect(await world.run(alone)).toBe('ERR_NOT_CACHED')
    expect(await world.run(things.getOrSet('n', async () => 'loaded'))).toBe('loaded')
    expect(things.stats()).toMatchObject({ loads: 2, loadErrors: 0 })
  })

  it('gives what another process stored, and leaves a stale source to those who load', async () => {
    const { world, things, others } = openShared({ staleIfError: '1h', ttl: '1m' })
    await world.settle()
    await world.run(others.set('k', 'old'))
    expect(await world.run(things.getOrSet('k', never, { onlyIfCached: true }))).toBe('old')
    await world.clock.advance(60_000)
    expect(await world.run(things.getOrSet('k', never, { onlyIfCached: true }))).toBe('old')
    expect(await world.run(others.getOrSet('k', never, { onlyIfCached: true }))).toBe('old')
    expect(await world.run(others.getOrSet('k', async () => 'new'))).toBe('new')
    expect(others.stats()).toMatchObject({ stale: 1, misses: 1, loads: 1 })
  })

  it('ends for a caller who gives up', async () => {
    const { world, things } = await openHolding('old', (connection) => connection)
    const controller = new AbortController()
    const options = { onlyIfCached: true, signal: controller.signal }
    const asking = things.getOrSet('another', never, options).catch((error: Error) => error.message)
    controller.abort(new Error('left'))
    expect(await asking).toBe('left')
    await world.settle()
  })
})
