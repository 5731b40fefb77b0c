import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, test } from 'vitest'
import { CACHE_CHANNEL } from '../../../src/cache/outcome.js'
import { createLoads, never, open, type Things } from './fixture.js'

/** A load that a crowd waits for already: its key is one that the next caller would join without a look-up. */
function crowd(options: Parameters<typeof open>[0] = {}) {
  const opened = open(options)
  const loads = createLoads()
  const early = [1, 2, 3].map(() => opened.things.getOrSet('k', loads.loader))
  return { ...opened, loads, early }
}

describe('after a crowd has gathered for a cold key', () => {
  test.each<[string, (things: Things) => Promise<unknown>]>([
    ['set', (things) => things.set('k', 'set')],
    ['written through', (things) => things.writeThrough('k', 'set', async () => 'set')],
  ])('who comes when the key was %s gets that at once', async (_how, write) => {
    const { things, loads, early, clock } = crowd()
    await write(things)
    expect(await things.getOrSet('k', never)).toBe('set')
    loads.call(0).resolve('loaded')
    await clock.settle()
    expect(await Promise.all(early)).toEqual(['loaded', 'loaded', 'loaded'])
    expect(things.peek('k')).toBe('set')
  })

  test.each<[string, (opened: ReturnType<typeof open>) => Promise<unknown>]>([
    ['the key was deleted', ({ things }) => things.delete('k')],
    ['the namespace was cleared', ({ things }) => things.clear()],
    ['the stash was closed', ({ stash }) => stash.close()],
  ])('who comes when %s has it loaded anew', async (_how, remove) => {
    const { things, loads, ...opened } = crowd()
    await remove({ things, ...opened })
    const late = [things.getOrSet('k', loads.loader), things.getOrSet('k', loads.loader)]
    expect(loads.calls).toHaveLength(2)
    loads.call(1).resolve('new')
    expect(await Promise.all(late)).toEqual(['new', 'new'])
    loads.call(0).resolve('old')
  })

  test('who comes after a forced load joins that one', async () => {
    const { things, loads } = crowd()
    const forced = things.getOrSet('k', loads.loader, { forceFresh: true })
    const late = [things.getOrSet('k', never), things.getOrSet('k', never)]
    loads.call(1).resolve('new')
    expect(await Promise.all([forced, ...late])).toEqual(['new', 'new', 'new'])
    loads.call(0).resolve('old')
  })

  test('who comes when it is over gets what is in memory, or begins another load', async () => {
    const { things, loads, early } = crowd()
    loads.call(0).resolve('loaded')
    await Promise.all(early)
    expect(await things.getOrSet('k', never)).toBe('loaded')
    await things.delete('k')
    const again = things.getOrSet('k', loads.loader)
    loads.call(1).reject(new Error('down'))
    await expect(again).rejects.toThrow('down')
    expect(loads.calls).toHaveLength(2)
  })

  test('callers of another key and callers with options are not of it', async () => {
    const { things, loads } = crowd()
    const other = things.getOrSet('other', loads.loader)
    await expect(things.getOrSet('k', never, { signal: AbortSignal.abort(new Error('left')) })).rejects.toThrow('left')
    loads.call(1).resolve('of another key')
    expect(await other).toBe('of another key')
    loads.call(0).resolve('loaded')
  })

  test('each gets a copy of its own of what cannot be frozen', async () => {
    const { loads, early } = crowd()
    loads.call(0).resolve(new Map([['a', 1]]))
    const values = (await Promise.all(early)) as Map<string, number>[]
    values[0]?.set('a', 2)
    expect(values.slice(1).map((value) => value.get('a'))).toEqual([1, 1])
    expect(new Set(values).size).toBe(3)
  })

  test('who listens to the events hears of callers who join from then on', async () => {
    const { things, loads, early } = crowd()
    const heard: unknown[] = []
    const listener = (message: unknown): void => void heard.push((message as { status: string }).status)
    subscribe(CACHE_CHANNEL, listener)
    const late = things.getOrSet('k', never)
    loads.call(0).resolve('loaded')
    await Promise.all([...early, late])
    unsubscribe(CACHE_CHANNEL, listener)
    expect(heard).toEqual(['coalesced'])
    expect(things.stats()).toMatchObject({ misses: 1, coalesced: 3, loads: 1 })
  })
})
