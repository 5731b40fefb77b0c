import { describe, expect, it } from 'vitest'
import { createLoads, type Fixture, never, open } from './fixture.js'

interface Way {
  readonly name: string
  readonly apply: (fixture: Fixture) => Promise<unknown>
}

/** Everything that ends the validity of key `k`, whose value carries the tag `t` that nobody knows before the load ends. */
const WAYS: readonly Way[] = [
  { name: 'delete', apply: ({ things }) => things.delete('k') },
  { name: 'deleteMany', apply: ({ things }) => things.deleteMany(['x', 'k']) },
  { name: 'expire', apply: ({ things }) => things.expire('k') },
  { name: 'clear of the namespace', apply: ({ things }) => things.clear() },
  { name: 'clear of the stash', apply: ({ stash }) => stash.clear() },
  { name: 'invalidateTags of the namespace', apply: ({ things }) => things.invalidateTags(['t']) },
  { name: 'invalidateTags of the stash', apply: ({ stash }) => stash.invalidateTags(['t']) },
  { name: 'forget', apply: ({ stash }) => stash.forget('ann') },
  { name: 'invalidateTags in mode expire', apply: ({ things }) => things.invalidateTags(['t'], { mode: 'expire' }) },
]

const KINDS = [
  { kind: 'without stale windows', options: {} },
  { kind: 'with stale windows', options: { staleWhileRevalidate: '1h', staleIfError: '1d' } },
] as const

const tagged = (name: string) => ({ name, tags: ['t'] })
const openTagged = (options: object = {}): Fixture =>
  open({ tags: (value) => (value as { tags?: string[] }).tags ?? [], subject: () => 'ann', ...options })

describe.each(KINDS)('a load in flight, in a namespace $kind', ({ options }) => {
  it.each(WAYS)(
    '$name before it ends: nothing of it is kept, and its caller gets what it loaded',
    async ({ apply }) => {
      const fixture = openTagged(options)
      const { things, clock } = fixture
      const loads = createLoads()
      const waiting = things.getOrSet('k', loads.loader)
      const joined = things.getOrSet('k', loads.loader)
      await apply(fixture)
      loads.call(0).resolve(tagged('old'))
      await expect(waiting).resolves.toMatchObject({ name: 'old' })
      await expect(joined).resolves.toMatchObject({ name: 'old' })
      await clock.settle()
      expect(things.peek('k')).toBeUndefined()
      expect(await things.getEntry('k')).toBeUndefined()
      expect(await things.getOrSet('k', () => tagged('new'))).toMatchObject({ name: 'new' })
      expect(loads.calls).toHaveLength(1)
    },
  )

  it.each(WAYS)('$name after it ended: the next read does not take the old value for fresh', async ({ apply }) => {
    const fixture = openTagged(options)
    const { things } = fixture
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    loads.call(0).resolve(tagged('old'))
    await waiting
    await apply(fixture)
    expect(things.peek('k')).toBeUndefined()
    expect(await things.get('k')).toBeUndefined()
    expect(await things.has('k')).toBe(false)
  })

  it.each(WAYS)(
    '$name after it ended: the next getOrSet loads, without anybody having looked before',
    async ({ apply }) => {
      const fixture = openTagged(options)
      const { things } = fixture
      await things.getOrSet('k', () => tagged('old'))
      expect(await things.getOrSet('k', never)).toMatchObject({ name: 'old' })
      await apply(fixture)
      let calls = 0
      await things.getOrSet('k', () => {
        calls++
        return tagged('new')
      })
      expect(calls).toBe(1)
      expect(await things.getOrSet('k', never)).toMatchObject({ name: 'new' })
    },
  )

  const byKey = WAYS.filter(({ name }) => !/^invalidateTags|^forget/.test(name))
  it.each(byKey)('$name: a caller after it does not wait for the load from before', async ({ apply }) => {
    const fixture = openTagged(options)
    const { things } = fixture
    const loads = createLoads()
    const before = things.getOrSet('k', loads.loader)
    await apply(fixture)
    const after = things.getOrSet('k', loads.loader)
    expect(loads.calls).toHaveLength(2)
    loads.call(1).resolve(tagged('new'))
    expect(await after).toMatchObject({ name: 'new' })
    loads.call(0).resolve(tagged('old'))
    await before
    expect(things.peek('k')).toMatchObject({ name: 'new' })
  })

  it.each(WAYS)('$name: a caller after it gets a newer value, whichever load ends first', async ({ apply }) => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const fixture = openTagged(options)
      const { things, clock } = fixture
      const loads = createLoads()
      const before = things.getOrSet('k', loads.loader)
      await apply(fixture)
      const after = things.getOrSet('k', loads.loader)
      const [first, second] = order as [number, number]
      const end = (index: number): void => loads.calls[index]?.resolve(tagged(index === 0 ? 'old' : 'new'))
      end(first)
      await clock.settle()
      end(second)
      await clock.settle()
      // A late joiner may have had to wait for the first load before it started its own.
      end(1)
      await clock.settle()
      await expect(before).resolves.toMatchObject({ name: 'old' })
      await expect(after).resolves.toMatchObject({ name: 'new' })
      expect(things.peek('k')).toMatchObject({ name: 'new' })
      expect(loads.calls).toHaveLength(2)
    }
  })
})

