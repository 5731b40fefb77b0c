import { describe, expect, it, vi } from 'vitest'
import { warmOnStart } from '../../../src/cache/warm-on-start.js'
import { createLoads, never, open } from './fixture.js'

describe('warm', () => {
  it('loads what is not there, most important first, and sums up', async () => {
    const { things } = open()
    await things.set('there', 1)
    const order: string[] = []
    const load = (key: string) => (): string => {
      order.push(key)
      return key
    }
    const summary = await things.warm(
      [
        { key: 'last', load: load('last'), priority: -1 },
        { key: 'there', load: never },
        { key: 'middle', load: load('middle') },
        { key: 'first', load: load('first'), priority: 5 },
      ],
      { concurrency: 1 },
    )
    expect(order).toEqual(['first', 'middle', 'last'])
    expect(summary).toMatchObject({ total: 4, done: 4, failed: 0, loaded: 3, skipped: 0, errors: [] })
    expect(things.peek('last')).toBe('last')
  })

  it('runs as many loads at once as it may, and no more', async () => {
    const { things, clock } = open()
    const loads = createLoads()
    const items = Array.from({ length: 5 }, (_, key) => ({ key, load: loads.loader }))
    const warming = things.warm(items, { concurrency: 2 })
    await vi.waitFor(() => expect(loads.calls).toHaveLength(2), 20_000)
    for (let index = 0; index < 5; index++) {
      loads.call(index).resolve(index)
      await clock.settle()
    }
    expect(await warming).toMatchObject({ done: 5 })
  })

  it('goes on after failures, reports them and how far it is', async () => {
    const { things } = open()
    const progress: unknown[] = []
    const summary = await things.warm(
      [
        { key: 'a', load: () => Promise.reject(new Error('down')) },
        { key: 'b', load: () => 1 },
      ],
      { concurrency: 1, onProgress: (now) => progress.push(now) },
    )
    expect(summary).toMatchObject({ done: 1, failed: 1, errors: [{ message: 'down' }] })
    expect(progress).toEqual([
      { total: 2, done: 0, failed: 1 },
      { total: 2, done: 1, failed: 1 },
    ])
  })

  it('warms no less where its progress cannot be told', async () => {
    const { things } = open()
    const throws = (): never => {
      throw new Error('no bar')
    }
    // A rejection that nobody handles would fail this run of the tests.
    for (const onProgress of [throws, async () => throws()])
      expect(await things.warm([{ key: 'a', load: () => 1 }], { onProgress })).toMatchObject({ done: 1, failed: 0 })
  })

  it('stops starting loads when its signal aborts', async () => {
    const { things } = open()
    const loads = createLoads()
    const caller = new AbortController()
    const items = Array.from({ length: 4 }, (_, key) => ({ key, load: loads.loader }))
    const warming = things.warm(items, { concurrency: 1, signal: caller.signal })
    await vi.waitFor(() => expect(loads.calls).toHaveLength(1), 20_000)
    caller.abort()
    loads.call(0).resolve(1)
    expect(await warming).toMatchObject({ done: 1, loaded: 1, skipped: 3 })
  })

  it('measures how long it took', async () => {
    const { things, clock } = open()
    const loads = createLoads()
    const warming = things.warm([{ key: 'k', load: loads.loader }])
    await vi.waitFor(() => expect(loads.calls).toHaveLength(1), 20_000)
    await clock.advance(1500)
    loads.call(0).resolve(1)
    expect(await warming).toMatchObject({ durationMs: 1500 })
  })

  it.each([[0], [-1], [1.5], [Number.NaN]])('refuses a concurrency of %d', async (concurrency) => {
    const { things } = open()
    await expect(things.warm([], { concurrency })).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
  })

  it('refuses an option it does not know', async () => {
    const { things } = open()
    await expect(things.warm([], { concurency: 2 } as never)).rejects.toThrow('`concurrency`')
  })

  it.each([
    [5, /`items` .* for namespace 'things'/],
    [[null], /`items\[0\]` .* for namespace 'things'/],
    [[{ key: 1, load: () => 1 }, { key: 2 }], /`items\[1\]\.load` .* for namespace 'things'/],
  ])('names the namespace of items that are none (%#)', async (items, message) => {
    const { things } = open()
    await expect(things.warm(items as never)).rejects.toThrow(message)
  })

  it.each([
    ['refresh', { refresh: 'yes' }],
    ['concurrency', { concurrency: 0 }],
    ['onProgress', { onProgress: 5 }],
  ])('refuses %s of another kind, on start too, before anything is loaded', async (option, options) => {
    const { things } = open()
    const items = [{ key: 'k', load: never }]
    await expect(things.warm(items, options as never)).rejects.toThrow(`\`${option}\``)
    expect(() => warmOnStart(things, items, options as never)).toThrow(`\`${option}\``)
  })

  it.each([['high'], [Number.NaN]])('refuses a priority of %j, by which nothing can be ordered', async (priority) => {
    const { things } = open()
    const items = [{ key: 'k', load: never, priority: priority as number }]
    await expect(things.warm(items)).rejects.toThrow(/`items\[0\]\.priority` .* for namespace 'things'/)
  })

  it('of nothing is over at once', async () => {
    const { things } = open()
    expect(await things.warm([])).toMatchObject({ total: 0, done: 0 })
  })
})
