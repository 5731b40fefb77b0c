import { describe, expect, it } from 'vitest'
import { namespace } from '../../../src/cache/presets.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { createSimulatedStore } from '../../../src/testing/simulated-store.js'
import { createTestStash } from '../../../src/testing/test-stash.js'
import { createLoads, never, unhandledDuring } from './fixture.js'
import { heldCalls, heldMessages, openHolding, openShared } from './shared-fixture.js'

describe('a reply and the message that outdates it', () => {
  it.each(['message first', 'reply first'])('%s: memory does not keep the old value', async (order) => {
    const replies = heldCalls('read', 'after')
    const { world, things, others } = await openHolding('old', replies.adapt)
    replies.hold()
    const reading = things.get('k')
    await world.settle()
    expect(replies.count()).toBe(1)
    if (order === 'reply first') {
      replies.release(0)
      expect(await world.run(reading)).toBe('old')
    }
    await world.run(others.delete('k'))
    await world.settle()
    replies.release(0)
    await world.run(reading)
    expect(things.peek('k')).toBeUndefined()
  })

  it.each(['older reply last', 'older reply first'])('of two reads, %s: memory has the newer value', async (order) => {
    const replies = heldCalls('read', 'after')
    const { world, things, others } = await openHolding('old', replies.adapt)
    replies.hold()
    const older = things.get('k')
    await world.settle()
    // The message is lost; only the order of the replies tells.
    const [{ connection }] = world.processes
    connection.cutBus()
    await world.run(others.set('k', 'new'))
    connection.healBus()
    await world.settle()
    const newer = things.get('k')
    await world.settle()
    const [first, second] = order === 'older reply first' ? [0, 1] : [1, 0]
    replies.release(first as number)
    await world.settle()
    replies.release(second as number)
    expect(await world.run(newer)).toBe('new')
    await world.run(older)
    expect([undefined, 'new']).toContain(things.peek('k'))
    expect(things.peek('k')).not.toBe('old')
  })

  it('of two reads, older reply last, and the message later still: memory does not go back', async () => {
    const replies = heldCalls('read', 'after')
    const messages = heldMessages()
    const { world, things, others } = openShared({}, (connection) => messages.adapt(replies.adapt(connection)))
    await world.settle()
    await world.run(others.set('k', 'old'))
    await world.settle()
    replies.hold()
    messages.hold()
    const older = things.get('k')
    await world.settle()
    await world.run(others.set('k', 'new'))
    const newer = things.get('k')
    await world.settle()
    replies.release(1)
    expect(await world.run(newer)).toBe('new')
    replies.release(0)
    await world.run(older)
    expect(messages.count()).toBeGreaterThan(0)
    expect(things.peek('k')).not.toBe('old')
  })

  it('of a read of another key under the tag: memory is not served either, though its own message has yet to come', async () => {
    const messages = heldMessages()
    const { world, things, others } = openShared({ tags: ['t'] }, messages.adapt)
    await world.settle()
    await world.run(things.set('k', 'old'))
    await world.run(others.set('another', 'old'))
    await world.settle()
    expect(things.peek('k')).toBe('old')
    messages.hold()
    await world.run(others.invalidateTags(['t']))
    await world.settle()
    expect(messages.count()).toBeGreaterThan(0)
    expect(await world.run(things.get('another'))).toBeUndefined()
    expect(things.peek('k')).toBeUndefined()
  })

  it('of two reads, the older one answered last with the newer value: memory does not fall behind what was told', async () => {
    const reads = heldCalls('read', 'before')
    const messages = heldMessages()
    const { world, things, others } = openShared({}, (connection) => messages.adapt(reads.adapt(connection)))
    await world.settle()
    await world.run(others.set('k', 'old'))
    await world.settle()
    messages.hold()
    reads.hold()
    const older = things.get('k')
    await world.settle()
    const newer = things.get('k')
    await world.settle()
    reads.release(1)
    expect(await world.run(newer)).toBe('old')
    await world.run(others.set('k', 'new'))
    reads.release(0)
    expect(await world.run(older)).toBe('new')
    expect(messages.count()).toBeGreaterThan(0)
    expect(things.peek('k')).not.toBe('old')
  })

  it('of a write, the message lost in a gap that is over before the reply: memory leaves the answer to the store', async () => {
    const replies = heldCalls('write', 'after')
    const { world, things, others } = openShared({}, replies.adapt)
    await world.settle()
    replies.hold()
    const loading = things.getOrSet('k', () => 'loaded')
    await world.settle()
    expect(replies.count()).toBe(1)
    const [{ connection }] = world.processes
    connection.cutBus()
    await world.run(others.set('k', 'newer'))
    connection.healBus()
    await world.settle()
    replies.release(0)
    await world.run(loading)
    expect(things.peek('k')).not.toBe('loaded')
    expect(await world.run(things.get('k'))).toBe('newer')
  })

  it('of a set that others have overtaken: memory leaves the answer to the store', async () => {
    const replies = heldCalls('set', 'after')
    const { world, things, others } = openShared({}, replies.adapt)
    await world.settle()
    replies.hold()
    const setting = things.set('k', 'mine')
    await world.settle()
    await world.run(others.set('k', 'theirs'))
    await world.settle()
    replies.release(0)
    await world.run(setting)
    expect(things.peek('k')).not.toBe('mine')
    expect(others.peek('k')).toBe('theirs')
  })
})

