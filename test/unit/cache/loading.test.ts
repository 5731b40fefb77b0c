import { describe, expect, it } from 'vitest'
import { createLoads, never, open, unhandledDuring } from './fixture.js'

describe('getOrSet', () => {
  it.each([0, '', false, null])('keeps %j as a value like any other', async (value) => {
    const { things } = open()
    await things.getOrSet('k', () => value)
    expect(things.peek('k')).toBe(value)
    expect(await things.has('k')).toBe(true)
    expect(await things.getOrSet('k', never)).toBe(value)
  })

  it('returns undefined as it is and does not store it', async () => {
    const { things } = open()
    let calls = 0
    const loader = (): undefined => void calls++
    expect(await things.getOrSet('k', loader)).toBeUndefined()
    expect(await things.getOrSet('k', loader)).toBeUndefined()
    expect(calls).toBe(2)
    expect(await things.has('k')).toBe(false)
    expect(things.stats()).toMatchObject({ size: 0, refused: { undefined: 2 } })
  })

  it('shares one load among concurrent callers of equal keys', async () => {
    const { things } = open()
    const loads = createLoads()
    const all = Array.from({ length: 50 }, (_, index) =>
      things.getOrSet(index % 2 === 0 ? { a: 1, b: 2 } : { b: 2, a: 1 }, loads.loader),
    )
    loads.call(0).resolve('one')
    expect(new Set(await Promise.all(all))).toEqual(new Set(['one']))
    expect(loads.calls).toHaveLength(1)
    expect(things.stats()).toMatchObject({ misses: 1, coalesced: 49, loads: 1, inFlight: 0 })
  })

  it('tells the loader the key as the caller gave it, so that one function loads all keys', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1m' })
    const asked: unknown[] = []
    const load = async ({ key }: { key: unknown }): Promise<string> => `value of ${asked.push(key)}`
    const given = { user: 1 }
    expect(await things.getOrSet('a', load)).toBe('value of 1')
    expect(await things.getOrSet(given, load)).toBe('value of 2')
    expect(await things.getOrSet('a', load)).toBe('value of 1')
    await clock.advance(90_000)
    await things.getOrSet('a', load)
    await things.warm([{ key: 'b', load }])
    expect(asked).toEqual(['a', given, 'a', 'b'])
    expect(asked[1]).toBe(given)
  })

  it('tells the loader a key, too, that has no canonical form', async () => {
    const { things } = open({ tags: (_value: unknown, key: unknown) => [typeof key] })
    const key = { call: () => 1 }
    expect(await things.getOrSet(key, (load) => load.key === key)).toBe(true)
    expect(things.stats().refused['policy-error']).toBe(0)
  })

  it('returns one promise for all hits of a frozen value', async () => {
    const { things } = open()
    await things.set('k', { a: 1 })
    expect(things.getOrSet('k', never)).toBe(things.getOrSet('k', never))
  })

  it('passes a thrown error, a rejection and a rejection with undefined to every waiter and stores none of them', async () => {
    const { things } = open()
    const thrown = new Error('thrown')
    for (const loader of [
      () => {
        throw thrown
      },
      () => Promise.reject(thrown),
    ]) {
      await expect(things.getOrSet('k', loader)).rejects.toBe(thrown)
    }
    const rejection = await things
      .getOrSet('k', () => Promise.reject())
      .then(
        () => 'resolved',
        (reason) => ({ reason }),
      )
    expect(rejection).toEqual({ reason: undefined })
    await expect(things.getOrSet('k', () => Promise.reject('text'))).rejects.toBe('text')
    expect(await things.getOrSet('k', () => 'fine')).toBe('fine')
    expect(things.stats().loadErrors).toBe(4)
  })

  it('calls a throwing loader once for twenty waiters, rejects all of them, and leaves nothing unhandled', async () => {
    const { things } = open()
    const loads = createLoads()
    const unhandled = await unhandledDuring(async () => {
      const all = Array.from({ length: 20 }, () => things.getOrSet('k', loads.loader))
      loads.call(0).reject(new Error('down'))
      const results = await Promise.allSettled(all)
      expect(results.map(({ status }) => status)).toEqual(Array(20).fill('rejected'))
    })
    expect(loads.calls).toHaveLength(1)
    expect(unhandled).toEqual([])
    const again = things.getOrSet('k', loads.loader)
    loads.call(1).resolve('up')
    expect(await again).toBe('up')
  })

  it('takes a thenable for a promise, be it an object or a function', async () => {
    const { things } = open()
    const then = (value: string) => (resolve: (value: string) => void) => resolve(value)
    const object = Object.defineProperty({}, 'then', { value: then('object') })
    const callable = Object.defineProperty(() => undefined, 'then', { value: then('function') })
    expect(await things.getOrSet('a', () => object)).toBe('object')
    expect(await things.getOrSet('b', () => callable)).toBe('function')
    expect([things.peek('a'), things.peek('b')]).toEqual(['object', 'function'])
  })

  it('rejects with what a thenable throws', async () => {
    const { things } = open()
    const hostile = {
      // biome-ignore lint/suspicious/noThenProperty: that is what is tested.
      get then(): never {
        throw new Error('getter')
      },
    }
    await expect(things.getOrSet('k', () => hostile)).rejects.toThrow('getter')
    expect(things.stats().inFlight).toBe(0)
  })
})

