import { describe, expect, it } from 'vitest'
import { heldCalls, openHolding, openShared } from './shared-fixture.js'

describe('a delete that is on its way', () => {
  it('takes back what a read brought into memory before the store heard of it', async () => {
    const calls = heldCalls('kill', 'before')
    const { world, things } = await openHolding('old', calls.adapt)
    calls.hold()
    const deleting = things.delete('k')
    await world.settle()
    expect(await world.run(things.get('k'))).toBe('old')
    expect(things.peek('k')).toBe('old')
    calls.releaseAll()
    expect(await world.run(deleting)).toMatchObject({ store: 'done' })
    expect(things.peek('k')).toBeUndefined()
    expect(await world.run(things.get('k'))).toBeUndefined()
  })
})

describe('an invalidation that the store never answers', () => {
  it.each(['clear', 'invalidateTags', 'forget'] as const)(
    '%s takes back what a read brought into memory meanwhile',
    async (how) => {
      const calls = heldCalls('bump', 'before')
      const { world, things, others } = openShared({ tags: ['t'] }, calls.adapt)
      await world.settle()
      await world.run(others.set('k', 'old', { subject: 'a person' }))
      await world.settle()
      calls.hold()
      const [{ connection, stash }] = world.processes
      const ways = {
        clear: () => things.clear(),
        invalidateTags: () => things.invalidateTags(['t']),
        forget: () => stash.forget('a person').catch(() => ({ store: 'queued' })),
      }
      const invalidating = ways[how]()
      await world.settle()
      expect(await world.run(things.get('k'))).toBe('old')
      expect(things.peek('k')).toBe('old')
      connection.cut()
      calls.releaseAll()
      expect(await world.run<{ store: unknown }>(invalidating)).toMatchObject({ store: 'queued' })
      expect(things.peek('k')).toBeUndefined()
      expect(await world.run(things.get('k'))).toBeUndefined()
    },
  )
})

describe('memory of a life of the store that is over', () => {
  it('is not served while the store is away either', async () => {
    const { world, things } = openShared()
    await world.settle()
    await world.run(things.set('k', 'of the old life'))
    expect(things.peek('k')).toBe('of the old life')
    world.store.evictControl()
    // Any answer tells that another life has begun.
    await world.run(things.get('another'))
    await world.settle()
    const [{ connection }] = world.processes
    connection.cut()
    expect(await world.run(things.get('another still'))).toBeUndefined()
    expect(world.processes[0].stash.health().status).not.toBe('ok')
    expect(await world.run(things.get('k'))).toBeUndefined()
    expect(things.peek('k')).toBeUndefined()
  })
})

describe('a new life of the store, whose numbers begin anew', () => {
  it('is not measured by what was invalidated in the old one: memory keeps what is loaded', async () => {
    const { world, things } = openShared({ tags: ['t'] })
    await world.settle()
    for (let round = 0; round < 20; round++) {
      await world.run(things.set('carrier of the tag', round))
      await world.run(things.invalidateTags(['t']))
    }
    await world.run(things.set('carrier of the tag', 'kept'))
    world.store.restartEmpty()
    const [{ connection }] = world.processes
    connection.heal()
    connection.healBus()
    await world.settle()
    await world.run(things.get('another'))
    expect(await world.run(things.getOrSet('k', () => 'loaded'))).toBe('loaded')
    await world.settle()
    expect(things.peek('k')).toBe('loaded')
  })
})

describe('a lease that is asked for after the value has come', () => {
  it('is not given: the value is read, and nothing is loaded a second time', async () => {
    const calls = heldCalls('lease', 'before')
    const { world, things, others } = openShared({ coalesce: 'cluster' }, calls.adapt)
    await world.settle()
    calls.hold()
    let loads = 0
    const load = (): string => `load ${++loads}`
    const late = things.getOrSet('k', load)
    await world.settle()
    expect(await world.run(others.getOrSet('k', load))).toBe('load 1')
    calls.releaseAll()
    expect(await world.run(late)).toBe('load 1')
    expect(loads).toBe(1)
  })
})

describe('a load during which another process invalidated its tag, and whose write finds the store away', () => {
  it('is not kept for the outage', async () => {
    const { world, things, others } = openShared({ tags: ['t'] })
    await world.settle()
    let arrive: (value: string) => void = () => undefined
    const arriving = new Promise<string>((resolve) => {
      arrive = resolve
    })
    const loading = things.getOrSet('k', () => arriving)
    await world.settle()
    await world.run(others.invalidateTags(['t']))
    await world.settle()
    world.processes[0].connection.cut()
    arrive('old')
    expect(await world.run(loading)).toBe('old')
    // The write has to find out that nobody answers.
    await world.clock.advance(2000)
    await world.settle()
    expect(things.peek('k')).toBeUndefined()
    expect(await world.run(things.getOrSet('k', () => 'new'))).toBe('new')
    expect(await world.run(things.get('k'))).toBe('new')
  })
})
