import { describe, expect, it } from 'vitest'
import type { SharedStore } from '../../../src/stores/shared-store.js'
import type { SimulatedConnection } from '../../../src/testing/simulated-store.js'
import { openShared } from './shared-fixture.js'

const keysOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `k${index}`)

/** Two processes over a store that counts how many questions of a kind wait for their answers at once. */
function world() {
  const most: Record<string, number> = {}
  const underWay: Record<string, number> = {}
  const counted = (connection: SimulatedConnection): SharedStore =>
    new Proxy(connection as SharedStore, {
      get(target, name: keyof SharedStore) {
        const value: unknown = target[name]
        if (typeof value !== 'function') return value
        if (name !== 'read' && name !== 'set' && name !== 'kill') return value.bind(target)
        return async (...args: unknown[]) => {
          underWay[name] = (underWay[name] ?? 0) + 1
          most[name] = Math.max(most[name] ?? 0, underWay[name])
          try {
            return await value.apply(target, args)
          } finally {
            underWay[name]--
          }
        }
      },
    })
  return { ...openShared({ max: 20_000 }, counted), most }
}

describe('a long list of keys', () => {
  it('is worked off in parts, so that the answers of the store are heard in between', async () => {
    const { world: w, things, others, most } = world()
    await w.settle()
    const keys = keysOf(1100)
    const entries = keys.map((key) => [key, 1] as const)
    const written = await w.run(things.setMany(entries))
    expect(written).toHaveLength(keys.length)
    expect(await w.run(others.getMany(keys))).toEqual(keys.map(() => 1))
    const removed = await w.run(things.deleteMany(keys))
    expect(new Set([...written, ...removed].map(({ store }) => store))).toEqual(new Set(['done']))
    expect(await w.run(others.getMany(keys.slice(0, 10)))).toEqual(keys.slice(0, 10).map(() => undefined))
    expect(most.set).toBeLessThanOrEqual(500)
    expect(most.kill).toBeLessThanOrEqual(500)
    await w.run(others.getMany(keysOf(5100)))
    expect(most.read).toBe(5000)
  })

  it('is worked off to its end where one of them fails, and is as long as it was when it was given', async () => {
    const { world: w, things } = world()
    await w.settle()
    const keys: unknown[] = keysOf(1200)
    await w.run(things.setMany(keys.map((key) => [key, 1] as const)))
    const given = [...keys.slice(0, 3), () => 'no key', ...keys.slice(3)]
    const removed = things.deleteMany(given)
    given.length = 0
    await expect(w.run(removed)).rejects.toMatchObject({ code: 'ERR_KEY_UNSUPPORTED' })
    expect(await w.run(things.getMany(keys))).toEqual(keys.map(() => undefined))
  })
})
