import { describe, expect, it } from 'vitest'
import { createByteBudget, MemoryStore, type Removal } from '../../../src/stores/memory.js'

interface Item {
  readonly bytes: number
  readonly name: string
}

function createStore(max: number, budget = createByteBudget(1e9)) {
  const removed: [string, Removal][] = []
  const store = new MemoryStore<Item>({ max, budget, onRemove: (_item, id, why) => removed.push([id, why]) })
  const put = (id: string, bytes = 1): void => store.set(id, { bytes, name: id })
  return { store, removed, put, budget }
}
const keysOf = (store: MemoryStore<Item>): string[] => [...store.entries()].map(([id]) => id)

describe('MemoryStore', () => {
  it('keeps at most `max` items and drops the least recently used first', () => {
    const { store, put, removed } = createStore(2)
    put('a')
    put('b')
    store.get('a')
    put('c')
    expect(keysOf(store)).toEqual(['c', 'a'])
    expect(removed).toEqual([['b', 'evicted']])
  })

  it('notes uses once more than half of `max` is taken, in a large store', () => {
    const { store, put } = createStore(1000)
    const fill = (from: number, to: number): void => {
      for (let index = from; index < to; index++) put(`k${index}`)
    }
    fill(0, 500)
    store.get('k0')
    expect(keysOf(store).at(-1)).toBe('k0')
    put('k500')
    store.get('k1')
    expect(keysOf(store)[0]).toBe('k1')
    store.get('k0')
    fill(501, 1002)
    expect([store.peek('k0')?.name, store.peek('k1')?.name]).toEqual(['k0', 'k1'])
    expect([store.peek('k2'), store.peek('k3')]).toEqual([undefined, undefined])
  })

  it.each([
    [
      'more than half of the bytes is taken',
      1000,
      (store: MemoryStore<Item>) => store.set('large', { bytes: 60, name: 'large' }),
    ],
    [
      'another store takes them',
      1000,
      (_store: MemoryStore<Item>, other: MemoryStore<Item>) => other.set('large', { bytes: 60, name: 'large' }),
    ],
    ['it was made smaller', 1000, (store: MemoryStore<Item>) => store.resize(3)],
    ['it is small', 999, () => {}],
  ])('notes uses of a store that is not half full when %s', (_when, max, happen) => {
    const budget = createByteBudget(100)
    const { store, put } = createStore(max, budget)
    const other = createStore(1000, budget)
    put('a')
    put('b')
    happen(store, other.store)
    store.get('a')
    expect(keysOf(store)[0]).toBe('a')
  })

  it('does not take a peek for a use', () => {
    const { store, put } = createStore(2)
    put('a')
    put('b')
    store.peek('a')
    put('c')
    expect(store.peek('a')).toBeUndefined()
  })

  it('tells why an item left: evicted, replaced or deleted; of a clear only who cleared knows', () => {
    const { store, put, removed } = createStore(2)
    put('a')
    put('a')
    put('b')
    put('c')
    store.delete('b')
    store.clear()
    expect(removed).toEqual([
      ['a', 'replaced'],
      ['a', 'evicted'],
      ['b', 'deleted'],
    ])
  })

  it('accounts for bytes through set, replace, delete, eviction and clear', () => {
    const { store, put, budget } = createStore(2)
    put('a', 10)
    put('a', 30)
    expect([store.bytes, budget.used]).toEqual([30, 30])
    put('b', 5)
    put('c', 7)
    expect([store.bytes, budget.used]).toEqual([12, 12])
    store.delete('b')
    expect(store.bytes).toBe(7)
    store.clear()
    expect([store.bytes, budget.used]).toEqual([0, 0])
  })

  it('takes from the store that holds most when the common budget is exceeded', () => {
    const budget = createByteBudget(100)
    const large = createStore(100, budget)
    const small = createStore(100, budget)
    for (let index = 0; index < 8; index++) large.put(`l${index}`, 10)
    for (let index = 0; index < 5; index++) small.put(`s${index}`, 6)
    expect(budget.used).toBeLessThanOrEqual(100)
    expect(small.store.size).toBe(5)
    expect(large.removed).toEqual([['l0', 'evicted']])
  })

  it('drops an item that alone exceeds the budget, and does not spin', () => {
    const { store, put, budget } = createStore(10, createByteBudget(100))
    put('a', 500)
    expect([store.size, budget.used]).toEqual([0, 0])
  })

  it('resizes down by dropping the least recently used, and up by keeping all and their order', () => {
    const { store, put, removed } = createStore(4)
    for (const id of ['a', 'b', 'c', 'd']) put(id)
    store.get('a')
    store.resize(2)
    expect(store.max).toBe(2)
    expect(keysOf(store)).toEqual(['a', 'd'])
    expect(removed).toEqual([
      ['b', 'evicted'],
      ['c', 'evicted'],
    ])
    store.resize(3)
    put('e')
    expect(keysOf(store)).toEqual(['e', 'a', 'd'])
    put('f')
    expect(keysOf(store)).toEqual(['f', 'e', 'a'])
    expect(store.bytes).toBe(3)
  })

  it('still tells why items leave after a resize', () => {
    const { store, put, removed } = createStore(4)
    put('a')
    store.resize(5)
    store.delete('a')
    expect(removed).toEqual([['a', 'deleted']])
  })

  it('gives its share of the budget back when it closes', () => {
    const budget = createByteBudget(100)
    const { store, put } = createStore(10, budget)
    put('a', 60)
    store.close()
    expect([budget.used, budget.holders.size]).toEqual([0, 0])
  })

  it('keeps its books over a long random history', () => {
    const budget = createByteBudget(500)
    const stores = [createStore(20, budget), createStore(7, budget)]
    let state = 7
    const next = (limit: number): number => {
      state = (state * 48_271) % 2_147_483_647
      return state % limit
    }
    for (let step = 0; step < 5000; step++) {
      const { store, put } = stores[next(2)] as (typeof stores)[number]
      const id = `k${next(40)}`
      const action = next(20)
      if (action < 12) put(id, next(90))
      else if (action < 16) store.delete(id)
      else if (action < 18) store.get(id)
      else if (action < 19) store.resize(1 + next(30))
      else store.evictOne()
      const sums = stores.map((each) => [...each.store.entries()].reduce((sum, [, item]) => sum + item.bytes, 0))
      expect(stores.map((each) => each.store.bytes)).toEqual(sums)
      expect(budget.used).toBe(sums.reduce((a, b) => a + b, 0))
      expect(budget.used).toBeLessThanOrEqual(500)
      for (const each of stores) expect(each.store.size).toBeLessThanOrEqual(each.store.max)
    }
  })
})
