import { describe, expect, it } from 'vitest'
import { batcher } from '../../../src/batch/index.js'
import { createStash, namespace } from '../../../src/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { createSimulatedStore } from '../../../src/testing/simulated-store.js'
import { createTestStash } from '../../../src/testing/test-stash.js'

function noting() {
  const calls: string[][] = []
  const load = async (items: readonly string[]) => {
    calls.push([...items])
    return items.map((item) => (item === 'bad' ? new Error('bad') : item.length))
  }
  return { calls, load }
}

describe('a batcher with a namespace in front', () => {
  it('loads what is missing, once, and keeps it as entries of its own', async () => {
    const { calls, load } = noting()
    await using stash = createStash({ namespaces: { length: namespace<number, string>({ ttl: '1h' }) } })
    const read = batcher({ load, in: stash.length })
    await stash.length.set('known', 5)
    expect(await Promise.all(['known', 'new', 'new', 'other'].map((item) => read(item)))).toEqual([5, 3, 3, 5])
    expect(await Promise.all(['known', 'new', 'other'].map((item) => read(item)))).toEqual([5, 3, 5])
    expect(calls).toEqual([['new', 'other']])
    expect(await stash.length.get('new')).toBe(3)
    await stash.length.delete('new')
    await read('new')
    expect(calls).toEqual([['new', 'other'], ['new']])
  })

  it('stores nothing for an item that failed', async () => {
    const { calls, load } = noting()
    await using stash = createStash()
    const read = batcher({ load, in: stash.general })
    const results = await Promise.allSettled([read('bad'), read('fine')])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    await expect(read('bad')).rejects.toThrow('bad')
    expect(calls).toEqual([['bad', 'fine'], ['bad']])
  })

  it('keeps batchers of different names apart, with their own tags and lifetimes', async () => {
    await using stash = createStash()
    const one = batcher({ load: (items: readonly string[]) => items.map(() => 'one'), in: stash.general, name: 'one' })
    const two = batcher({
      load: (items: readonly string[]) => items.map(() => 'two'),
      in: stash.general,
      name: 'two',
      tags: (item) => [`t:${item}`],
    })
    expect(await Promise.all([one('x'), two('x')])).toEqual(['one', 'two'])
    expect(await stash.general.get('x')).toBeUndefined()
    await stash.invalidateTags(['t:x'])
    await Promise.all([one('x'), two('x')])
    expect([one.stats().loads, two.stats().loads]).toEqual([1, 2])
  })

  it('lets callers leave, and abandons an item that nobody waits for', async () => {
    const { calls, load } = noting()
    await using stash = createStash()
    const read = batcher({ load, in: stash.general })
    const caller = new AbortController()
    const answers = [read('a', { signal: caller.signal }).catch(String), read('b')]
    caller.abort('left')
    expect(await Promise.all(answers)).toEqual(['left', 1])
    expect(calls).toEqual([['b']])
  })

  it('asks once for what a shared store lacks, though its answers come one by one', async () => {
    const { calls, load } = noting()
    const clock = createFakeClock()
    let reply = 0
    const store = createSimulatedStore({ clock, delay: () => 1 + (reply++ % 5) })
    await using stash = createTestStash({
      store: store.connect(),
      clock,
      namespaces: { length: namespace<number, string>({}) },
    })
    await clock.advance(50)
    const read = batcher({ load, in: stash.length, clock })
    const answers = Promise.all(['a', 'b', 'c', 'd'].map((item) => read(item)))
    await clock.advance(50)
    expect(await answers).toEqual([1, 1, 1, 1])
    expect(calls).toEqual([['a', 'b', 'c', 'd']])
  })

  it('does not wait long for a key that another process is loading', async () => {
    const { calls, load } = noting()
    const clock = createFakeClock()
    const store = createSimulatedStore({ clock, delay: () => 1 })
    const namespaces = { length: namespace<number, string>({ coalesce: 'cluster' }) }
    await using there = createTestStash({ store: store.connect(), clock, namespaces })
    await using here = createTestStash({ store: store.connect(), clock, namespaces })
    await clock.advance(50)
    let answer = (_: number): void => {}
    const theirs = new Promise<number>((resolve) => {
      answer = resolve
    })
    const leading = there.length.getOrSet('theirs', () => theirs)
    await clock.advance(10)
    const read = batcher({ load, in: here.length, clock })
    const answers = Promise.all([read('theirs'), read('ours')])
    await clock.advance(90)
    expect(calls).toEqual([])
    await clock.advance(11)
    expect(calls).toEqual([['ours']])
    answer(7)
    await clock.advance(200)
    expect(await answers).toEqual([7, 4])
    await leading
  })
})
