import { describe, expect, it } from 'vitest'
import type { SharedStore } from '../../../src/stores/shared-store.js'
import type { SimulatedConnection } from '../../../src/testing/simulated-store.js'
import { openShared } from './shared-fixture.js'

const MANY = 20_000
const MOST_AT_ONCE = 1000

/** A store that is as slow as one is: what it is told at once has to fit the budget. */
function slowWithMany(sizes: number[]): (connection: SimulatedConnection) => SharedStore {
  return (connection) => {
    const bump: SharedStore['bump'] = (names, mode) => {
      sizes.push(names.length)
      return names.length > MOST_AT_ONCE ? new Promise(() => {}) : connection.bump(names, mode)
    }
    return new Proxy(connection as SharedStore, {
      get(target, name: keyof SharedStore) {
        const value: unknown = name === 'bump' ? bump : target[name]
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
}

function world() {
  const sizes: number[] = []
  const opened = openShared({ tags: (value) => [`t:${value}`], max: 10 }, slowWithMany(sizes))
  return { ...opened, sizes, tags: Array.from({ length: MANY }, (_, index) => `t:${index}`) }
}

describe('an invalidation of more tags than a store takes in its budget', () => {
  it('is told in pieces, and is done when all are', async () => {
    const { world: w, things, others, sizes, tags } = world()
    await w.settle()
    for (const value of [0, MANY / 2, MANY - 1]) await w.run(things.set(`k${value}`, value))
    expect(await w.run(others.getMany(['k0', `k${MANY / 2}`, `k${MANY - 1}`]))).toEqual([0, MANY / 2, MANY - 1])
    expect(await w.run(things.invalidateTags(tags))).toEqual({ memory: 'done', store: 'done' })
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(MANY)
    await w.settle()
    expect(await w.run(others.getMany(['k0', `k${MANY / 2}`, `k${MANY - 1}`]))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(w.processes[0].stash.health()).toMatchObject({ status: 'ok', store: { pending: 0 } })
  })

  it('is owed in pieces, too: the store is back when all have been told', async () => {
    const { world: w, things, others, tags } = world()
    const { connection, stash } = w.processes[0]
    await w.settle()
    await w.run(others.set('last', MANY - 1))
    connection.cut()
    expect(await w.run(things.invalidateTags(tags))).toEqual({ memory: 'done', store: 'queued' })
    connection.heal()
    await w.clock.advance(5000)
    for (let step = 0; step < 20; step++) await w.settle()
    expect(stash.health()).toMatchObject({ status: 'ok', store: { pending: 0 } })
    expect(await w.run(others.get('last'))).toBeUndefined()
  })

  it('is bounded by names, not by calls: beyond 100,000 their namespaces are owed', async () => {
    const { world: w, things, tags } = world()
    const { connection, stash } = w.processes[0]
    await w.settle()
    connection.cut()
    for (let round = 0; round < 6; round++) await w.run(things.invalidateTags(tags.map((tag) => `${tag}:${round}`)))
    expect(stash.health().store?.pending).toBeLessThan(25)
    // The same names again are the same debt.
    for (let round = 0; round < 6; round++) await w.run(things.invalidateTags(tags))
    expect(stash.health().store?.pending).toBeLessThan(50)
  })
})
