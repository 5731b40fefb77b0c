import { describe, expect, it } from 'vitest'
import { stateOf } from '../../../src/cache/namespace-state.js'

import { createLoads, never, type Things } from './fixture.js'
import { heldCalls, openShared } from './shared-fixture.js'

/** Takes the only entry out of memory, as a full memory does, and with it the name peers know it by. */
function evict(things: Things): void {
  expect(stateOf(things).memory.evictOne()).toBe(true)
}

describe('a key whose entry leaves memory while another value of it is on its way', () => {
  it('keeps its name for peers when a load brings the value: their delete reaches it', async () => {
    const { world, things, others } = openShared()
    await world.settle()
    await world.run(things.set('k', 'old'))
    const loads = createLoads()
    const loading = things.getOrSet('k', loads.loader, { forceFresh: true })
    await world.settle()
    evict(things)
    loads.call(0).resolve('new')
    expect(await world.run(loading)).toBe('new')
    await world.settle()
    expect(things.peek('k')).toBe('new')
    await world.run(others.delete('k'))
    await world.settle()
    expect(things.peek('k')).toBeUndefined()
  })

  it('keeps its name for peers when a read of the store brings it back', async () => {
    const { world, things, others } = openShared()
    await world.settle()
    await world.run(things.set('k', 'value'))
    const [{ connection }] = world.processes
    connection.cutBus()
    connection.healBus()
    await world.settle()
    const reading = things.getOrSet('k', never)
    evict(things)
    expect(await world.run(reading)).toBe('value')
    await world.settle()
    expect(things.peek('k')).toBe('value')
    await world.run(others.delete('k'))
    await world.settle()
    expect(things.peek('k')).toBeUndefined()
  })

  it('is known to peers all the while: a delete that comes before the answer voids it', async () => {
    const replies = heldCalls('read', 'after')
    const { world, things, others } = openShared({}, replies.adapt)
    await world.settle()
    await world.run(things.set('k', 'value'))
    const [{ connection }] = world.processes
    connection.cutBus()
    connection.healBus()
    await world.settle()
    replies.hold()
    const reading = things.getOrSet('k', never)
    await world.settle()
    expect(replies.count()).toBe(1)
    evict(things)
    await world.run(others.delete('k'))
    await world.settle()
    replies.releaseAll()
    expect(await world.run(reading)).toBe('value')
    expect(things.peek('k')).toBeUndefined()
  })

  it('keeps its name for peers when a set brings it', async () => {
    const { world, things, others } = openShared()
    await world.settle()
    await world.run(things.set('k', 'old'))
    const setting = things.set('k', 'new')
    evict(things)
    await world.run(setting)
    expect(things.peek('k')).toBe('new')
    await world.run(others.set('k', 'newer'))
    await world.settle()
    expect(things.peek('k')).toBeUndefined()
    expect(await world.run(things.get('k'))).toBe('newer')
  })
})