describe('a loader that asks for its own key', () => {
  it('is refused in its synchronous part', async () => {
    const { things } = open()
    const inner: Promise<unknown>[] = []
    const outer = things.getOrSet('k', () => {
      inner.push(things.getOrSet('k', never))
      return 'outer'
    })
    await expect(inner[0]).rejects.toMatchObject({ code: 'ERR_LOAD_REENTRANT' })
    expect(await outer).toBe('outer')
  })

  it('is refused with forceFresh, too, and does not recurse', async () => {
    const { things } = open()
    const loader = (): Promise<unknown> => things.getOrSet('k', loader, { forceFresh: true })
    await expect(things.getOrSet('k', loader)).rejects.toMatchObject({ code: 'ERR_LOAD_REENTRANT' })
  })

  it('is refused through another key', async () => {
    const { things } = open()
    const result = things.getOrSet('a', () => things.getOrSet('b', () => things.getOrSet('a', never)))
    await expect(result).rejects.toMatchObject({ code: 'ERR_LOAD_REENTRANT' })
    expect(things.stats().inFlight).toBe(0)
  })

  it('is ended by hardTimeout where it waits for itself later', async () => {
    const { things, clock } = open({ hardTimeout: '1s' })
    const result = things.getOrSet('k', async () => {
      await Promise.resolve()
      return things.getOrSet('k', never)
    })
    result.catch(() => undefined)
    await clock.advance(1000)
    await expect(result).rejects.toMatchObject({ code: 'ERR_LOAD_TIMEOUT' })
    expect(things.stats().inFlight).toBe(0)
  })

  it('is found wherever it waits with detectReentrancy, through awaits, timers and other keys', async () => {
    const { things } = open({ detectReentrancy: true })
    const direct = things.getOrSet('k', async () => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      return things.getOrSet('k', never)
    })
    await expect(direct).rejects.toMatchObject({ code: 'ERR_LOAD_REENTRANT' })
    const around = things.getOrSet('a', async () => {
      await Promise.resolve()
      return things.getOrSet('b', async () => {
        await Promise.resolve()
        return things.getOrSet('a', never)
      })
    })
    await expect(around).rejects.toMatchObject({ code: 'ERR_LOAD_REENTRANT' })
    expect(things.stats().inFlight).toBe(0)
  })

  it('does not take a bystander for itself with detectReentrancy', async () => {
    const { things } = open({ detectReentrancy: true })
    const loads = createLoads()
    const both = [things.getOrSet('k', loads.loader), things.getOrSet('k', loads.loader)]
    loads.call(0).resolve(1)
    expect(await Promise.all(both)).toEqual([1, 1])
  })

  it('may ask for another key', async () => {
    const { things } = open()
    expect(await things.getOrSet('a', () => things.getOrSet('b', () => 'b'))).toBe('b')
  })
})

