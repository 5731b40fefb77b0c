import { describe, expect, it } from 'vitest'
import { createDeduper } from '../../../src/cache/deduper.js'
import { Flight } from '../../../src/resilience/single-flight.js'
import { abortListeners, createLoads, never, open, unhandledDuring } from './fixture.js'

describe('a caller with a signal', () => {
  it('leaves at once with its reason, and the load goes on for the others', async () => {
    const { things } = open()
    const loads = createLoads()
    const leaver = new AbortController()
    const left = things.getOrSet('k', loads.loader, { signal: leaver.signal })
    const stayed = things.getOrSet('k', loads.loader)
    const { signal } = loads.call(0).context
    leaver.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    expect(signal.aborted).toBe(false)
    loads.call(0).resolve('value')
    expect(await stayed).toBe('value')
    expect(things.peek('k')).toBe('value')
  })

  it('ends the load when it is the last one, and nothing of the load is kept', async () => {
    const { things, clock } = open()
    const loads = createLoads()
    const callers = [new AbortController(), new AbortController()]
    const waiting = callers.map(({ signal }) => things.getOrSet('k', loads.loader, { signal }))
    const { signal } = loads.call(0).context
    callers[0]?.abort(new Error('first'))
    expect(signal.aborted).toBe(false)
    callers[1]?.abort(new Error('last'))
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toMatchObject({ message: 'last' })
    expect((await Promise.allSettled(waiting)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    loads.call(0).resolve('too late')
    await clock.settle()
    expect(things.peek('k')).toBeUndefined()
    expect(things.stats().inFlight).toBe(0)
    expect(clock.pendingTimers(true)).toBe(0)
  })

  it('shows an aborted signal also to a loader that asks for it after everybody left', async () => {
    const { things } = open()
    const loads = createLoads()
    const caller = new AbortController()
    const waiting = things.getOrSet('k', loads.loader, { signal: caller.signal })
    caller.abort(new Error('left'))
    await expect(waiting).rejects.toThrow('left')
    expect(loads.call(0).context.signal.aborted).toBe(true)
    expect(loads.call(0).context.signal.reason).toMatchObject({ message: 'left' })
  })

  it.each(['leaves first', 'arrives first'])(
    'and a value that comes in the same turn leave a clean state: %s',
    async (order) => {
      const { things, clock } = open()
      const loads = createLoads()
      const caller = new AbortController()
      const waiting = things.getOrSet('k', loads.loader, { signal: caller.signal })
      if (order === 'arrives first') loads.call(0).resolve('value')
      caller.abort(new Error('left'))
      if (order === 'leaves first') loads.call(0).resolve('value')
      await expect(waiting).rejects.toThrow('left')
      await clock.settle()
      expect(things.stats().inFlight).toBe(0)
      expect(things.peek('k')).toBeUndefined()
      const next = things.getOrSet('k', loads.loader)
      loads.call(1).resolve('next')
      expect(await next).toBe('next')
    },
  )

  it('gets the value where it aborts after the value arrived', async () => {
    const { things } = open()
    const loads = createLoads()
    const caller = new AbortController()
    const waiting = things.getOrSet('k', loads.loader, { signal: caller.signal })
    loads.call(0).resolve('value')
    expect(await waiting).toBe('value')
    caller.abort()
    expect(things.peek('k')).toBe('value')
  })

  it('that has aborted already starts nothing', async () => {
    const { things } = open()
    const signal = AbortSignal.abort(new Error('before'))
    await expect(things.getOrSet('k', never, { signal })).rejects.toThrow('before')
    await things.set('k', 1)
    await expect(things.getOrSet('k', never, { signal })).rejects.toThrow('before')
    expect(things.stats()).toMatchObject({ loads: 0, inFlight: 0 })
  })

  it('does not end a load that a caller without a signal started or joined', async () => {
    for (const order of ['before', 'behind']) {
      const { things } = open()
      const loads = createLoads()
      const caller = new AbortController()
      const plain = order === 'before' ? things.getOrSet('k', loads.loader) : undefined
      const leaving = things.getOrSet('k', loads.loader, { signal: caller.signal })
      const joined = plain ?? things.getOrSet('k', loads.loader)
      caller.abort(new Error('left'))
      await expect(leaving).rejects.toThrow('left')
      loads.call(0).resolve('value')
      expect(await joined).toBe('value')
    }
  })

  it('does not end a refresh behind its stale answer', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1h' })
    await things.set('k', 'old')
    await clock.advance(60_000)
    const loads = createLoads()
    const caller = new AbortController()
    expect(await things.getOrSet('k', loads.loader, { signal: caller.signal })).toBe('old')
    caller.abort()
    expect(loads.call(0).context.signal.aborted).toBe(false)
    loads.call(0).resolve('new')
    await clock.settle()
    expect(things.peek('k')).toBe('new')
  })

  it('does not end a refresh it joined and left', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1m' })
    await things.set('k', 'old')
    await clock.advance(60_000)
    const loads = createLoads()
    await things.getOrSet('k', loads.loader)
    await clock.advance(60_000)
    const caller = new AbortController()
    const joined = things.getOrSet('k', loads.loader, { signal: caller.signal })
    caller.abort(new Error('left'))
    await expect(joined).rejects.toThrow('left')
    loads.call(0).resolve('new')
    await clock.settle()
    expect(things.peek('k')).toBe('new')
  })

  it('makes a new load after the one it abandoned, though that one has not noticed yet', async () => {
    const { things } = open()
    const loads = createLoads()
    const caller = new AbortController()
    const left = things.getOrSet('k', loads.loader, { signal: caller.signal })
    caller.abort(new Error('left'))
    const next = things.getOrSet('k', loads.loader)
    loads.call(0).resolve('of the abandoned load')
    loads.call(1).resolve('value')
    await expect(left).rejects.toThrow('left')
    expect(await next).toBe('value')
    expect(things.peek('k')).toBe('value')
  })
})

