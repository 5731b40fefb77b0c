import { describe, expect, it } from 'vitest'
import { namespace } from '../../../src/cache/presets.js'
import { createStash } from '../../../src/cache/stash.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { createLoads, never, open, unhandledDuring } from './fixture.js'

const MINUTE = 60_000
const down = (): Promise<never> => Promise.reject(new Error('down'))

describe('staleWhileRevalidate', () => {
  const options = { ttl: '1m', staleWhileRevalidate: '10m' } as const

  it('serves the old value at once, refreshes behind once, and serves the new one then', async () => {
    const { things, clock } = open(options)
    await things.set('k', 'old')
    await clock.advance(MINUTE)
    const loads = createLoads()
    const reads = Array.from({ length: 10 }, () => things.getOrSet('k', loads.loader))
    expect(await Promise.all(reads)).toEqual(Array(10).fill('old'))
    expect(loads.calls).toHaveLength(1)
    loads.call(0).resolve('new')
    await clock.settle()
    expect(await things.getOrSet('k', never)).toBe('new')
    expect(things.stats()).toMatchObject({ stale: 10, refreshes: 1, misses: 0 })
  })

  it('is over at its end: the caller waits for the load', async () => {
    const { things, clock } = open(options)
    await things.set('k', 'old')
    await clock.advance(11 * MINUTE)
    expect(await things.getOrSet('k', () => 'new')).toBe('new')
  })

  it('backs off when refreshing fails: one call a window, twice as long each time, a minute at most', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1d' })
    await things.set('k', 'old')
    await clock.advance(MINUTE)
    let calls = 0
    const failing = (): Promise<never> => {
      calls++
      return down()
    }
    const read = async (): Promise<number> => {
      expect(await things.getOrSet('k', failing)).toBe('old')
      await clock.settle()
      return calls
    }
    expect(await read()).toBe(1)
    for (const [window, index] of [1, 2, 4, 8, 16, 32, 60, 60].map((seconds, at) => [seconds * 1000, at] as const)) {
      await clock.advance(window - 1)
      expect(await read()).toBe(index + 1)
      await clock.advance(1)
      expect(await read()).toBe(index + 2)
    }
  })

  it('leaves a failed refresh unheard: no unhandled rejection, and what waitUntil was given does not reject', async () => {
    const clock = createFakeClock()
    const waited: Promise<unknown>[] = []
    const stash = createStash({
      clock,
      waitUntil: (work) => waited.push(work),
      namespaces: { things: namespace<string, string>({ ...options, jitter: 0 }) },
    })
    await stash.things.set('k', 'old')
    await clock.advance(MINUTE)
    const unhandled = await unhandledDuring(async () => {
      await stash.things.getOrSet('k', down)
    })
    expect(unhandled).toEqual([])
    expect(waited).toHaveLength(1)
    await expect(Promise.all(waited)).resolves.toBeDefined()
  })

  it('is not disturbed by a waitUntil that throws', async () => {
    const clock = createFakeClock()
    const stash = createStash({
      clock,
      waitUntil: () => {
        throw new Error('outside of a request')
      },
      namespaces: { things: namespace<string, string>({ ...options, jitter: 0 }) },
    })
    await stash.things.set('k', 'old')
    await clock.advance(MINUTE)
    expect(await stash.things.getOrSet('k', () => 'new')).toBe('old')
    expect(await stash.things.getOrSet('k', never)).toBe('new')
  })

  it('refreshes once more after a refresh that hung until hardTimeout', async () => {
    const { things, clock } = open({ ...options, staleWhileRevalidate: '1d', hardTimeout: '30s' })
    await things.set('k', 'old')
    await clock.advance(MINUTE)
    const loads = createLoads()
    await things.getOrSet('k', loads.loader)
    await clock.advance(31_000)
    await things.getOrSet('k', loads.loader)
    expect(loads.calls).toHaveLength(2)
    expect(loads.call(0).context.signal.aborted).toBe(true)
  })

  it('shows the loader the value it replaces', async () => {
    const { things, clock } = open(options)
    const seen: unknown[] = []
    const loader = (context: { stale: unknown }): string => {
      seen.push(context.stale)
      return `value ${seen.length}`
    }
    await things.getOrSet('k', loader)
    await clock.advance(MINUTE)
    await things.getOrSet('k', loader)
    await clock.advance(12 * MINUTE)
    await things.getOrSet('k', loader)
    expect(seen).toEqual([undefined, 'value 1', undefined])
  })

  it('counts both windows from the end of the ttl, staleIfError behind it', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1m', staleIfError: '3m' })
    await things.set('k', 'old')
    await clock.advance(2 * MINUTE)
    expect(things.explain('k').next).toBe('load, stale if it fails')
    expect(await things.getOrSet('k', down)).toBe('old')
    await clock.advance(2 * MINUTE)
    await expect(things.getOrSet('k', down)).rejects.toThrow('down')
  })
})