describe('directives of a call', () => {
  it('forceFresh loads and replaces', async () => {
    const { things } = open()
    await things.set('k', 'old')
    expect(await things.getOrSet('k', () => 'new', { forceFresh: true })).toBe('new')
    expect(things.peek('k')).toBe('new')
    expect(things.stats().missCauses.bypass).toBe(1)
  })

  it('noStore leaves no trace: no entry, no shared load, no remembered error', async () => {
    const { things } = open({ negative: { when: () => true, ttl: '1m' } })
    const loads = createLoads()
    const first = things.getOrSet('k', loads.loader, { noStore: true })
    const second = things.getOrSet('k', loads.loader, { noStore: true })
    const third = things.getOrSet('k', loads.loader, { noStore: true })
    loads.call(0).resolve('one')
    loads.call(1).resolve('two')
    loads.call(2).reject(new Error('three'))
    expect([await first, await second]).toEqual(['one', 'two'])
    await expect(third).rejects.toThrow('three')
    expect(things.stats()).toMatchObject({ size: 0, inFlight: 0 })
    expect(await things.getOrSet('k', () => 'kept')).toBe('kept')
  })

  it('noStore does not start refreshes of what is stale', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1h' })
    await things.set('k', 'old')
    await clock.advance(60_000)
    const loads = createLoads()
    expect(await things.getOrSet('k', loads.loader, { noStore: true })).toBe('old')
    expect(await things.getOrSet('k', loads.loader, { noStore: true })).toBe('old')
    expect(loads.calls).toHaveLength(0)
  })

  it('onlyIfCached serves what is there, stale too, and rejects where it would have to load', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1h' })
    await expect(things.getOrSet('k', never, { onlyIfCached: true })).rejects.toMatchObject({ code: 'ERR_NOT_CACHED' })
    await things.set('k', 'value')
    expect(await things.getOrSet('k', never, { onlyIfCached: true })).toBe('value')
    await clock.advance(60_000)
    expect(await things.getOrSet('k', never, { onlyIfCached: true })).toBe('value')
    await expect(things.getOrSet(() => 1, never, { onlyIfCached: true })).rejects.toMatchObject({
      code: 'ERR_NOT_CACHED',
    })
  })

  it('maxAge refuses what is older, fresh or not', async () => {
    const { things, clock } = open({ ttl: '1h' })
    await things.set('k', 'old')
    await clock.advance(1000)
    expect(await things.getOrSet('k', never, { maxAge: '1s' })).toBe('old')
    await clock.advance(1)
    expect(await things.getOrSet('k', () => 'new', { maxAge: '1s' })).toBe('new')
    expect(things.peek('k')).toBe('new')
    expect(await things.getOrSet('k', never, { maxAge: 0 })).toBe('new')
  })

  it('scope is a hard partition of reads, writes and deletes', async () => {
    const { things } = open()
    await things.set('k', 'of a', { scope: 'a' })
    await things.set('k', 'of none')
    expect(things.peek('k', { scope: 'a' })).toBe('of a')
    expect(things.peek('k', { scope: 'b' })).toBeUndefined()
    await things.delete('k', { scope: 'a' })
    expect(things.peek('k', { scope: 'a' })).toBeUndefined()
    expect(things.peek('k')).toBe('of none')
    expect(await things.getOrSet('k', () => 'of b', { scope: 'b' })).toBe('of b')
  })

  it('a namespace that requires a scope refuses every call without one, and runs no loader', async () => {
    const { things } = open({ requireScope: true })
    const code = { code: 'ERR_SCOPE_REQUIRED' }
    await expect(things.getOrSet('k', never)).rejects.toMatchObject(code)
    await expect(things.get('k')).rejects.toMatchObject(code)
    await expect(things.set('k', 1)).rejects.toMatchObject(code)
    await expect(things.delete('k')).rejects.toMatchObject(code)
    expect(await things.getOrSet('k', () => 1, { scope: 'a' })).toBe(1)
  })

  it.each([null, '', Number.NaN, 5, {}])(
    'a namespace that requires a scope takes %j of its scope function for none',
    async (scope) => {
      const { things } = open({ requireScope: true, scope: () => scope as string })
      const code = { code: 'ERR_SCOPE_REQUIRED' }
      await expect(things.getOrSet('k', never)).rejects.toMatchObject(code)
      await expect(things.get('k')).rejects.toMatchObject(code)
      await expect(things.set('k', 1)).rejects.toMatchObject(code)
      await expect(things.delete('k')).rejects.toMatchObject(code)
      expect(() => things.peek('k')).toThrow(expect.objectContaining(code))
      await expect(things.set('k', 1, { scope: '' })).rejects.toMatchObject(code)
    },
  )

  it.each([
    ['ttl', '5 parsecs'],
    ['ttl', -1],
    ['ttl', Number.NaN],
    ['maxAge', 'soon'],
    ['hardTimeout', 'never'],
    ['softTimeout', -5],
    ['staleIfError', '1 day'],
    ['staleWhileRevalidate', Number.NaN],
    ['tags', 'not-a-list'],
    ['tags', ['']],
  ])(
    'a bad %s of %j rejects with ERR_OPTION_INVALID, calls no loader, and leaves the key usable',
    async (name, bad) => {
      const { things } = open()
      const unhandled = await unhandledDuring(async () => {
        await expect(things.getOrSet('k', never, { [name]: bad } as never)).rejects.toMatchObject({
          code: 'ERR_OPTION_INVALID',
        })
      })
      expect(unhandled).toEqual([])
      expect(things.stats().inFlight).toBe(0)
      expect(await things.getOrSet('k', () => 'fine')).toBe('fine')
    },
  )

  it('an unknown directive is an error that names the nearest one', async () => {
    const { things } = open()
    await expect(things.getOrSet('k', never, { stealIfError: '1d' } as never)).rejects.toThrow('`staleIfError`')
    await expect(things.set('k', 1, { tll: '1h' } as never)).rejects.toThrow('`ttl`')
  })
})

