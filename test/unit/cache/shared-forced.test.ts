import { describe, expect, it } from 'vitest'
import type { SharedStore } from '../../../src/stores/shared-store.js'
import type { SimulatedConnection } from '../../../src/testing/simulated-store.js'
import { openShared } from './shared-fixture.js'

/** Holds calls of one method of the first process back before they leave, until they are let through. */
function heldCalls(method: 'kill' | 'bump') {
  const held: (() => void)[] = []
  let isFirst = true
  const adapt = (connection: SimulatedConnection): SharedStore => {
    if (!isFirst) return connection
    isFirst = false
    const call = connection[method] as (...args: unknown[]) => Promise<unknown>
    const holding = async (...args: unknown[]): Promise<unknown> => {
      await new Promise<void>((resolve) => held.push(resolve))
      return call(...args)
    }
    return new Proxy(connection as SharedStore, {
      get(target, name: keyof SharedStore) {
        const value: unknown = name === method ? holding : target[name]
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
  return {
    adapt,
    release(): void {
      for (const go of held.splice(0)) go()
    },
  }
}

describe('a delete that is on its way', () => {
  it('takes back what a read brought into memory before the store heard of it', async () => {
    const calls = heldCalls('kill')
    const { world, things, others } = openShared({}, calls.adapt)
    await world.settle()
    await world.run(others.set('k', 'old'))
    await world.settle()
    const deleting = things.delete('k')
    await world.settle()
    expect(await world.run(things.get('k'))).toBe('old')
    expect(things.peek('k')).toBe('old')
    calls.release()
    expect(await world.run(deleting)).toMatchObject({ store: 'done' })
    expect(things.peek('k')).toBeUndefined()
    expect(await world.run(things.get('k'))).toBeUndefined()
  })
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