describe('a process that hears nothing of the others', () => {
  it('compares every hit with the store, those of values it read meanwhile too', async () => {
    const { world, things, others } = openShared({ tags: ['t'] })
    await world.settle()
    await world.run(others.set('k', 'old'))
    world.processes[0].connection.cutBus()
    expect(await world.run(things.get('k'))).toBe('old')
    expect(await world.run(things.getOrSet('k', never))).toBe('old')
    await world.run(others.invalidateTags(['t']))
    expect(things.peek('k')).toBeUndefined()
    expect(await world.run(things.get('k'))).toBeUndefined()
    expect(await world.run(things.getOrSet('k', () => 'new'))).toBe('new')
  })
})

describe('an invalidation elsewhere while a load is under way', () => {
  it.each([
    ['delete', (others: { delete(key: string): Promise<unknown> }) => others.delete('k')],
    ['a tag', (others: { invalidateTags(tags: string[]): Promise<unknown> }) => others.invalidateTags(['t'])],
    ['clear', (others: { clear(): Promise<unknown> }) => others.clear()],
  ])(
    'by %s: the value reaches its caller and is valid nowhere; one that ended before is dropped',
    async (_way, apply) => {
      for (const endsFirst of [false, true]) {
        const { world, things, others } = openShared({ tags: ['t'] })
        await world.settle()
        const loads = createLoads()
        const loading = things.getOrSet('k', loads.loader)
        await world.settle()
        if (endsFirst) {
          loads.call(0).resolve('old')
          await world.run(loading)
          await world.settle()
        }
        await world.run(apply(others as never))
        await world.settle()
        loads.call(0).resolve('old')
        expect(await world.run(loading)).toBe('old')
        await world.settle()
        expect([things.peek('k'), await world.run(things.get('k')), await world.run(others.get('k'))]).toEqual([
          undefined,
          undefined,
          undefined,
        ])
      }
    },
  )
})

describe('another version of a namespace', () => {
  it.each(['before the change', 'after the change'])(
    'never sees what is loaded under the old one, ended %s',
    async (when) => {
      const clock = createFakeClock()
      const store = createSimulatedStore({ clock })
      const open = (version: number) =>
        createTestStash({
          clock,
          store: store.connect(),
          namespaces: { things: namespace<unknown, string>({ version, ttl: '1h' }) },
        })
      const one = open(1)
      const loads = createLoads()
      const loading = one.things.getOrSet('k', loads.loader)
      await clock.advance(20)
      const end = async (): Promise<void> => {
        loads.call(0).resolve('of version 1')
        await clock.advance(20)
      }
      if (when === 'before the change') await end()
      const two = open(2)
      const answer = two.things.getOrSet('k', () => 'of version 2')
      await clock.advance(20)
      if (when === 'after the change') await end()
      expect([await loading, await answer]).toEqual(['of version 1', 'of version 2'])
      const both = Promise.all([one.things.get('k'), two.things.get('k')])
      await clock.advance(20)
      expect(await both).toEqual(['of version 1', 'of version 2'])
    },
  )
})

describe('close, over a shared store', () => {
  it('while invalidations are owed: it is over at once, nothing is rejected unheard, no timer stays', async () => {
    const { world, things } = openShared()
    await world.settle()
    await world.run(things.set('k', 1))
    const [first, second] = world.processes
    first.connection.cut()
    const unhandled = await unhandledDuring(async () => {
      expect(await world.run(things.delete('k'))).toMatchObject({ store: 'queued' })
      await world.clock.advance(60)
      await world.run(first.stash.close())
    })
    await world.run(second.stash.close())
    await world.settle()
    expect(unhandled).toEqual([])
    expect(world.clock.pendingTimers()).toBe(0)
  })

  it('while another process leads the load it follows: its callers get an answer, and no timer stays', async () => {
    const { world, things, others } = openShared({ coalesce: 'cluster' })
    await world.settle()
    const [leader, follower] = [createLoads(), createLoads()]
    const leading = things.getOrSet('k', leader.loader)
    await world.settle()
    const following = others.getOrSet('k', follower.loader)
    await world.settle()
    expect([leader.calls.length, follower.calls.length]).toEqual([1, 0])
    const [first, second] = world.processes
    const closing = second.stash.close()
    await world.settle()
    for (const call of follower.calls) call.resolve('own')
    leader.call(0).resolve('led')
    expect(await world.run(leading)).toBe('led')
    expect(['own', 'led']).toContain(await world.run(following))
    await world.run(closing)
    await world.run(first.stash.close())
    await world.settle()
    expect(world.clock.pendingTimers()).toBe(0)
  })
})