describe('one long-lived signal', () => {
  const rounds = 100_000

  it(`keeps no listener after ${rounds} calls: hits, misses, joins and bypasses`, async () => {
    const { things, clock } = open({ ttl: '1m' })
    const { signal } = new AbortController()
    await things.set('hit', 1)
    for (let index = 0; index < rounds; index += 4) {
      const calls = [
        things.getOrSet('hit', never, { signal }),
        things.getOrSet(index, () => index, { signal }),
        things.getOrSet(index + 1, async () => index, { signal }),
        things.getOrSet(index + 1, never, { signal }),
      ]
      await Promise.all(calls)
    }
    await things.getOrSet(
      () => 1,
      () => 1,
      { signal },
    )
    await things.getOrSet('fails', () => Promise.reject(new Error('down')), { signal }).catch(() => undefined)
    await clock.settle()
    expect(abortListeners(signal)).toBe(0)
  }, 30_000)

  it('holds a listener only while a load is under way', async () => {
    const { things, clock } = open()
    const { signal } = new AbortController()
    const loads = createLoads()
    const waiting = [things.getOrSet('k', loads.loader, { signal }), things.getOrSet('k', loads.loader, { signal })]
    expect(abortListeners(signal)).toBe(1)
    loads.call(0).resolve(1)
    await Promise.all(waiting)
    await clock.settle()
    expect(abortListeners(signal)).toBe(0)
  })

  it('keeps no listener in batches and deduplicated calls', async () => {
    const { things, clock } = open()
    const { signal } = new AbortController()
    const dedupe = createDeduper()
    for (let index = 0; index < 1000; index++) {
      await things.getOrSetMany([index, index + 1], (keys) => keys, { aligned: true, signal })
      await dedupe('k', () => 1, { signal })
    }
    await clock.settle()
    expect(abortListeners(signal)).toBe(0)
  })
})

describe('Flight', () => {
  it('tells once that it was abandoned, and only if it was', async () => {
    let abandoned = 0
    const flight = new Flight<number>(() => abandoned++)
    const [a, b] = [new AbortController(), new AbortController()]
    const joined = [flight.join(a.signal), flight.join(b.signal)]
    a.abort(new Error('a'))
    expect(abandoned).toBe(0)
    b.abort(new Error('b'))
    expect(abandoned).toBe(1)
    expect(flight.settled).toBe(true)
    for (const promise of joined) await expect(promise).rejects.toBeDefined()

    const pinned = new Flight<number>(() => abandoned++)
    const c = new AbortController()
    const leaving = pinned.join(c.signal)
    pinned.pin()
    c.abort(new Error('c'))
    await expect(leaving).rejects.toThrow('c')
    expect(abandoned).toBe(1)
    expect(pinned.settled).toBe(false)
  })

  it('is never an unhandled rejection', async () => {
    const unhandled = await unhandledDuring(async () => {
      const flight = new Flight<number>()
      flight.reject(new Error('nobody listens'))
      const other = new Flight<number>()
      const caller = new AbortController()
      other.join(caller.signal).catch(() => undefined)
      caller.abort()
    })
    expect(unhandled).toEqual([])
  })

  it('takes no part in a signal that aborted before', async () => {
    const flight = new Flight<number>()
    await expect(flight.join(AbortSignal.abort(new Error('before')))).rejects.toThrow('before')
    expect(flight.settled).toBe(false)
  })
})
