import { beforeEach, describe, expect, it } from 'vitest'
import { namespace } from '../../../src/cache/presets.js'
import type { Stash } from '../../../src/cache/stash.js'
import { createFakeClock, type FakeClock } from '../../../src/testing/fake-clock.js'
import { faultyStore } from '../../../src/testing/faulty-store.js'
import { createSimulatedStore, type SimulatedStore } from '../../../src/testing/simulated-store.js'
import { createStoreFaults, type StoreFaults } from '../../../src/testing/store-faults.js'
import { createTestStash } from '../../../src/testing/test-stash.js'

const namespaces = {
  letters: namespace<{ text: string }, string>({ ttl: '1h', jitter: 0, tags: ['letter'] }),
}

let clock: FakeClock
let store: SimulatedStore
let faults: StoreFaults
/** Behind the faults. */
let here: Stash<typeof namespaces>
/** Another process, whose store is well. */
let there: Stash<typeof namespaces>

beforeEach(async () => {
  clock = createFakeClock()
  store = createSimulatedStore({ clock })
  faults = createStoreFaults({ clock })
  here = createTestStash({ store: faultyStore(store.connect(), faults), clock, namespaces })
  there = createTestStash({ store: store.connect(), clock, namespaces })
  await clock.advance(50)
})

/** Runs a call to its end in virtual time, and says how long it took. */
async function timed<T>(call: Promise<T>): Promise<{ value: T; ms: number }> {
  const startedAt = clock.now()
  let endedAt: number | undefined
  const watched = call.finally(() => {
    endedAt = clock.now()
  })
  watched.catch(() => undefined)
  for (let round = 0; round < 20_000 && endedAt === undefined; round++) await clock.advance(1)
  return { value: await watched, ms: (endedAt as number) - startedAt }
}

const now = async <T>(call: Promise<T>): Promise<T> => (await timed(call)).value
const loaded = async () => ({ text: 'loaded' })
const forbidden = () => Promise.reject(new Error('the loader was called'))

/** Before an answer counts as late the sockets get one turn. */
const TURN_MS = 1