describe('staleIfError', () => {
  const options = { ttl: '1m', staleIfError: '1h' } as const

  it('serves the old value when the load fails, rejects or throws', async () => {
    const { things, clock } = open(options)
    await things.set('k', 'old')
    await clock.advance(MINUTE)
    expect(await things.getOrSet('k', down)).toBe('old')
    await clock.advance(2000)
    const throwing = (): never => {
      throw new Error('thrown')
    }
    expect(await things.getOrSet('k', throwing)).toBe('old')
  })

  it('leaves the source alone for a window after a failure, then asks it once', async () => {
    const { things, clock } = open(options)
    await things.set('k', 'old')
    await clock.advance(MINUTE)
    let calls = 0
    const failing = (): Promise<never> => {
      calls++
      return down()
    }
    const reads = Array.from({ length: 20 }, () => things.getOrSet('k', failing))
    expect(await Promise.all(reads)).toEqual(Array(20).fill('old'))
    for (let index = 0; index < 20; index++) expect(await things.getOrSet('k', failing)).toBe('old')
    expect(calls).toBe(1)
    await clock.advance(1000)
    expect(await things.getOrSet('k', failing)).toBe('old')
    expect(calls).toBe(2)
  })

  it('gives way to the first load that succeeds', async () => {
    const { things, clock } = open(options)
    await things.set('k', 'old')
    await clock.advance(MINUTE)
    await things.getOrSet('k', down)
    await clock.advance(1000)
    expect(await things.getOrSet('k', () => 'new')).toBe('new')
    expect(things.peek('k')).toBe('new')
  })

  it('ends with its window, also where the load began inside it', async () => {
    const { things, clock } = open(options)
    await things.set('k', 'old')
    await clock.advance(60 * MINUTE)
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    await clock.advance(MINUTE)
    loads.call(0).reject(new Error('down'))
    await expect(waiting).rejects.toThrow('down')
  })

  it('stands in when a load exceeds hardTimeout', async () => {
    const { things, clock } = open({ ...options, hardTimeout: '5s' })
    await things.set('k', 'old')
    await clock.advance(MINUTE)
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    await clock.advance(5000)
    expect(await waiting).toBe('old')
  })

  it('serves nothing after a delete', async () => {
    const { things, clock } = open(options)
    await things.set('k', 'old')
    await clock.advance(MINUTE)
    await things.delete('k')
    await expect(things.getOrSet('k', down)).rejects.toThrow('down')
  })

  it('is not asked for by a namespace without windows: the failure reaches the caller', async () => {
    const { things } = open({ tags: ['t'], refreshAhead: 0.5 })
    await things.set('k', 'kept')
    await expect(things.getOrSet('k', down, { forceFresh: true })).rejects.toThrow('down')
  })
})

