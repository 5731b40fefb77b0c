import { describe, expect, it } from 'vitest'
import { createLoads, never, open } from './fixture.js'

const tagsOf = (value: unknown): readonly string[] => (value as { tags?: readonly string[] }).tags ?? []
const tagged = (name: string) => ({ name, tags: ['t'] })

describe('a caller that joins a load after an invalidation', () => {
  it('does not get the old value, however late the tags are known, and costs one load more at most', async () => {
    const { things, clock } = open({ tags: tagsOf })
    const loads = createLoads()
    const early = things.getOrSet('k', loads.loader)
    await things.invalidateTags(['t'])
    const late = Array.from({ length: 20 }, () => things.getOrSet('k', loads.loader))
    loads.call(0).resolve(tagged('old'))
    await clock.settle()
    expect(loads.calls).toHaveLength(2)
    loads.call(1).resolve(tagged('new'))
    expect(await early).toMatchObject({ name: 'old' })
    for (const value of await Promise.all(late)) expect(value).toMatchObject({ name: 'new' })
    expect(things.peek('k')).toMatchObject({ name: 'new' })
  })

  it('does not get the old value in a crowd either, whose other callers were there before', async () => {
    const { things, clock } = open({ tags: (value) => [value as string] })
    const loads = createLoads()
    const crowd = [1, 2, 3].map(() => things.getOrSet('k', loads.loader))
    await things.invalidateTags(['old'])
    const late = things.getOrSet('k', loads.loader)
    loads.call(0).resolve('old')
    await clock.settle()
    loads.calls[1]?.resolve('new')
    expect(await Promise.all(crowd)).toEqual(['old', 'old', 'old'])
    expect(await late).toBe('new')
  })

  it('costs one load more at most where the loader is synchronous', async () => {
    const { things, clock } = open({ tags: tagsOf })
    const loads = createLoads()
    let extra = 0
    const early = things.getOrSet('k', loads.loader)
    await things.invalidateTags(['t'])
    const late = Array.from({ length: 20 }, () =>
      things.getOrSet('k', () => {
        extra++
        return tagged('new')
      }),
    )
    loads.call(0).resolve(tagged('old'))
    await clock.settle()
    expect(await early).toMatchObject({ name: 'old' })
    for (const value of await Promise.all(late)) expect(value).toMatchObject({ name: 'new' })
    expect(extra).toBe(1)
  })

  it('gets the value of the load it joined when nothing concerned it, at no further call', async () => {
    const { things, clock } = open({ tags: tagsOf })
    const loads = createLoads()
    const early = things.getOrSet('k', loads.loader)
    await things.invalidateTags(['another'])
    const late = things.getOrSet('k', never)
    loads.call(0).resolve(tagged('value'))
    await clock.settle()
    expect(await Promise.all([early, late])).toEqual([tagged('value'), tagged('value')])
  })

  it('takes a value that was set meanwhile', async () => {
    const { things, clock } = open({ tags: tagsOf })
    const loads = createLoads()
    const early = things.getOrSet('k', loads.loader)
    await things.invalidateTags(['t'])
    const late = things.getOrSet('k', never)
    await things.set('k', tagged('set'))
    loads.call(0).resolve(tagged('old'))
    await clock.settle()
    expect(await early).toMatchObject({ name: 'old' })
    expect(await late).toMatchObject({ name: 'set' })
  })

  it('rejects with the load it joined, and does not try a failing source twice', async () => {
    const { things } = open({ tags: tagsOf })
    const loads = createLoads()
    const early = things.getOrSet('k', loads.loader)
    await things.invalidateTags(['t'])
    const late = things.getOrSet('k', loads.loader)
    loads.call(0).reject(new Error('down'))
    await expect(early).rejects.toThrow('down')
    await expect(late).rejects.toThrow('down')
    expect(loads.calls).toHaveLength(1)
  })

  it('gets the stale value that stands in for a failed load after a soft invalidation, at no further call', async () => {
    const { things, clock } = open({ tags: ['t'], ttl: '1m', staleIfError: '1d' })
    await things.set('k', 'old')
    await things.invalidateTags(['t'], { mode: 'expire' })
    const loads = createLoads()
    const early = things.getOrSet('k', loads.loader)
    await things.invalidateTags(['t'], { mode: 'expire' })
    const late = things.getOrSet('k', loads.loader)
    loads.call(0).reject(new Error('down'))
    await clock.settle()
    expect(await Promise.all([early, late])).toEqual(['old', 'old'])
    expect(loads.calls).toHaveLength(1)
  })

  it('obeys onlyIfCached: it does not load when the joined value is dead', async () => {
    const { things, clock } = open({ tags: tagsOf })
    const loads = createLoads()
    const early = things.getOrSet('k', loads.loader)
    await things.invalidateTags(['t'])
    const late = things.getOrSet('k', never, { onlyIfCached: true })
    late.catch(() => undefined)
    loads.call(0).resolve(tagged('old'))
    await clock.settle()
    await early
    await expect(late).rejects.toMatchObject({ code: 'ERR_NOT_CACHED' })
  })

  it('may leave while it waits for its second load', async () => {
    const { things, clock } = open({ tags: tagsOf })
    const loads = createLoads()
    const leaver = new AbortController()
    const early = things.getOrSet('k', loads.loader)
    await things.invalidateTags(['t'])
    const late = things.getOrSet('k', loads.loader, { signal: leaver.signal })
    loads.call(0).resolve(tagged('old'))
    await clock.settle()
    const { signal } = loads.call(1).context
    leaver.abort(new Error('left'))
    await expect(late).rejects.toThrow('left')
    expect(signal.aborted).toBe(true)
    await early
    expect(things.stats().inFlight).toBe(0)
  })

  it('gets a copy of its own of a value that cannot be frozen', async () => {
    const { things, clock } = open({ tags: () => ['t'] })
    const loads = createLoads()
    const early = things.getOrSet('k', loads.loader)
    await things.invalidateTags(['t'])
    const late = [things.getOrSet('k', loads.loader), things.getOrSet('k', loads.loader)]
    loads.call(0).resolve(new Map([['v', 1]]))
    await clock.settle()
    loads.call(1).resolve(new Map([['v', 2]]))
    await early
    const [a, b] = (await Promise.all(late)) as [Map<string, number>, Map<string, number>]
    a.set('v', 99)
    expect(b.get('v')).toBe(2)
    expect(await things.get('k')).toEqual(new Map([['v', 2]]))
  })
})

describe('tags that are invalidated while many loads run', () => {
  it('are forgotten beyond ten thousand, on the safe side: a load that began before is not kept', async () => {
    const { things } = open({ tags: tagsOf })
    const loads = createLoads()
    const waiting = things.getOrSet('k', loads.loader)
    await things.invalidateTags(['t'])
    for (let index = 0; index < 10_050; index++) await things.invalidateTags([`tag ${index}`])
    loads.call(0).resolve(tagged('old'))
    await waiting
    expect(things.peek('k')).toBeUndefined()
    await things.getOrSet('k', () => tagged('new'))
    expect(things.peek('k')).toMatchObject({ name: 'new' })
  })

  it('are not remembered at all while nothing is loading and nobody carries them', async () => {
    const { things } = open({ tags: tagsOf })
    for (let index = 0; index < 100; index++) await things.invalidateTags([`tag ${index}`])
    await things.getOrSet('k', () => tagged('value'))
    expect(things.peek('k')).toMatchObject({ name: 'value' })
  })
})