describe('a stash over a store that', () => {
  it.each([
    ['hangs', () => faults.on().hang()],
    ['never replies', () => faults.on().dropReply()],
  ])('%s answers from its loader within one budget, and then without waiting at all', async (_what, fault) => {
    fault()
    const first = await timed(here.letters.getOrSet('a', loaded))
    expect(first.value).toEqual({ text: 'loaded' })
    expect(first.ms).toBeLessThanOrEqual(250 + TURN_MS)
    const second = await timed(here.letters.getOrSet('b', loaded))
    expect(second.ms).toBeLessThanOrEqual(1)
  })

  it('fails at once costs nothing', async () => {
    faults.on().fail()
    const { value, ms } = await timed(here.letters.getOrSet('a', loaded))
    expect(value).toEqual({ text: 'loaded' })
    expect(ms).toBeLessThanOrEqual(1)
  })

  it('takes a budget of its own, where it was given one', async () => {
    const quick = createTestStash({
      store: faultyStore(store.connect(), faults),
      clock,
      namespaces,
      storeTimeout: '40ms',
    })
    faults.on().hang()
    expect((await timed(quick.letters.getOrSet('a', loaded))).ms).toBeLessThanOrEqual(40 + TURN_MS)
  })

  it('is back is used again', async () => {
    faults.on().fail()
    await now(here.letters.getOrSet('a', loaded))
    faults.restore()
    await clock.advance(5000)
    await now(there.letters.set('b', { text: 'shared' }))
    expect(await now(here.letters.getOrSet('b', forbidden))).toEqual({ text: 'shared' })
  })

  it.each([
    ['one byte is another', undefined],
    ['the end is missing', (body: Uint8Array) => body.subarray(0, -1)],
    ['nothing is left', () => new Uint8Array()],
    ['it is something else', () => new TextEncoder().encode('{"__proto__":{"polluted":true}}')],
  ])('returns corrupt bytes (%s) gives a miss, and the next load heals the entry', async (_what, change) => {
    await now(there.letters.set('a', { text: 'shared' }))
    faults.on('read').corrupt(change).times(1)
    expect(await now(here.letters.getOrSet('a', loaded))).toEqual({ text: 'loaded' })
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    const third = createTestStash({ store: store.connect(), clock, namespaces })
    expect(await now(third.letters.getOrSet('a', forbidden))).toEqual({ text: 'loaded' })
  })

  it('refuses writes still lets the caller have its value', async () => {
    faults.on('write').fail()
    expect(await now(here.letters.getOrSet('a', loaded))).toEqual({ text: 'loaded' })
    expect(store.entryKeys()).toEqual([])
  })

  it('loses an invalidation does not have it acknowledged, and gets it when it is back', async () => {
    await now(there.letters.set('a', { text: 'old' }))
    faults.on('bump').fail()
    const result = await now(here.invalidateTags(['letter']))
    expect(result.store).toBe('queued')
    expect(await now(there.letters.get('a'))).toEqual({ text: 'old' })
    faults.restore()
    await clock.advance(5000)
    expect(await now(there.letters.get('a'))).toBeUndefined()
  })

  it('thaws with an old write in its pipes keeps to what was deleted meanwhile', async () => {
    faults.on('write').hang()
    expect(await now(here.letters.getOrSet('a', loaded))).toEqual({ text: 'loaded' })
    await clock.advance(10)
    expect(faults.hanging).toBe(1)
    await now(there.letters.delete('a'))
    faults.restore()
    await clock.advance(1000)
    expect(await now(there.letters.get('a'))).toBeUndefined()
    expect(await now(here.letters.get('a'))).toBeUndefined()
  })

  it('has lost its bus is asked before memory is believed', async () => {
    await now(here.letters.set('a', { text: 'old' }))
    faults.cutBus()
    await now(there.letters.set('a', { text: 'new' }))
    expect(await now(here.letters.get('a'))).toEqual({ text: 'new' })
    faults.healBus()
    await now(there.letters.delete('a'))
    await clock.advance(10)
    expect(here.letters.peek('a')).toBeUndefined()
  })

  it('says everything twice is understood once', async () => {
    faults.onMessage().duplicate()
    await now(here.letters.set('a', { text: 'old' }))
    await now(there.invalidateTags(['letter']))
    await clock.advance(10)
    expect(await now(here.letters.getOrSet('a', loaded))).toEqual({ text: 'loaded' })
    expect(await now(here.letters.getOrSet('a', forbidden))).toEqual({ text: 'loaded' })
  })
})

describe('a stash for tests', () => {
  it('keeps what JSON would lose', async () => {
    const values = { any: namespace<unknown, string>({ ttl: '1h' }) }
    const [one, two] = [0, 1].map(() => createTestStash({ store: store.connect(), clock, namespaces: values }))
    const value = {
      at: new Date(5),
      map: new Map([[1, new Set(['x'])]]),
      bytes: Uint8Array.of(1, 2),
      none: undefined,
      big: 10n,
    }
    await now(one!.any.set('a', value))
    expect(await now(two!.any.get('a'))).toEqual(value)
  })

  it('refuses options that a stash refuses, a store of the environment too', () => {
    const given = { store: store.connect(), namespaces }
    expect(() => createTestStash({ ...given, maxBytes: -1 })).toThrow(/maxBytes/)
    expect(() => createTestStash({ ...given, storeTimeout: 'soon' as never })).toThrow(/storeTimeout/)
    expect(() => createTestStash({ ...given, nameSpaces: {} } as never)).toThrow(/namespaces/)
  })

  it('leaves no timer behind when it is closed', async () => {
    await Promise.all([here.close(), there.close()])
    await clock.advance(1000)
    expect(clock.pendingTimers()).toBe(0)
  })
})
