import { describe, expect, it } from 'vitest'
import { byConfidence } from '../../../src/cache/by-confidence.js'
import { namespace } from '../../../src/cache/presets.js'
import { createStash } from '../../../src/cache/stash.js'
import type { Clock } from '../../../src/runtime/clock.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { createLoads, never, open } from './fixture.js'

const DAY = 86_400_000

describe('ttl', () => {
  it.each([
    ['15m', 900_000],
    ['500ms', 500],
    ['1.5s', 1500],
    ['7d', 7 * DAY],
    [60_000, 60_000],
  ] as const)('of %s ends after %d ms and not before', async (ttl, ms) => {
    const { things, clock } = open({ ttl })
    await things.getOrSet('k', () => 'value')
    await clock.advance(ms - 1)
    expect(things.peek('k')).toBe('value')
    expect(await things.getOrSet('k', never)).toBe('value')
    await clock.advance(1)
    expect(things.peek('k')).toBeUndefined()
    expect(await things.getOrSet('k', () => 'new')).toBe('new')
  })

  it('starts when the load ends, so that a slow load is not born stale', async () => {
    const { things, clock } = open({ ttl: '1m' })
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    await clock.advance(90_000)
    loads.call(0).resolve('value')
    await waiting
    await clock.advance(59_999)
    expect(things.peek('k')).toBe('value')
    await clock.advance(1)
    expect(things.peek('k')).toBeUndefined()
  })

  it('Infinity never ends, also beyond the 24 days a 32-bit number of milliseconds holds', async () => {
    const { things, clock } = open({ ttl: Infinity })
    await things.set('k', 'value')
    await things.set('tagged', 'value', { tags: ['t'] })
    for (const days of [10, 3, 10, 3, 400]) {
      await clock.advance(days * DAY)
      expect(things.peek('k')).toBe('value')
      expect(await things.getOrSet('k', never)).toBe('value')
      expect(await things.getOrSet('tagged', never)).toBe('value')
    }
    expect(await things.getEntry('k')).toMatchObject({ ttlMs: null, ageMs: 426 * DAY })
    expect(things.stats().ttlMs).toBeNull()
  })

  it('of 30 and 60 days ends on the day', async () => {
    for (const days of [30, 60]) {
      const { things, clock } = open({ ttl: `${days}d` })
      await things.set('k', 'value')
      await clock.advance(days * DAY - 1)
      expect(await things.getOrSet('k', never)).toBe('value')
      await clock.advance(1)
      expect(things.peek('k')).toBeUndefined()
    }
  })

  it('ends on the very millisecond that serves as the horizon of entries without end', async () => {
    const { things, clock } = open({ ttl: '10m' })
    await clock.advance(2 ** 31 - 1 - 600_000)
    await things.set('k', 'value')
    await clock.advance(600_000)
    expect(things.peek('k')).toBeUndefined()
    expect(await things.getOrSet('k', () => 'new')).toBe('new')
  })

  it('of 0 stores nothing, from namespace, call, loader and function alike', async () => {
    const { things, others } = open({ ttl: 0 })
    await things.getOrSet('k', () => 1)
    expect(things.peek('k')).toBeUndefined()
    expect(await things.set('k', 1)).toEqual({ memory: 'none', store: 'none' })
    await others.getOrSet('call', () => 1, { ttl: 0 })
    await others.getOrSet('context', (context) => {
      context.setTtl(0)
      return 1
    })
    expect(others.stats()).toMatchObject({ size: 0, refused: { ttl: 2 } })
  })

  it('of 0 asked by the loader wins over a ttl of the call: the loader knows that its answer must not be kept', async () => {
    const { things } = open()
    const loader = (context: { setTtl(ttl: number): void }): string => {
      context.setTtl(0)
      return 'bad answer'
    }
    await things.getOrSet('k', loader, { ttl: '1h' })
    expect(things.peek('k')).toBeUndefined()
  })

  it('is taken from the call, then the loader, then a function of the value, then the namespace', async () => {
    const { things, others } = open({ ttl: (value) => (value === 'own' ? '1m' : undefined) })
    const ttlOf = async (key: string): Promise<number | null | undefined> => (await things.getEntry(key))?.ttlMs
    await things.getOrSet('function', () => 'own')
    await things.getOrSet('loader', (context) => {
      context.setTtl('2m')
      return 'own'
    })
    const asksForTwo = (context: { setTtl(ttl: '2m'): void }): string => {
      context.setTtl('2m')
      return 'own'
    }
    await things.getOrSet('call', asksForTwo, { ttl: '3m' })
    await things.getOrSet('default', () => 'other')
    await others.set('write', 1, { ttl: '4m' })
    expect(await ttlOf('function')).toBe(60_000)
    expect(await ttlOf('loader')).toBe(120_000)
    expect(await ttlOf('call')).toBe(180_000)
    expect(await ttlOf('default')).toBe(600_000)
    expect(await others.getEntry('write')).toMatchObject({ ttlMs: 240_000 })
  })

  it('is capped by maxTtl, whoever asked', async () => {
    const { things } = open({ ttl: '1m', maxTtl: '5m' })
    await things.getOrSet('call', () => 1, { ttl: '1h' })
    await things.getOrSet('never', () => 1, { ttl: Infinity })
    await things.getOrSet('loader', (context) => {
      context.setTtl('1h')
      return 1
    })
    await things.set('write', 1, { ttl: '1h' })
    for (const key of ['call', 'never', 'loader', 'write']) {
      expect(await things.getEntry(key)).toMatchObject({ ttlMs: 300_000 })
    }
  })

  it.each([
    ['the default, where a namespace says nothing', {}, undefined],
    ['what resize asks for', { ttl: '1m' }, '1h'],
    ['no end at all', { ttl: Infinity }, undefined],
  ] as const)('is capped by maxTtl: %s, and the statistics say so', async (_name, options, resized) => {
    const { things } = open({ maxTtl: '5m', ...options })
    if (resized !== undefined) things.resize({ ttl: resized })
    await things.set('k', 1)
    expect(await things.getEntry('k')).toMatchObject({ ttlMs: 300_000 })
    expect(things.stats().ttlMs).toBe(300_000)
  })

  it('is only ever shortened by jitter, by the stated share at most, and not always by the same', async () => {
    const { things } = open({ ttl: 100_000, jitter: 0.2, max: 1000 })
    const seen = new Set<number>()
    for (let index = 0; index < 200; index++) {
      await things.set(index, 'value')
      const entry = await things.getEntry(index)
      const ttlMs = entry?.ttlMs as number
      expect(ttlMs).toBeLessThanOrEqual(100_000)
      expect(ttlMs).toBeGreaterThanOrEqual(80_000)
      seen.add(ttlMs)
    }
    expect(seen.size).toBeGreaterThan(100)
  })

  it('of a function that throws or answers nonsense costs the entry, never the caller', async () => {
    for (const ttl of [
      () => {
        throw new Error('broken')
      },
      () => '5 parsecs' as never,
      () => -1,
    ]) {
      const { things } = open({ ttl })
      expect(await things.getOrSet('k', () => 'value')).toBe('value')
      expect(things.stats()).toMatchObject({ size: 0, refused: { 'policy-error': 1 } })
    }
  })
})