describe('refreshAhead', () => {
  it('refreshes behind a hit from its share of the ttl on, once', async () => {
    const { things, clock } = open({ ttl: '10m', refreshAhead: 0.8 })
    await things.set('k', 'old')
    const loads = createLoads()
    await clock.advance(8 * MINUTE - 1)
    expect(await things.getOrSet('k', loads.loader)).toBe('old')
    expect(loads.calls).toHaveLength(0)
    await clock.advance(1)
    expect(await things.getOrSet('k', loads.loader)).toBe('old')
    expect(await things.getOrSet('k', loads.loader)).toBe('old')
    expect(loads.calls).toHaveLength(1)
    loads.call(0).resolve('new')
    await clock.settle()
    expect(await things.getOrSet('k', loads.loader)).toBe('new')
    expect(things.stats()).toMatchObject({ hits: 4, stale: 0, misses: 0 })
  })

  it('backs off when the refresh fails, and still serves the fresh value', async () => {
    const { things, clock } = open({ ttl: '10m', refreshAhead: 0.5 })
    await things.set('k', 'old')
    await clock.advance(5 * MINUTE)
    let calls = 0
    const failing = (): Promise<never> => {
      calls++
      return down()
    }
    for (let index = 0; index < 5; index++) {
      expect(await things.getOrSet('k', failing)).toBe('old')
      await clock.settle()
    }
    expect(calls).toBe(1)
    await clock.advance(1000)
    await things.getOrSet('k', failing)
    expect(calls).toBe(2)
  })

  it('lets a caller join the refresh when the value ends meanwhile', async () => {
    const { things, clock } = open({ ttl: '10m', refreshAhead: 0.5 })
    await things.set('k', 'old')
    await clock.advance(5 * MINUTE)
    const loads = createLoads()
    await things.getOrSet('k', loads.loader)
    await clock.advance(5 * MINUTE - 1)
    await clock.advance(1)
    const waiting = things.getOrSet('k', loads.loader)
    loads.calls[loads.calls.length - 1]?.resolve('new')
    expect(await waiting).toBe('new')
  })

  it('with a ttl of Infinity never refreshes', async () => {
    const { things, clock } = open({ ttl: Infinity, refreshAhead: 0.5 })
    await things.set('k', 'old')
    await clock.advance(86_400_000 * 100)
    expect(await things.getOrSet('k', never)).toBe('old')
  })
})

describe('earlyRefresh', () => {
  const refreshesBetween = async (loadMs: number, fromMs: number, toMs: number): Promise<number> => {
    let refreshed = 0
    for (let seed = 1; seed <= 30; seed++) {
      const clock = createFakeClock({ seed })
      const stash = createStash({
        clock,
        namespaces: { things: namespace<string, string>({ ttl: '10m', earlyRefresh: true, jitter: 0 }) },
      })
      const loads = createLoads()
      const loading = stash.things.getOrSet('k', loads.loader as never)
      await clock.advance(loadMs)
      loads.call(0).resolve('old')
      await loading
      await clock.advance(fromMs)
      for (let at = fromMs; at < toMs && loads.calls.length === 1; at += 10_000) {
        await stash.things.getOrSet('k', loads.loader as never)
        await clock.advance(10_000)
      }
      refreshed += loads.calls.length - 1
    }
    return refreshed
  }

  it('is likelier near the end and for slow loads, and never happens for quick ones in the middle', async () => {
    expect(await refreshesBetween(100, 0, 500_000)).toBe(0)
    const slow = await refreshesBetween(20_000, 500_000, 600_000)
    const quick = await refreshesBetween(1000, 500_000, 600_000)
    expect(slow).toBeGreaterThan(quick)
    expect(slow).toBeGreaterThan(15)
  })
})

describe('softTimeout', () => {
  const options = { ttl: '1m', staleIfError: '1h', softTimeout: '2s' } as const

  it('serves the stale value when the load is slow, and keeps what the load brings later', async () => {
    const { things, clock } = open(options)
    await things.set('k', 'old')
    await clock.advance(MINUTE)
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    await clock.advance(1999)
    let settled = false
    void waiting.then(() => {
      settled = true
    })
    await clock.settle()
    expect(settled).toBe(false)
    await clock.advance(1)
    expect(await waiting).toBe('old')
    loads.call(0).resolve('new')
    await clock.settle()
    expect(things.peek('k')).toBe('new')
    expect(clock.pendingTimers(true)).toBe(0)
  })

  it('serves the new value when the load is quick, and leaves no timer', async () => {
    const { things, clock } = open(options)
    await things.set('k', 'old')
    await clock.advance(MINUTE)
    expect(await things.getOrSet('k', () => 'new')).toBe('new')
    await clock.settle()
    expect(clock.pendingTimers(true)).toBe(0)
  })

  it('does not let a load that fails later disturb anybody', async () => {
    const { things, clock } = open(options)
    await things.set('k', 'old')
    await clock.advance(MINUTE)
    const unhandled = await unhandledDuring(async () => {
      const loads = createLoads()
      const waiting = things.getOrSet('k', loads.loader)
      await clock.advance(2000)
      expect(await waiting).toBe('old')
      loads.call(0).reject(new Error('down'))
      await clock.settle()
    })
    expect(unhandled).toEqual([])
  })

  it('keeps a load going whose only caller got the stale value and left', async () => {
    const { things, clock } = open(options)
    await things.set('k', 'old')
    await clock.advance(MINUTE)
    const loads = createLoads()
    const caller = new AbortController()
    const waiting = things.getOrSet('k', loads.loader, { signal: caller.signal })
    await clock.advance(2000)
    expect(await waiting).toBe('old')
    caller.abort()
    expect(loads.call(0).context.signal.aborted).toBe(false)
    loads.call(0).resolve('new')
    await clock.settle()
    expect(things.peek('k')).toBe('new')
  })

  it.each(['comes', 'fails'])(
    'counts each read that it answers as stale and nothing else, where the load %s later',
    async (how) => {
      const { things, clock } = open(options)
      await things.set('k', 'old')
      await clock.advance(MINUTE)
      const loads = createLoads()
      const reads = [things.getOrSet('k', loads.loader), things.getOrSet('k', loads.loader)]
      await clock.advance(2000)
      expect(await Promise.all(reads)).toEqual(['old', 'old'])
      if (how === 'comes') loads.call(0).resolve('new')
      else loads.call(0).reject(new Error('down'))
      await clock.settle()
      const stats = things.stats()
      expect(stats).toMatchObject({ hits: 0, stale: 2, misses: 0, coalesced: 0, loads: 1 })
      expect(stats.missCauses.expired).toBe(0)
      expect(stats.saved.calls).toBe(2)
    },
  )

  it('may be given by the call', async () => {
    const { things, clock } = open({ ttl: '1m', staleIfError: '1h' })
    await things.set('k', 'old')
    await clock.advance(MINUTE)
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader, { softTimeout: 500 })
    await clock.advance(500)
    expect(await waiting).toBe('old')
  })
})