describe('hard invalidations and what is stale', () => {
  const hard = WAYS.filter(({ name }) => !name.includes('expire'))

  it.each(hard)('$name leaves nothing for a failing load to fall back on', async ({ apply }) => {
    const fixture = openTagged({ ttl: '1m', staleWhileRevalidate: '1h', staleIfError: '1d' })
    const { things, clock } = fixture
    await things.getOrSet('k', () => tagged('old'))
    await clock.advance(120_000)
    await apply(fixture)
    await expect(things.getOrSet('k', () => Promise.reject(new Error('down')))).rejects.toThrow('down')
  })

  it.each(hard)('$name during a load keeps the old value from standing in when that load fails', async ({ apply }) => {
    const fixture = openTagged({ ttl: '1m', staleIfError: '1d' })
    const { things, clock } = fixture
    await things.getOrSet('k', () => tagged('old'))
    await clock.advance(120_000)
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    await apply(fixture)
    loads.call(0).reject(new Error('down'))
    await expect(waiting).rejects.toThrow('down')
  })

  it.each(hard)('$name during a slow load keeps softTimeout from serving the old value', async ({ apply }) => {
    const fixture = openTagged({ ttl: '1m', staleIfError: '1d', softTimeout: '1s' })
    const { things, clock } = fixture
    await things.getOrSet('k', () => tagged('old'))
    await clock.advance(120_000)
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    await apply(fixture)
    await clock.advance(1000)
    loads.call(0).resolve(tagged('new'))
    await expect(waiting).resolves.toMatchObject({ name: 'new' })
  })

  it('an expire during a load lets the old value stand in when that load fails', async () => {
    const { things, clock } = openTagged({ ttl: '1m', staleIfError: '1d' })
    await things.getOrSet('k', () => tagged('old'))
    await clock.advance(120_000)
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    await things.expire('k')
    loads.call(0).reject(new Error('down'))
    await expect(waiting).resolves.toMatchObject({ name: 'old' })
  })
})

describe('what an invalidation does not touch', () => {
  it('a load whose value does not carry the invalidated tag is kept', async () => {
    const { things } = openTagged()
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    await things.invalidateTags(['another'])
    loads.call(0).resolve(tagged('value'))
    await waiting
    expect(things.peek('k')).toMatchObject({ name: 'value' })
  })

  it('a load begun after the invalidation is kept, though it carries the tag', async () => {
    const { things } = openTagged()
    const loads = createLoads()
    const old = things.getOrSet('other', loads.loader)
    await things.invalidateTags(['t'])
    await things.getOrSet('k', () => tagged('value'))
    loads.call(0).resolve(tagged('old'))
    await old
    expect(things.peek('k')).toMatchObject({ name: 'value' })
    expect(things.peek('other')).toBeUndefined()
  })

  it('tags and clear of one namespace leave the same tag and key of another alone', async () => {
    const { things, others } = openTagged()
    await others.set('k', 'mine', { tags: ['t'] })
    await things.invalidateTags(['t'])
    await things.clear()
    expect(others.peek('k')).toBe('mine')
  })

  it('tags given by the call and by the loader count as much as those of the namespace', async () => {
    const { things } = openTagged()
    await things.getOrSet('a', () => 1, { tags: ['call'] })
    await things.getOrSet('c', (context) => {
      context.addTags('loader')
      return 3
    })
    await things.invalidateTags(['call', 'loader'])
    expect(things.peek('a')).toBeUndefined()
    expect(things.peek('c')).toBeUndefined()
  })
})