describe('byConfidence', () => {
  const ttl = byConfidence((answer: { confidence: number }) => answer.confidence, { min: '1m', max: '11m', floor: 0.5 })

  it.each([
    [1, 660_000],
    [0.5, 60_000],
    [0.75, 360_000],
    [0.49, 0],
    [-1, 0],
    [Number.NaN, 0],
    [7, 660_000],
    ['0.9', 0],
    [true, 0],
    [1n, 0],
    [undefined, 0],
  ])('gives confidence %s a lifetime of %d ms', (confidence, ms) => {
    expect(ttl({ confidence: confidence as number })).toBe(ms)
  })

  it('stores nothing below the floor', async () => {
    const { things } = open({ ttl: ttl as (value: unknown) => number })
    await things.getOrSet('unsure', () => ({ confidence: 0.2 }))
    await things.getOrSet('sure', () => ({ confidence: 0.9 }))
    expect(things.peek('unsure')).toBeUndefined()
    expect(things.peek('sure')).toBeDefined()
  })

  it.each([
    [{ min: '1h', max: '1m' }],
    [{ min: 'x', max: '1m' }],
    [{ min: 0, max: '1m', floor: 1 }],
    [{ min: 0, max: '1m', floor: '0.5' }],
    [{ min: 0, max: '1m', flor: 0.5 }],
    [{ min: 0, max: '1m', floor: -0.1 }],
    [{ min: 0, max: '1m', floor: Number.NaN }],
  ])('refuses %j', (options) => {
    expect(() => byConfidence(() => 1, options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
    )
  })
})

describe('sliding', () => {
  it('starts the ttl anew at every read, whichever way it reads', async () => {
    for (const read of ['getOrSet', 'get', 'peek'] as const) {
      const { things, clock } = open({ ttl: '1m', sliding: true })
      await things.set('k', 'value')
      for (let index = 0; index < 5; index++) {
        await clock.advance(40_000)
        expect(await (read === 'getOrSet' ? things.getOrSet('k', never) : things[read]('k'))).toBe('value')
      }
      await clock.advance(60_000)
      expect(things.peek('k')).toBeUndefined()
    }
  })

  it('does not make the value younger: its age counts from when it was stored', async () => {
    const { things, clock } = open({ ttl: '1m', sliding: true })
    await things.set('k', 'value')
    for (let index = 0; index < 3; index++) {
      await clock.advance(40_000)
      await things.getOrSet('k', never)
    }
    expect(await things.getEntry('k')).toMatchObject({ ageMs: 120_000, ttlMs: 60_000 })
    expect(await things.getOrSet('k', () => 'new', { maxAge: '100s' })).toBe('new')
  })

  it('does not revive what was expired by hand', async () => {
    const { things, clock } = open({ ttl: '1m', sliding: true, staleIfError: '1h' })
    await things.set('k', 'value')
    await clock.advance(1000)
    await things.expire('k')
    await expect(things.get('k')).resolves.toBeUndefined()
    expect(await things.getOrSet('k', () => 'new')).toBe('new')
  })
})

describe('expire', () => {
  it('ends the freshness and keeps the value for stale fallback', async () => {
    const { things } = open({ ttl: '1h', staleIfError: '1h' })
    await things.set('k', 'value')
    expect(await things.expire('k')).toMatchObject({ memory: 'done' })
    expect(things.peek('k')).toBeUndefined()
    expect(await things.getEntry('k')).toMatchObject({ value: 'value', status: 'stale', ttlMs: 0 })
    expect(await things.getOrSet('k', () => Promise.reject(new Error('down')))).toBe('value')
  })

  it('counts the stale windows from then on', async () => {
    const { things, clock } = open({ ttl: '1h', staleIfError: '1m' })
    await things.set('k', 'value')
    await things.expire('k')
    await clock.advance(60_000)
    expect(await things.getEntry('k')).toBeUndefined()
  })

  it('removes the value where there is no window to keep it for', async () => {
    const { things } = open({ ttl: '1h' })
    await things.set('k', 'value')
    await things.set('tagged', 'value', { tags: ['t'] })
    await things.expire('k')
    await things.expire('tagged')
    expect(things.stats().size).toBe(0)
  })

  it('does not lengthen what is stale already', async () => {
    const { things, clock } = open({ ttl: '1m', staleIfError: '10m' })
    await things.set('k', 'value')
    await clock.advance(600_000)
    await things.expire('k')
    await clock.advance(60_000)
    expect(await things.getEntry('k')).toBeUndefined()
  })

  it('tells that there was nothing', async () => {
    const { things } = open()
    expect(await things.expire('k')).toEqual({ memory: 'none', store: 'none' })
  })

  it('is obeyed at once by every reader, however late the coarse clock is', async () => {
    for (const how of ['expire', 'tags'] as const) {
      const fake = createFakeClock()
      let coarseMs = 0
      const clock: Clock = { ...fake, coarse: () => coarseMs }
      const stash = createStash({
        clock,
        namespaces: { things: namespace<string, string>({ ttl: '1h', staleIfError: '1h', tags: ['t'], jitter: 0 }) },
      })
      await fake.advance(1000)
      coarseMs = 985
      await stash.things.set('k', 'value')
      await (how === 'expire' ? stash.things.expire('k') : stash.things.invalidateTags(['t'], { mode: 'expire' }))
      expect(stash.things.peek('k')).toBeUndefined()
      expect(await stash.things.get('k')).toBeUndefined()
      expect(await stash.things.getOrSet('k', () => 'new')).toBe('new')
    }
  })
})

describe('the coarse clock', () => {
  it('may serve an entry late, never early, and is asked instead of the exact one on a hit', async () => {
    const fake = createFakeClock()
    let coarseMs = 0
    const clock: Clock = { ...fake, coarse: () => coarseMs }
    const stash = createStash({ clock, namespaces: { things: namespace<string, string>({ ttl: 100, jitter: 0 }) } })
    await stash.things.getOrSet('k', () => 'value')
    await fake.advance(105)
    coarseMs = 90
    expect(await stash.things.getOrSet('k', never)).toBe('value')
    coarseMs = 105
    expect(await stash.things.getOrSet('k', () => 'new')).toBe('new')
  })
})

describe('sweeping', () => {
  it('removes every five minutes what is past every window, and keeps what is not', async () => {
    const { things, clock } = open({ ttl: '1m' })
    await things.set('plain', 1)
    await things.set('tagged', 1, { tags: ['t'] })
    await things.set('stale', 1, { staleIfError: '1h' })
    await things.set('fresh', 1, { ttl: '1h' })
    await clock.advance(299_999)
    expect(things.stats().size).toBe(4)
    await clock.advance(1)
    expect(things.stats().size).toBe(2)
    expect(things.explain('plain').missCause).toBe('expired')
    await clock.advance(300_000 * 13)
    expect(things.stats().size).toBe(0)
  })

  it('holds the event loop for a thousand entries at a time, over all namespaces', async () => {
    const { things, others, stash, clock } = open({ ttl: '1m', max: 5000 })
    for (let index = 0; index < 1500; index++) void things.set(index, 1)
    for (let index = 0; index < 1000; index++) void others.set(index, 1, { ttl: '1m' })
    const sizes: number[] = []
    const look = (): void => {
      sizes.push(stash.stats().totals.size)
      if (sizes.length < 5) clock.setTimer(look, 0)
    }
    clock.setTimer(look, 300_000)
    await clock.advance(300_000)
    expect(sizes).toEqual([1500, 500, 0, 0, 0])
    expect(clock.pendingTimers()).toBe(1)
  })

  it('removes what was invalidated, and tells the next miss why', async () => {
    const { things, clock } = open({ ttl: '1h' })
    await things.set('k', 1, { tags: ['t'] })
    await things.invalidateTags(['t'])
    expect(things.stats().size).toBe(1)
    await clock.advance(300_000)
    expect(things.stats().size).toBe(0)
    await things.getOrSet('k', () => 2)
    expect(things.stats().missCauses.invalidated).toBe(1)
  })
})

describe('windows given by a call', () => {
  const down = () => Promise.reject(new Error('down'))

  it('belong to the value the call loads or sets, and outlive the call', async () => {
    const { things, clock } = open({ ttl: '1m' })
    await things.getOrSet('loaded', () => 'old', { staleIfError: '1h' })
    await things.set('set', 'old', { staleWhileRevalidate: '1h' })
    await clock.advance(120_000)
    expect(await things.getOrSet('loaded', down)).toBe('old')
    expect(await things.getOrSet('set', () => 'new')).toBe('old')
  })

  it('ask nothing more of a value that was stored without them, and nothing less of one with them', async () => {
    const { things, clock } = open({ ttl: '1m', staleIfError: '10m' })
    await things.set('k', 'old')
    await clock.advance(120_000)
    expect(await things.getOrSet('k', down, { staleIfError: 0 })).toBe('old')
    await clock.advance(600_000)
    await expect(things.getOrSet('k', down, { staleIfError: '1h' })).rejects.toThrow('down')
  })
})