describe('hardTimeout', () => {
  it('rejects the callers with ERR_LOAD_TIMEOUT, aborts the signal, and ignores what comes later', async () => {
    const { things, clock } = open({ hardTimeout: '5s' })
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    const { signal } = loads.call(0).context
    waiting.catch(() => undefined)
    await clock.advance(5000)
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_LOAD_TIMEOUT', retryable: true })
    expect(signal.aborted).toBe(true)
    loads.call(0).resolve('too late')
    await clock.settle()
    expect(things.peek('k')).toBeUndefined()
    expect(things.stats()).toMatchObject({ inFlight: 0, loadErrors: 1 })
  })

  it('shows an aborted signal also to a loader that asks for it only afterwards', async () => {
    const { things, clock } = open({ hardTimeout: '5s' })
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    waiting.catch(() => undefined)
    await clock.advance(5000)
    expect(loads.call(0).context.signal.aborted).toBe(true)
    expect(loads.call(0).context.signal.reason).toMatchObject({ code: 'ERR_LOAD_TIMEOUT' })
  })

  it('may be given by the call, and Infinity switches it off', async () => {
    const { things, clock } = open()
    const loads = createLoads()
    const short = things.getOrSet('short', loads.loader, { hardTimeout: '1s' })
    short.catch(() => undefined)
    const long = things.getOrSet('long', loads.loader, { hardTimeout: Infinity })
    await clock.advance(600_000)
    await expect(short).rejects.toMatchObject({ code: 'ERR_LOAD_TIMEOUT' })
    loads.call(1).resolve('at last')
    expect(await long).toBe('at last')
  })

  it('is five minutes by default, ten where processes share a load', async () => {
    for (const [coalesce, ms] of [
      ['process', 300_000],
      ['cluster', 600_000],
    ] as const) {
      const { things, clock } = open({ coalesce })
      const waiting = things.getOrSet('k', createLoads().loader)
      waiting.catch(() => undefined)
      await clock.advance(ms - 1)
      expect(things.stats().inFlight).toBe(1)
      await clock.advance(1)
      expect(things.stats().inFlight).toBe(0)
    }
  })
})

describe('a sliding lifetime', () => {
  it('ends at maxTtl from when the value was stored, however often it is read', async () => {
    const { things, clock } = open({ ttl: '1m', maxTtl: '3m', sliding: true, jitter: 0 })
    await things.getOrSet('k', () => 'first')
    for (let second = 0; second < 170; second += 30) {
      await clock.advance(30_000)
      if (second < 150) expect(await things.getOrSet('k', () => 'later')).toBe('first')
    }
    await clock.advance(5_000)
    expect(await things.getOrSet('k', () => 'later')).toBe('later')
  })
})
