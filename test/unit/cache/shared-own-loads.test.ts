import { describe, expect, it } from 'vitest'
import { never } from './fixture.js'
import { heldCalls, openHolding, openShared } from './shared-fixture.js'

describe('what a load of this process has answered, while the store is taking it', () => {
  it.each(['get', 'getEntry', 'getMany', 'has'] as const)('is found by %s', async (verb) => {
    const calls = heldCalls('write', 'before')
    const { world, things } = openShared({}, calls.adapt)
    await world.settle()
    calls.hold()
    expect(await world.run(things.getOrSet('k', async () => 'loaded'))).toBe('loaded')
    const reads = {
      get: () => things.get('k'),
      getEntry: () => things.getEntry('k').then((entry) => entry?.value),
      getMany: () => things.getMany(['k']).then(([value]) => value),
      has: () => things.has('k').then((has) => has && 'loaded'),
    }
    const reading = reads[verb]()
    await world.settle()
    calls.releaseAll()
    expect(await world.run<unknown>(reading)).toBe('loaded')
  })

  it.each(['before', 'after'] as const)(
    'is told its callers only when memory has it instead of an older one (%s)',
    async (where) => {
      const calls = heldCalls('write', where)
      const { world, things } = await openHolding('old', calls.adapt)
      expect(await world.run(things.get('k'))).toBe('old')
      calls.hold()
      const answered: unknown[] = []
      const forcing = things.getOrSet('k', async () => 'new', { forceFresh: true })
      void forcing.then((value) => answered.push(value))
      await world.settle()
      expect(things.peek('k')).toBe('old')
      expect(answered).toEqual([])
      calls.releaseAll()
      await world.run(forcing)
      expect(answered).toEqual(['new'])
      expect(things.peek('k')).toBe('new')
      expect(await world.run(things.getOrSet('k', never))).toBe('new')
    },
  )

  it('is in time for who joins when its loader is done, however long the store takes', async () => {
    const calls = heldCalls('write', 'before')
    const { world, things } = openShared({ ttl: '1m', staleWhileRevalidate: '1h', hardTimeout: 100 }, calls.adapt)
    await world.settle()
    await world.run(things.set('k', 'old'))
    await world.clock.advance(60_000)
    calls.hold()
    expect(await world.run(things.getOrSet('k', async () => 'new'))).toBe('old')
    await world.settle()
    const joined = things.getOrSet('k', never, { maxAge: '1s' })
    await world.clock.advance(110)
    calls.releaseAll()
    expect(await world.run(joined)).toBe('new')
    expect(things.stats().loadErrors).toBe(0)
  })

  it('is kept although its only caller leaves meanwhile', async () => {
    const calls = heldCalls('write', 'before')
    const { world, things } = await openHolding('old', calls.adapt)
    expect(await world.run(things.get('k'))).toBe('old')
    calls.hold()
    const controller = new AbortController()
    const options = { forceFresh: true, signal: controller.signal }
    const forcing = things.getOrSet('k', async () => 'new', options).catch((error: Error) => error.message)
    await world.settle()
    controller.abort(new Error('left'))
    expect(await forcing).toBe('left')
    calls.releaseAll()
    await world.settle()
    expect(things.peek('k')).toBe('new')
  })

  it('is gone for reads once it is deleted, whatever becomes of the write', async () => {
    const calls = heldCalls('write', 'before')
    const { world, things } = openShared({}, calls.adapt)
    await world.settle()
    calls.hold()
    expect(await world.run(things.getOrSet('k', async () => 'loaded'))).toBe('loaded')
    const reading = things.get('k')
    expect(await world.run(things.delete('k'))).toMatchObject({ store: 'done' })
    const behind = things.get('k')
    await world.settle()
    calls.releaseAll()
    expect(await world.run(behind)).toBeUndefined()
    expect(await world.run(reading)).toBeUndefined()
  })

  it('is found although the store never answers', async () => {
    const calls = heldCalls('write', 'before')
    const { world, things } = openShared({}, calls.adapt)
    await world.settle()
    calls.hold()
    expect(await world.run(things.getOrSet('k', async () => 'loaded'))).toBe('loaded')
    expect(await world.run(things.get('k'))).toBe('loaded')
    calls.releaseAll()
  })
})
