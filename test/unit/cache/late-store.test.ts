import { describe, expect, test } from 'vitest'
import { createLateCodec, createLateStore } from '../../../src/cache/late-store.js'
import { SharedTier } from '../../../src/cache/shared-tier.js'
import { createStash } from '../../../src/cache/stash.js'
import type { BodyCodec } from '../../../src/cache/state.js'
import type { BusListener, KeyRef, SharedStore } from '../../../src/stores/shared-store.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const key: KeyRef = { key: 'a', namespace: 'n', digest: 'd' }
const listener: BusListener = { frame: () => {}, lost: () => {}, confirmed: () => {} }

describe('a store whose code is still loading', () => {
  test('is asked in the order the questions came, also by who asks right when it arrives', async () => {
    const { store, asked, arrive } = lateStore()
    const early = [store.kill(key).then(() => store.ping()), store.expire(key)]
    expect(asked).toEqual([])
    await arrive()
    await Promise.all([...early, store.token('a', 'b', 1)])
    expect(asked).toEqual(['kill', 'expire', 'token', 'ping'])
  })

  test('is listened to once it is there', async () => {
    const { store, asked, arrive } = lateStore()
    store.subscribe(listener)
    expect(store.arrived).toBeUndefined()
    await arrive()
    expect(asked).toEqual(['subscribe'])
    expect(store.arrived).toBeDefined()
  })

  test('uses up nothing of the budget of a command meanwhile', async () => {
    const clock = createFakeClock()
    const { store, asked, arrive } = lateStore()
    const codec = { encode: () => Uint8Array.of(7), decode: () => ({ ok: true as const, value: 1 }) }
    const tier = new SharedTier({ store, codec, clock, coherence: { generation: 0, seq: 0 }, storeTimeoutMs: 250 })
    const told = tier.ask(async () => ({ pong: await store.ping() }))
    await clock.advance(10_000)
    expect(tier.link.away).toBe(false)
    await arrive()
    expect(await told).toEqual({ pong: undefined })
    expect(asked).toContain('ping')
    expect(tier.link.away).toBe(false)
  })

  test('is closed, and not listened to any more, when its stash was closed meanwhile', async () => {
    const { store, asked, arrive } = lateStore()
    store.subscribe(listener)
    const closed = store.close()
    await arrive()
    await closed
    expect(asked).toEqual(['close'])
  })

  test('fails every question when its code cannot be loaded, and closes all the same', async () => {
    const store = createLateStore<SharedStore>(async () => {
      throw new Error('no such file')
    })
    store.subscribe(listener)
    await expect(store.ping()).rejects.toThrow('no such file')
    await expect(store.kill(key)).rejects.toThrow('no such file')
    await expect(store.close()).resolves.toBeUndefined()
  })
})

describe('a codec whose code is still loading', () => {
  test('answers once it is there, and from then on as it does itself', async () => {
    let arrive: (codec: BodyCodec) => void = () => {}
    const codec = createLateCodec(
      () =>
        new Promise((resolve) => {
          arrive = resolve
        }),
    )
    const early = [codec.encode(1, {} as never, 'k'), codec.decode(Uint8Array.of(7), {} as never, 'k')]
    arrive({ encode: () => Uint8Array.of(7), decode: () => ({ ok: true, value: 1 }) })
    expect(await Promise.all(early)).toEqual([Uint8Array.of(7), { ok: true, value: 1 }])
    expect(codec.encode(1, {} as never, 'k')).toEqual(Uint8Array.of(7))
    expect(codec.decode(Uint8Array.of(7), {} as never, 'k')).toEqual({ ok: true, value: 1 })
  })
})

describe('a stash with a store', () => {
  test.each([
    ['a URL that cannot be used', 'redis://'],
    ['what has neither get nor set', {}],
    ['what cannot delete', { get: () => undefined, set: () => true }],
  ])('refuses %s at once, not when the code of the store is there', (_what, store) => {
    expect(() => createStash({ store: store as never })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
    )
  })

  test('tells its address before the code of the store is there', async () => {
    const stash = createStash({ store: 'redis://:secret@127.0.0.1:1' })
    expect(stash.health().store).toMatchObject({ kind: 'redis', address: '127.0.0.1:1', status: 'connecting' })
    await stash.close()
  })

  test('uses a Keyv from the first moment on', async () => {
    const map = new Map<string, unknown>()
    const stash = createStash({ store: map as never })
    expect(await stash.general.set('a', 1)).toMatchObject({ store: 'done' })
    expect(map.size).toBeGreaterThan(0)
    await stash.close()
  })
})

function lateStore() {
  const asked: string[] = []
  const real = new Proxy({} as SharedStore, {
    get(_target, name: string) {
      // What has a `then` would be taken for a promise.
      if (name === 'then') return undefined
      return async () => void asked.push(name)
    },
  })
  let resolve: (store: SharedStore) => void = () => {}
  const store = createLateStore<SharedStore>(
    () =>
      new Promise((done) => {
        resolve = done
      }),
  )
  return {
    store,
    asked,
    arrive: async () => {
      resolve(real)
      await store.arrival
      await Promise.resolve()
    },
  }
}
