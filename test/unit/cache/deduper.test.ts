import { describe, expect, it } from 'vitest'
import { createDeduper } from '../../../src/cache/deduper.js'
import { abortListeners, unhandledDuring } from './fixture.js'

const pending = () => {
  let resolve: (value: unknown) => void = () => undefined
  let reject: (reason: unknown) => void = () => undefined
  const promise = new Promise((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}

describe('createDeduper', () => {
  it('shares a call in flight under any equal key and stores nothing', async () => {
    const dedupe = createDeduper()
    let calls = 0
    const work = pending()
    const call = (): Promise<unknown> => {
      calls++
      return work.promise
    }
    const all = [
      dedupe({ a: 1, b: 2 }, call),
      dedupe({ b: 2, a: 1 }, call),
      dedupe({ a: 1, b: 3 }, async () => 'other'),
    ]
    expect(dedupe.size).toBe(2)
    work.resolve('shared')
    expect(await Promise.all(all)).toEqual(['shared', 'shared', 'other'])
    expect(calls).toBe(1)
    expect(dedupe.size).toBe(0)
    await dedupe({ a: 1, b: 2 }, call)
    expect(calls).toBe(2)
  })

  it('shares a rejection and forgets it', async () => {
    const dedupe = createDeduper()
    const unhandled = await unhandledDuring(async () => {
      const results = await Promise.allSettled([
        dedupe('k', () => Promise.reject(new Error('down'))),
        dedupe('k', () => 'not called'),
      ])
      expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
      await expect(
        dedupe('k', () => {
          throw new Error('thrown')
        }),
      ).rejects.toThrow('thrown')
    })
    expect(unhandled).toEqual([])
    expect(await dedupe('k', () => 'fine')).toBe('fine')
  })

  it('lets callers leave, and aborts the call when the last has left', async () => {
    const dedupe = createDeduper()
    const [a, b] = [new AbortController(), new AbortController()]
    let signal: AbortSignal | undefined
    const call = (context: { signal: AbortSignal }): Promise<unknown> => {
      signal = context.signal
      return pending().promise
    }
    const first = dedupe('k', call, { signal: a.signal })
    const second = dedupe('k', call, { signal: b.signal })
    a.abort(new Error('a'))
    await expect(first).rejects.toThrow('a')
    expect(signal?.aborted).toBe(false)
    b.abort(new Error('b'))
    await expect(second).rejects.toThrow('b')
    expect(signal?.aborted).toBe(true)
    expect(dedupe.size).toBe(0)
    expect(await dedupe('k', () => 'next')).toBe('next')
    expect(abortListeners(a.signal) + abortListeners(b.signal)).toBe(0)
  })

  it('does not forget the next call when an abandoned one ends', async () => {
    const dedupe = createDeduper()
    const caller = new AbortController()
    const old = pending()
    const left = dedupe('k', () => old.promise, { signal: caller.signal })
    caller.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    const next = pending()
    const second = dedupe('k', () => next.promise)
    old.resolve('old')
    await Promise.resolve()
    const third = dedupe('k', () => 'not called')
    next.resolve('next')
    expect(await Promise.all([second, third])).toEqual(['next', 'next'])
  })

  it('starts nothing for a caller that has left already', async () => {
    const dedupe = createDeduper()
    let calls = 0
    const result = dedupe('k', () => ++calls, { signal: AbortSignal.abort(new Error('before')) })
    await expect(result).rejects.toThrow('before')
    expect([calls, dedupe.size]).toEqual([0, 0])
  })

  it('refuses a call whose synchronous part asks for its own key, which would wait for itself', async () => {
    const dedupe = createDeduper()
    const itself = dedupe('k', () => dedupe('k', () => 'never'))
    await expect(itself).rejects.toMatchObject({ code: 'ERR_LOAD_REENTRANT' })
    expect(dedupe.size).toBe(0)
    expect(await dedupe('k', () => dedupe('other', () => 'another key'))).toBe('another key')
  })

  it('runs calls by themselves whose key has no canonical form', async () => {
    const dedupe = createDeduper()
    let calls = 0
    const call = async (): Promise<number> => ++calls
    expect(await Promise.all([dedupe(() => 1, call), dedupe(() => 1, call)])).toEqual([1, 2])
  })

  it('hands the same object to all: it stores nothing, so it owns nothing', async () => {
    const dedupe = createDeduper()
    const value = new Map()
    const [a, b] = await Promise.all([dedupe('k', async () => value), dedupe('k', async () => value)])
    expect(a).toBe(value)
    expect(b).toBe(value)
  })
})
