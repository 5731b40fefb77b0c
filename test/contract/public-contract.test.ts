import { describe, expect, it } from 'vitest'
import type { ReadReply, SharedStore } from '../../src/stores/shared-store.js'
import type { ContractStore } from '../../src/testing/contract-trial.js'
import { createFakeClock } from '../../src/testing/fake-clock.js'
import { faultyStore } from '../../src/testing/faulty-store.js'
import { createSimulatedStore } from '../../src/testing/simulated-store.js'
import { sharedStoreContract } from '../../src/testing/store-contract.js'
import { createStoreFaults } from '../../src/testing/store-faults.js'

type Wrap = (store: SharedStore) => SharedStore

describe('the public contract of a shared store', () => {
  it.each(sharedStoreContract({ create: () => simulated() }))('simulated: $name', ({ run }) => run())

  it.each(sharedStoreContract({ create: () => simulated((store) => faultyStore(store, createStoreFaults())) }))(
    'without any fault a faulty store is the store itself: $name',
    ({ run }) => run(),
  )

  it('leaves out what a test cannot do, and only that', () => {
    const all = sharedStoreContract({ create: () => simulated() }).length
    const some = sharedStoreContract({ create: () => simulated(), cannot: ['evict'] }).length
    expect(some).toBeLessThan(all)
    expect(some).toBeGreaterThan(20)
  })

  it('fails rather than passes for want of a method', async () => {
    const bare = async () => ({ ...simulated(), evict: undefined }) as unknown as ContractStore
    expect(await failures(bare)).toEqual(expect.arrayContaining([expect.stringContaining('no evict()')]))
  })

  it('closes the store after every case, failed ones too', async () => {
    let open = 0
    const create = () => {
      open++
      const store = simulated((one) => ({ ...one, ping: () => Promise.reject(new Error('no')) }))
      return { ...store, close: async () => void open-- }
    }
    expect((await failures(create)).length).toBeGreaterThan(0)
    expect(open).toBe(0)
  })
})

describe('the public contract finds a store that', () => {
  const reply =
    (change: (reply: ReadReply) => Partial<ReadReply>): Wrap =>
    (store) => ({
      ...store,
      read: async (request) => {
        const found = await store.read(request)
        return { ...found, ...change(found) }
      },
    })
  const faults: Record<string, Wrap> = {
    'forgets markers': reply(() => ({ markers: new Map() })),
    'counts from zero': reply(() => ({ seq: 0 })),
    'gives a token to everybody': reply(({ token }) => ({ token: token ?? 'free' })),
    'sends the body although it is known': reply(({ entry }) => ({
      entry: entry && { ...entry, body: new Uint8Array(1) },
    })),
    'has a token for each loader': (store) => ({ ...store, token: async (_key, candidate) => candidate }),
    'ignores the time of a write': (store) => ({
      ...store,
      write: (request) => store.write({ ...request, notAfterMs: Infinity }),
    }),
    'ignores the time of a set': (store) => ({
      ...store,
      set: (request) => store.set({ ...request, notAfterMs: Infinity }),
    }),
    'does not kill': (store) => ({ ...store, kill: () => store.ping() }),
    'does not expire': (store) => ({ ...store, expire: () => store.ping() }),
    'kills instead of expiring': (store) => ({ ...store, expire: (key) => store.kill(key) }),
    'makes every invalidation a hard one': (store) => ({ ...store, bump: (names) => store.bump(names, 'delete') }),
    'invalidates one name of many': (store) => ({
      ...store,
      bump: (names, mode) => store.bump(names.slice(0, 1), mode),
    }),
    'has mute peers': (store) => ({ ...store, subscribe: (listener) => listener.confirmed() }),
    'never confirms a subscription': (store) => ({
      ...store,
      subscribe: (listener) => store.subscribe({ ...listener, confirmed: () => {} }),
    }),
    'does not tell of a lost subscription': (store) => ({
      ...store,
      subscribe: (listener) => store.subscribe({ ...listener, lost: () => {} }),
    }),
    'lets an entry live for ever': (store) => ({
      ...store,
      write: (request) => store.write({ ...request, lifeMs: Infinity }),
    }),
  }

  it.each(Object.entries(faults))('%s', async (_what, wrap) => {
    const found = await failures(() => simulated(wrap))
    expect(found.length).toBeGreaterThan(0)
    for (const message of found) expect(message).toContain('expected')
  })
})

async function failures(create: () => ContractStore | Promise<ContractStore>): Promise<string[]> {
  const messages: string[] = []
  for (const { run } of sharedStoreContract({ create }))
    await run().catch((error: Error) => messages.push(error.message))
  return messages
}

/** The same store as an object that can be spread. */
function plain(store: SharedStore): SharedStore {
  return faultyStore(store, createStoreFaults())
}

function simulated(wrap?: Wrap): ContractStore {
  const clock = createFakeClock()
  const store = createSimulatedStore({ clock })
  const [first, second] = [store.connect(), store.connect()]
  return {
    one: wrap === undefined ? first : wrap(plain(first)),
    two: wrap === undefined ? second : wrap(plain(second)),
    async settle(work) {
      await clock.advance(5)
      return work
    },
    wait: (ms) => clock.advance(ms),
    evict(what, key) {
      if (what === 'entry') store.evictEntry(key)
      else if (what === 'token') store.evictToken(key)
      else if (what === 'control') store.evictControl()
      else if (what === 'log') store.evictLog()
      else store.evictMarker(what.marker)
    },
    async empty() {
      store.restartEmpty()
      await clock.advance(10)
    },
    cutBus: () => second.cutBus(),
    healBus: () => second.healBus(),
    close: async () => {},
  }
}
