import { describe, expect, it } from 'vitest'
import { namespace } from '../../../src/cache/presets.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { createSimulatedStore } from '../../../src/testing/simulated-store.js'
import { createTestStash } from '../../../src/testing/test-stash.js'

/** Two processes over one simulated store, one way of a command or message is a ms. */
function openWorld(coalesce: 'process' | 'cluster' = 'process') {
  const clock = createFakeClock()
  const store = createSimulatedStore({ clock, delay: () => 1 })
  const saves: { resolve(): void; reject(error: unknown): void }[] = []
  const open = () => {
    const connection = store.connect()
    const stash = createTestStash({
      clock,
      store: connection,
      namespaces: {
        things: namespace<string, string>({ ttl: '1h', jitter: 0, coalesce, sliding: true, tags: (value) => [value] }),
      },
    })
    const save = (value: string, options = {}) => {
      const saved = stash.things.writeThrough(
        'k',
        value,
        () => new Promise<void>((resolve, reject) => void saves.push({ resolve, reject })),
        options,
      )
      saved.catch(() => undefined)
      return saved
    }
    return { stash, things: stash.things, connection, save }
  }
  const [p, q] = [open(), open()]
  const now = async <T>(work: Promise<T>): Promise<T> => {
    work.catch(() => undefined)
    await clock.advance(30)
    return work
  }
  return { clock, store, saves, p, q, now }
}

describe('writeThrough with a shared store', () => {
  it('stores what was saved, and tells the others', async () => {
    const { clock, saves, p, q, now } = openWorld()
    await now(p.things.set('k', 'old'))
    expect(await now(q.things.get('k'))).toBe('old')
    const saved = p.save('new')
    await clock.advance(10)
    expect(q.things.peek('k')).toBe('old')
    saves[0]?.resolve()
    expect(await now(saved)).toBe('new')
    expect(p.things.peek('k')).toBe('new')
    expect(q.things.peek('k')).toBeUndefined()
    expect(await now(q.things.get('k'))).toBe('new')
  })

  it('leaves no entry where two of them overlap, in whichever order they end, and so has no older value', async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const { clock, saves, p, q, now } = openWorld()
      const both = [p.save('one'), q.save('two')]
      await clock.advance(10)
      for (const index of order) {
        saves[index]?.resolve()
        await clock.advance(10)
      }
      await now(Promise.all(both))
      for (const { things } of [p, q]) {
        expect(things.peek('k')).toBeUndefined()
        expect(await now(things.get('k'))).toBeUndefined()
      }
    }
  })

  it.each([
    ['a delete', (world: ReturnType<typeof openWorld>) => world.q.things.delete('k'), undefined],
    ['a set', (world: ReturnType<typeof openWorld>) => world.q.things.set('k', 'set'), undefined],
    [
      'an invalidation of its tag',
      (world: ReturnType<typeof openWorld>) => world.q.things.invalidateTags(['new']),
      undefined,
    ],
    ['a clear', (world: ReturnType<typeof openWorld>) => world.q.things.clear(), undefined],
    [
      'an invalidation of another tag',
      (world: ReturnType<typeof openWorld>) => world.q.things.invalidateTags(['else']),
      'new',
    ],
  ])(
    'during which another process did %s: kept only if that left its token and its markers alone',
    async (_what, change, kept) => {
      const world = openWorld()
      const { clock, saves, p, q, now } = world
      const saved = p.save('new')
      await clock.advance(10)
      await now(change(world))
      saves[0]?.resolve()
      expect(await now(saved)).toBe('new')
      expect(await now(q.things.get('k'))).toBe(kept)
      expect(await now(p.things.get('k'))).toBe(kept)
    },
  )

  it('changes nothing when the save fails', async () => {
    const { clock, saves, p, q, now } = openWorld()
    await clock.advance(10)
    await now(p.things.set('k', 'old'))
    const saved = p.save('new')
    await clock.advance(10)
    saves[0]?.reject(new Error('not saved'))
    await expect(now(saved)).rejects.toThrow('not saved')
    expect(p.things.peek('k')).toBe('old')
    expect(await now(q.things.get('k'))).toBe('old')
  })

  it('refuses the write of a load that began before it', async () => {
    const { clock, saves, p, q, now } = openWorld()
    let load: (value: string) => void = () => {}
    const loading = q.things.getOrSet('k', () => new Promise<string>((resolve) => (load = resolve)))
    await clock.advance(10)
    const saved = p.save('new')
    await clock.advance(10)
    saves[0]?.resolve()
    await now(saved)
    load('old')
    expect(await now(loading)).toBe('old')
    expect(await now(q.things.get('k'))).toBe('new')
  })

  it('in an outage: served here meanwhile, owed to the store as a delete', async () => {
    const { clock, saves, p, q, now } = openWorld()
    await now(q.things.set('k', 'old'))
    p.connection.cut()
    const saved = p.save('new')
    await clock.advance(10)
    saves[0]?.resolve()
    expect(await now(saved)).toBe('new')
    expect(p.things.peek('k')).toBe('new')
    p.connection.heal()
    await clock.advance(2000)
    expect(p.things.peek('k')).toBeUndefined()
    expect(await now(q.things.get('k'))).toBeUndefined()
  })

  it('rejects where the store had to confirm and did not', async () => {
    const { clock, saves, p, now } = openWorld()
    p.connection.cut()
    const saved = p.save('new', { require: 'store' })
    await clock.advance(10)
    saves[0]?.resolve()
    await expect(now(saved)).rejects.toMatchObject({ code: 'ERR_STORE_UNCONFIRMED' })
    await expect(now(p.things.clear({ require: 'store' }))).rejects.toMatchObject({ code: 'ERR_STORE_UNCONFIRMED' })
    await expect(now(p.things.invalidateTags(['t'], { require: 'store' }))).rejects.toMatchObject({
      code: 'ERR_STORE_UNCONFIRMED',
    })
    await expect(now(p.stash.clear({ require: 'store' }))).rejects.toMatchObject({ code: 'ERR_STORE_UNCONFIRMED' })
    await expect(now(p.things.clear('k' as never))).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
    p.connection.heal()
    await clock.advance(2000)
    expect(await now(p.things.clear({ require: 'store' }))).toEqual({ memory: 'done', store: 'done' })
  })

  it('shares the lease it finds, and keeps one of its own alive while it saves', async () => {
    const { clock, saves, p, q, now } = openWorld('cluster')
    const saved = p.save('new')
    await clock.advance(20_000)
    const reading = q.things.getOrSet('k', () => 'loaded meanwhile')
    await clock.advance(1000)
    saves[0]?.resolve()
    await now(saved)
    expect(await now(reading)).toBe('new')
  })
})

describe('a read without a loader from a shared store', () => {
  it('counts why it missed, and moves a sliding lifetime', async () => {
    const { clock, p, now } = openWorld()
    expect(await now(p.things.get('k'))).toBeUndefined()
    await now(p.things.set('k', 'v'))
    await now(p.things.delete('k'))
    expect(await now(p.things.get('k'))).toBeUndefined()
    expect(p.things.stats().missCauses).toMatchObject({ never: 1, invalidated: 1 })
    expect(p.things.stats().misses).toBe(2)
    await now(p.things.set('k', 'v'))
    for (let hour = 0; hour < 3; hour++) {
      await clock.advance(40 * 60_000)
      expect(await now(p.things.get('k'))).toBe('v')
    }
    await clock.advance(61 * 60_000)
    expect(await now(p.things.get('k'))).toBeUndefined()
    expect(p.things.stats().missCauses).toMatchObject({ expired: 1 })
  })
})
