import { describe, expect, it } from 'vitest'
import { CACHE_CHANNEL } from '../../../src/cache/outcome.js'
import { subscribeTo } from '../../../src/runtime/channels.js'
import { never, open } from './fixture.js'

const load = (value: unknown) => async (): Promise<unknown> => value
const down = async (): Promise<never> => {
  throw new Error('down')
}

describe('records', () => {
  it('live under a key part of their own, beside direct use and other records', async () => {
    const { things } = open()
    const [a, b] = [things.records<string>('a'), things.records<string>('b')]
    await things.set('k', 'direct')
    expect(await a.load('k', async () => 'of a')).toEqual({ value: 'of a', status: 'miss', ageMs: 0 })
    expect(await b.load('k', async () => 'of b')).toMatchObject({ value: 'of b', status: 'miss' })
    expect(await a.load('k', never)).toMatchObject({ value: 'of a', status: 'hit' })
    expect(things.peek('k')).toBe('direct')
    expect(things.stats().size).toBe(3)
  })

  it('go with clear, tags and size of their namespace', async () => {
    const { things } = open({ max: 2 })
    const records = things.records('a')
    await records.load('k', load(1), { tags: ['t'] })
    await things.invalidateTags(['t'])
    expect(await records.load('k', load(2))).toMatchObject({ value: 2, status: 'miss' })
    await things.clear()
    expect(await records.load('k', load(3))).toMatchObject({ status: 'miss' })
    for (let index = 0; index < 5; index++) await records.load(index, load(index))
    expect(things.stats().size).toBe(2)
  })

  it('carry the fixed tags of their namespace, but none that a function makes of its own values', async () => {
    const fixed = open({ tags: ['feed'] }).things
    await fixed.records('a').load('k', load(1))
    await fixed.invalidateTags(['feed'])
    expect(await fixed.records('a').load('k', load(2))).toMatchObject({ value: 2 })
    const made = open({ tags: (value) => [(value as { id: string }).id.toUpperCase()], cacheable: () => false }).things
    await made.records('a').load('k', load('another type'))
    expect(await made.records('a').load('k', never)).toMatchObject({ value: 'another type', status: 'hit' })
  })

  it('share one call, and tell who joined', async () => {
    const { things } = open()
    const records = things.records('a')
    let calls = 0
    const slow = async (): Promise<number> => {
      await Promise.resolve()
      return ++calls
    }
    const results = await Promise.all([records.load('k', slow), records.load('k', slow)])
    expect(results.map(({ status }) => status)).toEqual(['miss', 'coalesced'])
    expect(calls).toBe(1)
  })

  it('that are not cacheable leave no trace, whatever ttl was asked for', async () => {
    const { things } = open()
    const records = things.records<string>('a')
    for (const options of [{}, { ttl: '1h' as const }, { keepStaleFor: '1h' as const }]) {
      const outcome = await records.load('k', async () => 'degraded', { ...options, cacheable: () => false })
      expect(outcome).toMatchObject({ value: 'degraded' })
      expect(await records.stale('k', 1e9)).toBeUndefined()
    }
    expect(things.stats().size).toBe(0)
    expect(things.stats().refused).toMatchObject({ uncacheable: 3, ttl: 0 })
  })

  it('reach their caller, and are not kept, where `cacheable` throws or answers later', async () => {
    const { things } = open()
    const records = things.records<string>('a')
    const throws = (): never => {
      throw new Error('cacheable')
    }
    for (const cacheable of [throws, async () => true, async () => throws()] as unknown as (() => boolean)[]) {
      expect(await records.load('k', async () => 'answer', { cacheable })).toMatchObject({ value: 'answer' })
    }
    expect(things.stats().refused).toMatchObject({ 'policy-error': 3, ttl: 0 })
  })

  it('keep their old value for `stale`, and a failed load still reaches its caller', async () => {
    const { things, clock } = open({ ttl: '1m' })
    const records = things.records('a')
    await records.load('k', load('old'), { keepStaleFor: '1h' })
    await clock.advance(120_000)
    await expect(records.load('k', down, { keepStaleFor: '1h' })).rejects.toThrow('down')
    expect(await records.stale('k', 60_000)).toMatchObject({ value: 'old', status: 'stale', ageMs: 120_000 })
    expect(await records.stale('k', 59_999)).toBeUndefined()
    expect(await records.load('k', load('new'))).toMatchObject({ value: 'new' })
  })

  it('give nothing stale that was deleted by tag or clear', async () => {
    const { things, clock } = open({ ttl: '1m' })
    const records = things.records('a')
    for (const hard of [() => things.invalidateTags(['t']), () => things.clear()]) {
      await records.load('k', load('old'), { keepStaleFor: '1h', tags: ['t'] })
      await clock.advance(120_000)
      await hard()
      expect(await records.stale('k', 1e9)).toBeUndefined()
    }
  })

  it('back off after a failed refresh behind', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1h' })
    const records = things.records('a')
    await records.load('k', load('old'))
    await clock.advance(60_000)
    let calls = 0
    for (let index = 0; index < 5; index++) {
      const outcome = await records.load('k', () => {
        calls++
        return down()
      })
      expect(outcome).toMatchObject({ value: 'old', status: 'stale' })
      await clock.settle()
    }
    expect(calls).toBe(1)
  })

  it('bypass on a key without a canonical form, and have nothing stale there', async () => {
    const { things } = open()
    const records = things.records('a')
    expect(await records.load(() => 1, load('value'))).toEqual({ value: 'value', status: 'bypass', ageMs: 0 })
    expect(await records.stale(() => 1, 1e9)).toBeUndefined()
  })

  it('stay apart by scope', async () => {
    const { things } = open()
    const records = things.records('a')
    await records.load('k', load('of a'), { scope: 'a' })
    expect(await records.load('k', load('of b'), { scope: 'b' })).toMatchObject({ value: 'of b', status: 'miss' })
    expect(await records.stale('k', 0, { scope: 'a' })).toMatchObject({ value: 'of a', status: 'hit' })
  })

  it('let an expired record stand in for a failed load where that is asked for', async () => {
    const { things, clock } = open({ ttl: '1m' })
    const records = things.records('a')
    await records.load('k', load('old'), { standIn: true, staleIfError: '1h' })
    await clock.advance(60_000)
    await expect(records.load('k', down, { staleIfError: '1h' })).rejects.toThrow('down')
    const stood = await records.load('k', down, { standIn: true, staleIfError: '1h' })
    expect(stood).toMatchObject({ value: 'old', status: 'stale', ageMs: 60_000, ttlMs: 0 })
  })

  it('obey the directives of a read, and tell what is left of a lifetime', async () => {
    const { things, clock } = open({ ttl: '1m' })
    const records = things.records('a')
    await expect(records.load('k', never, { onlyIfCached: true })).rejects.toMatchObject({ code: 'ERR_NOT_CACHED' })
    await records.load('k', load('unstored'), { noStore: true })
    await records.load('k', load('old'))
    await clock.advance(20_000)
    expect(await records.load('k', never)).toMatchObject({ value: 'old', status: 'hit', ageMs: 20_000, ttlMs: 40_000 })
    expect(await records.load('k', load('newer'), { maxAge: '10s' })).toMatchObject({ value: 'newer' })
    expect(await records.load('k', load('newest'), { forceFresh: true })).toMatchObject({ value: 'newest' })
    expect(await records.load('k', never)).toMatchObject({ value: 'newest', status: 'hit' })
  })

  it('reject where the namespace wants a scope and none was given', async () => {
    const { things } = open({ requireScope: true })
    await expect(things.records('a').load('k', load('leaked'))).rejects.toMatchObject({ code: 'ERR_SCOPE_REQUIRED' })
  })

  it('are handed out at once where a read needs no thought, as `load` would tell it, and counted', async () => {
    const { things, clock } = open({ ttl: '1m' })
    const records = things.records<object>('a')
    expect(records.hit('k')).toBeUndefined()
    await records.load('k', async () => ({ n: 1 }))
    await clock.advance(20_000)
    const found = records.hit('k')
    expect(found).toEqual(await records.load('k', never))
    expect(found).toEqual({ value: { n: 1 }, status: 'hit', ageMs: 20_000, ttlMs: 40_000 })
    expect(records.hit('k')?.value).toBe(found?.value)
    expect(things.stats()).toMatchObject({ hits: 3, misses: 1 })
  })

  it('are not handed out at once where there is something to think about', async () => {
    const { things, clock } = open({ ttl: '1m', staleWhileRevalidate: '1h' })
    const records = things.records('a')
    const fill = () => records.load('k', load({ n: 1 }), { tags: ['t'], forceFresh: true })
    await fill()
    await things.invalidateTags(['t'])
    expect(records.hit('k')).toBeUndefined()
    await fill()
    await things.clear()
    expect(records.hit('k')).toBeUndefined()
    await fill()
    await clock.advance(60_000)
    expect(records.hit('k')).toBeUndefined()
    await records.load('bytes', load(new Uint8Array(3)))
    expect(records.hit('bytes')).toBeUndefined()
    expect(records.hit(() => 1)).toBeUndefined()
    expect(things.stats().hits).toBe(0)
    await fill()
    const end = subscribeTo(CACHE_CHANNEL, () => undefined)
    expect(records.hit('k')).toBeUndefined()
    end()
    expect(records.hit('k')).toBeDefined()
    expect(open({ requireScope: true }).things.records('a').hit('k')).toBeUndefined()
  })
})
