import { getEventListeners, setMaxListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { stateOf } from '../../src/cache/namespace-state.js'
import { createDeduper, createStash, namespace } from '../../src/index.js'
import { createFakeClock } from '../../src/testing/fake-clock.js'

/** A few bytes a call are noise of the collector; a listener, a timer or an entry that stays is at least 60. */
const MOST_BYTES_A_CALL = 8
const BATCHES = 10
const CALLS = 10_000

/** Runs ten batches; the growth of the heap over the last five, in bytes a call. */
async function growth(call: (index: number) => Promise<unknown>, between: () => Promise<void>): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const heap: number[] = []
  for (let batch = 0; batch < BATCHES; batch++) {
    for (let first = 0; first < CALLS; first += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, at) => call(batch * CALLS + first + at)))
    }
    await between()
    collect()
    heap.push(process.memoryUsage().heapUsed)
  }
  const last = heap.slice(BATCHES / 2)
  return ((last.at(-1) as number) - (last[0] as number)) / ((last.length - 1) * CALLS)
}

describe('memory', () => {
  it('does not grow with 100,000 calls on one signal: hits, loads, joins, failures, bypasses, batches, shared calls', async () => {
    const stash = createStash({ namespaces: { things: namespace<unknown, unknown>({ max: 100, ttl: '1h' }) } })
    const { things } = stash
    const dedupe = createDeduper()
    const { signal } = new AbortController()
    // A hundred calls wait at once: no warning is due.
    setMaxListeners(0, signal)
    const wait = () => new Promise((resolve) => setImmediate(resolve))
    const ways: readonly ((index: number) => Promise<unknown>)[] = [
      (index) => things.getOrSet(index % 50, () => index, { signal }),
      (index) => things.getOrSet(`load ${index}`, ({ signal: own }) => own.aborted, { signal }),
      (index) => things.getOrSet(`join ${index >> 3}`, wait, { signal }),
      (index) => things.getOrSet(`fail ${index}`, () => Promise.reject(new Error('down')), { signal }).catch(() => 0),
      () => things.getOrSet(() => 1, wait, { signal }),
      (index) => things.getOrSet(`once ${index}`, wait, { signal, noStore: true }),
      (index) =>
        things.getOrSetMany([index, `many ${index}`], (keys, load) => keys.map(() => load.signal.aborted), {
          aligned: true,
          signal,
        }),
      (index) => dedupe(index >> 3, wait, { signal }),
    ]
    const slope = await growth(
      (index) => (ways[index % ways.length] as (typeof ways)[number])(index),
      async () => {
        expect(getEventListeners(signal, 'abort')).toEqual([])
      },
    )
    expect(slope).toBeLessThan(MOST_BYTES_A_CALL)
    expect(things.stats().inFlight).toBe(0)
    const { cells, loads } = stateOf(things)
    expect([cells.inFlight, loads.size, loads.running.size]).toEqual([0, 0, 0])
    await stash.close()
  })

  it('does not grow with 100,000 keys with flights, refreshes, tags, subjects and errors; no timer is left', async () => {
    const clock = createFakeClock()
    const stash = createStash({
      clock,
      namespaces: {
        things: namespace<string, number>({
          max: 500,
          ttl: '1s',
          staleWhileRevalidate: '1m',
          staleIfError: '1m',
          softTimeout: '1s',
          tags: (_value, key) => [`tag:${key}`, `tens:${key % 10}`],
          subject: (key) => `user ${key}`,
          negative: { when: () => true, ttl: '1h' },
        }),
      },
    })
    const { things } = stash
    const state = stateOf(things)
    const load = async (): Promise<string> => 'value'
    const fail = () => Promise.reject(new Error('down'))
    const slope = await growth(
      async (index) => {
        await Promise.all([things.getOrSet(index, load), things.getOrSet(index, load)])
        if (index % 10 === 0) await clock.advance(1000)
        // Stale by now, some of them: refreshed behind, or kept because that fails.
        await things.getOrSet(index - 100, index % 3 === 0 ? fail : load).catch(() => 0)
        if (index % 5 === 0) await things.invalidateTags([`tag:${index}`, `never used:${index}`])
        if (index % 7 === 0) await stash.forget(`user ${index}`)
        if (index % 11 === 0) await things.getOrSet(-index - 1, fail).catch(() => 0)
        if (index % 5000 === 0) await things.clear()
      },
      async () => {
        await clock.settle()
        expect(clock.pendingTimers()).toBe(1)
        expect(state.loads.running.size).toBe(0)
        expect(state.cells.size).toBeLessThanOrEqual(3 * 500)
        expect(state.negatives.size).toBeLessThanOrEqual(500)
      },
    )
    expect(slope).toBeLessThan(MOST_BYTES_A_CALL)
    expect(things.stats().refreshes).toBeGreaterThan(0)
    await stash.close()
    expect(clock.pendingTimers()).toBe(0)
    expect(state.cells.size).toBe(0)
  })
})
