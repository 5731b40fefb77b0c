import { describe, expect, it, vi } from 'vitest'
import { Cells } from '../../../src/cache/cells.js'
import { stateOf } from '../../../src/cache/namespace-state.js'
import { Ghost } from '../../../src/metrics/ghost.js'
import { createByteBudget, MemoryStore } from '../../../src/stores/memory.js'
import { createLoads, never, open } from './fixture.js'

describe('clear', () => {
  it('costs the same for ten thousand entries as for a few: nothing is done for each of them', async () => {
    const { things, stash } = open({ max: 10_000, tags: ['all'], subject: () => 'ann' })
    for (let index = 0; index < 10_000; index++) await things.set(`k${index}`, index, { tags: [`t${index % 100}`] })
    const released = vi.spyOn(Cells.prototype, 'release')
    const noted = vi.spyOn(Ghost.prototype, 'note')
    const removed = vi.spyOn(MemoryStore.prototype, 'delete')
    await things.clear()
    expect(released).not.toHaveBeenCalled()
    expect(removed).not.toHaveBeenCalled()
    expect(noted.mock.calls.length).toBeLessThanOrEqual(256)
    expect(things.stats()).toMatchObject({ size: 0, bytes: 0 })
    expect(stash.stats().totals.bytes).toBe(0)
    expect(stateOf(things).cells.size).toBe(0)
    expect(await stash.forget('ann')).toMatchObject({ memory: 0 })
  })

  it('leaves no trace of old tags on what is stored after it', async () => {
    const { things } = open({ tags: ['t'] })
    await things.set('k', 'old')
    await things.clear()
    await things.set('k', 'new')
    await things.set('l', 'new')
    await things.delete('l')
    expect(stateOf(things).cells.size).toBe(1)
    await things.invalidateTags(['t'])
    expect(things.peek('k')).toBeUndefined()
    await things.set('k', 'newer')
    expect(await things.getOrSet('k', never)).toBe('newer')
  })

  it('keeps loads in flight out, also of tags that are invalidated after it', async () => {
    const { things, clock } = open({ tags: (value) => [value as string] })
    const loads = createLoads()
    const before = things.getOrSet('k', loads.loader)
    await things.clear()
    const after = things.getOrSet('k', loads.loader)
    await things.invalidateTags(['t'])
    loads.call(0).resolve('t')
    loads.call(1).resolve('t')
    await Promise.all([before, after])
    await clock.settle()
    expect(things.stats()).toMatchObject({ size: 0, refused: { invalidated: 2 } })
    expect(stateOf(things).cells.size).toBe(0)
  })

  it('tells the next misses why, of the entries used last; of older ones it says that it does not know', async () => {
    const { things } = open({ max: 1000 })
    for (let index = 0; index < 300; index++) await things.set(index, index)
    await things.clear()
    expect(things.explain(299).missCause).toBe('invalidated')
    expect(things.explain(0).missCause).toBe('unknown')
  })

  it('gives its bytes back to the other namespaces', () => {
    const budget = createByteBudget(1000)
    const store = () => new MemoryStore({ max: 10, budget, onRemove: never })
    const [one, two] = [store(), store()]
    one.set('a', { bytes: 600 })
    two.set('b', { bytes: 300 })
    one.clear()
    expect([one.size, one.bytes, budget.used]).toEqual([0, 0, 300])
    two.set('c', { bytes: 700 })
    expect(two.size).toBe(2)
    one.set('a', { bytes: 0 })
    expect(one.get('a')).toEqual({ bytes: 0 })
  })
})
