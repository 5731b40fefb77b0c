import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, it } from 'vitest'
import type { SharedStore } from '../../../src/stores/shared-store.js'
import type { SimulatedConnection } from '../../../src/testing/simulated-store.js'
import { openShared } from './shared-fixture.js'

const keysOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `k${index}`)

function listen(): () => void {
  const heard = (): void => {}
  subscribe('hopstash:cache', heard)
  return () => unsubscribe('hopstash:cache', heard)
}

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
  it.each([
    ['where nobody listens', () => () => {}],
    ['where somebody does', listen],
  ] as const)('is read in parts, so that the answers of the store are heard in between, %s', async (_name, begin) => {
    const { world: w, things, others, most } = world()
    await w.settle()
    const keys = keysOf(5100)
    await w.run(things.setMany(keys.slice(0, 1100).map((key) => [key, 1] as const)))
    const end = begin()
    const read = await w.run(others.getMany(keys))
    end()
    expect(read).toEqual(keys.map((_key, index) => (index < 1100 ? 1 : undefined)))
    expect(most.read).toBe(5000)
  })

  it('is written and deleted at once: what follows it stays', async () => {
    const { world: w, things, others } = world()
    await w.settle()
    const keys = keysOf(1200)
    const last = keys.at(-1)
    const [written, then] = [things.setMany(keys.map((key) => [key, 'old'] as const)), things.set(last, 'new')]
    await w.run(Promise.all([written, then]))
    expect([await w.run(things.get(last)), await w.run(others.get(last))]).toEqual(['new', 'new'])
    const [deleted, again] = [things.deleteMany(keys), things.set(last, 'newest')]
    await w.run(Promise.all([deleted, again]))
    expect([await w.run(things.get(last)), await w.run(others.get(last))]).toEqual(['newest', 'newest'])
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