describe('writes against loads', () => {
  it('a set during a refresh stays when the refresh ends later', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1h' })
    await things.set('k', 'old')
    await clock.advance(60_000)
    const loads = createLoads()
    expect(await things.getOrSet('k', loads.loader)).toBe('old')
    await things.set('k', 'newer')
    loads.call(0).resolve('refreshed from before the set')
    await clock.settle()
    expect(things.peek('k')).toBe('newer')
  })

  it('a set after a refresh ended replaces it', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1h' })
    await things.set('k', 'old')
    await clock.advance(60_000)
    const loads = createLoads()
    await things.getOrSet('k', loads.loader)
    loads.call(0).resolve('refreshed')
    await clock.settle()
    await things.set('k', 'newer')
    expect(things.peek('k')).toBe('newer')
  })

  it('a set during a first load stays, and the caller gets what it loaded', async () => {
    const { things } = open()
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    await things.set('k', 'newer')
    loads.call(0).resolve('older')
    expect(await waiting).toBe('older')
    expect(await things.getOrSet('k', never)).toBe('newer')
  })

  it('a delete during a refresh stays a delete', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1h' })
    await things.set('k', 'old')
    await clock.advance(60_000)
    const loads = createLoads()
    await things.getOrSet('k', loads.loader)
    await things.delete('k')
    loads.call(0).resolve('refreshed from before the delete')
    await clock.settle()
    expect(things.peek('k')).toBeUndefined()
  })

  it('of two loads of one key the one begun by forceFresh stays, whichever ends first', async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const { things, clock } = open()
      const loads = createLoads()
      const plain = things.getOrSet('k', loads.loader)
      const fresh = things.getOrSet('k', loads.loader, { forceFresh: true })
      for (const index of order) {
        loads.call(index).resolve(index === 0 ? 'older' : 'newer')
        await clock.settle()
      }
      expect(await plain).toBe('older')
      expect(await fresh).toBe('newer')
      expect(things.peek('k')).toBe('newer')
    }
  })

  it('callers behind a forceFresh join it and not the load before it', async () => {
    const { things } = open()
    const loads = createLoads()
    const plain = things.getOrSet('k', loads.loader)
    const fresh = things.getOrSet('k', loads.loader, { forceFresh: true })
    const behind = things.getOrSet('k', loads.loader)
    loads.call(0).resolve('older')
    loads.call(1).resolve('newer')
    expect(await Promise.all([plain, fresh, behind])).toEqual(['older', 'newer', 'newer'])
    expect(loads.calls).toHaveLength(2)
  })

  it('a failed forceFresh leaves the entry that is there', async () => {
    const { things } = open({ tags: ['t'] })
    await things.set('k', 'kept')
    await expect(things.getOrSet('k', () => Promise.reject(new Error('down')), { forceFresh: true })).rejects.toThrow(
      'down',
    )
    expect(things.peek('k')).toBe('kept')
  })
})

describe('an invalidation from within the functions of a namespace', () => {
  it('counts for the very value they are judging', async () => {
    let invalidate = (): void => undefined
    const { things } = open({
      tags: ['t'],
      cacheable: () => {
        invalidate()
        return true
      },
    })
    for (const by of [() => things.invalidateTags(['t']), () => things.delete('k'), () => things.clear()]) {
      invalidate = () => void by()
      await things.getOrSet('k', () => 'judged')
      expect(things.peek('k')).toBeUndefined()
    }
  })
})