describe('a key that has no canonical form', () => {
  const cycle: Record<string, unknown> = {}
  cycle.self = cycle
  class Exotic {
    readonly a = 1
  }
  const deep = Array.from({ length: 600 }).reduce<unknown>((inner) => [inner], 1)
  const bad: readonly (readonly [string, unknown])[] = [
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a cycle', cycle],
    ['an instance of a class', new Exotic()],
    ['600 levels of nesting', deep],
  ]

  it.each(bad)('%s bypasses a read, counted, and the loader answers', async (_name, key) => {
    const { things } = open()
    let calls = 0
    expect(await things.getOrSet(key, () => ++calls)).toBe(1)
    expect(await things.getOrSet(key, () => ++calls)).toBe(2)
    expect(things.peek(key)).toBeUndefined()
    expect(await things.get(key)).toBeUndefined()
    const { bypassed, missCauses, size } = things.stats()
    expect({ bypassed, bypass: missCauses.bypass, size }).toEqual({ bypassed: 4, bypass: 2, size: 0 })
  })

  it.each(bad)('%s rejects a read in strict mode, with the path and no value', async (_name, key) => {
    const { things } = open({ strict: true })
    await expect(things.getOrSet({ at: [key] }, never)).rejects.toMatchObject({
      code: 'ERR_KEY_UNSUPPORTED',
      message: expect.stringContaining('$.at[0]'),
    })
  })

  it.each(bad)('%s rejects every write and invalidation of a key', async (_name, key) => {
    const { things } = open()
    const code = { code: 'ERR_KEY_UNSUPPORTED' }
    await expect(things.set(key, 1)).rejects.toMatchObject(code)
    await expect(things.delete(key)).rejects.toMatchObject(code)
    await expect(things.deleteMany([key])).rejects.toMatchObject(code)
    await expect(things.expire(key)).rejects.toMatchObject(code)
    await expect(things.writeThrough(key, 1, never)).rejects.toMatchObject(code)
  })

  it('of more than 64 MiB bypasses a read, and is refused by a write', async () => {
    const { things } = open()
    const key = { text: 'x'.repeat(64 * 1024 * 1024 + 1) }
    expect(await things.getOrSet(key, () => 'loaded')).toBe('loaded')
    expect(things.stats().bypassed).toBe(1)
    await expect(things.delete(key)).rejects.toMatchObject({ code: 'ERR_KEY_UNSUPPORTED' })
  })

  it('does not call the loader of a caller that has left already', async () => {
    const { things } = open()
    const signal = AbortSignal.abort(new Error('left'))
    await expect(things.getOrSet(() => 1, never, { signal })).rejects.toThrow('left')
    await expect(things.getOrSet('k', never, { signal })).rejects.toThrow('left')
  })

  it('reports a bad option of a bypassed call as a rejection', async () => {
    const { things } = open()
    const result = things.getOrSet(() => 1, never, { hardTimeout: 'x' } as never)
    await expect(result).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
  })
})
