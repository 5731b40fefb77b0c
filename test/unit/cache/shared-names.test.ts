import { describe, expect, it } from 'vitest'
import { stateOf } from '../../../src/cache/namespace-state.js'

import { createLoads, never, type Things } from './fixture.js'
import { heldCalls, openHolding, openShared } from './shared-fixture.js'

/** Takes the only entry out of memory, as a full memory does, and with it the name peers know it by. */
function evict(things: Things): void {
  expect(stateOf(things).memory.evictOne()).toBe(true)
}

/** `things` has a value of the key, and must ask the store before it serves it. */
async function inDoubt(adapt?: Parameters<typeof openShared>[1]) {
  const opened = openShared({}, adapt)
  const { world, things } = opened
  await world.settle()
  await world.run(things.set('k', 'value'))
  const [{ connection }] = world.processes
  connection.cutBus()
  connection.healBus()
  await world.settle()
  return opened
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
    const { world, things, others } = await inDoubt()
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
    const { world, things, others } = await inDoubt(replies.adapt)
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

describe('a reply that comes when its only reader has left', () => {
  async function leftAlone() {
    const replies = heldCalls('read', 'after')
    const { world, things, others } = await openHolding('old', replies.adapt)
    replies.hold()
    const leaving = new AbortController()
    const reading = things.getOrSet('k', never, { signal: leaving.signal })
    await world.settle()
    expect(replies.count()).toBe(1)
    leaving.abort(new Error('gone'))
    await expect(reading).rejects.toThrow('gone')
    return { world, things, others, replies }
  }

  it.each(['set', 'delete'] as const)('keeps nothing from the %s of a peer that comes behind it', async (verb) => {
    const { world, things, others, replies } = await leftAlone()
    replies.releaseAll()
    await world.settle()
    await world.run(verb === 'set' ? others.set('k', 'new') : others.delete('k'))
    await world.settle()
    expect(await world.run(things.get('k'))).toBe(verb === 'set' ? 'new' : undefined)
  })

  it('brings nothing back that a peer deleted meanwhile', async () => {
    const { world, things, others, replies } = await leftAlone()
    await world.run(others.delete('k'))
    await world.settle()
    replies.releaseAll()
    await world.settle()
    expect(things.peek('k')).toBeUndefined()
    expect(await world.run(things.get('k'))).toBeUndefined()
  })

  it('keeps nothing either where only its schema was still to answer', async () => {
    const checks: (() => void)[] = []
    const validate = (value: unknown) => new Promise<{ value: unknown }>((done) => checks.push(() => done({ value })))
    const schema = { '~standard': { version: 1, vendor: 'test', validate } } as never
    const { world, things, others } = openShared({ schema })
    await world.settle()
    const storing = others.set('k', 'old')
    await world.settle()
    for (const check of checks.splice(0)) check()
    await world.run(storing)
    const leaving = new AbortController()
    const reading = things.getOrSet('k', never, { signal: leaving.signal })
    await world.settle()
    expect(checks).toHaveLength(1)
    leaving.abort(new Error('gone'))
    await expect(reading).rejects.toThrow('gone')
    await world.run(others.delete('k'))
    await world.settle()
    for (const check of checks.splice(0)) check()
    await world.settle()
    expect(things.peek('k')).toBeUndefined()
  })
})
