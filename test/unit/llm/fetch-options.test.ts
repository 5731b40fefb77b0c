import { describe, expect, it } from 'vitest'
import { createStash } from '../../../src/cache/stash.js'
import { cachedFetch } from '../../../src/llm/cached-fetch.js'
import { type CachedFetchOptions, resolveOptions } from '../../../src/llm/fetch-options.js'

const invalid = expect.objectContaining({ code: 'ERR_OPTION_INVALID' })

describe('options of cachedFetch', () => {
  it.each([
    { fetch: 'x' },
    { semantic: true },
    { ttl: '5 parsecs' },
    { ttl: -1 },
    { tags: 'a' },
    { scope: '' },
    { sample: 0.5 },
    { maxAge: 'x' },
    { alsoStore: ['cut'] },
    { alsoStore: ['status'] },
    { pacing: 'fast' },
    { pacing: { fixed: 'x' } },
    { pacing: null },
    { maxSharedBytes: -1 },
    { maxSharedBytes: '8 MiB' },
    { finishOnAbort: 'yes' },
    { prices: { m: { input: 'free' } } },
    { scrub: [''] },
    { scrub: 'my secret' },
    { scrub: /x/ },
    { scrub: [7] },
    { ignoreFields: 'user' },
    { keyHeaders: [''] },
    { onAnswer: {} },
    { accept: true },
    { directives: {} },
    { scope: 7 },
    { scope: null },
    { maxSharedBytes: null },
    { maxSharedBytes: '5' },
    { alsoStore: null },
    { alsoStore: 'refused' },
    { prices: 7 },
    { prices: { m: null } },
    { prices: { m: 3 } },
  ])('%j is refused', (options) => {
    expect(() => resolveOptions(options as unknown as CachedFetchOptions)).toThrow(invalid)
  })

  it.each([[null], [globalThis.fetch], ['fast'], [[]]])('%s are none', (options) => {
    expect(() => resolveOptions(options as unknown as CachedFetchOptions)).toThrow(invalid)
  })

  it('that nobody knows are refused with the nearest name', () => {
    expect(() => resolveOptions({ finishOnAbbort: true } as CachedFetchOptions)).toThrow(
      'Did you mean `finishOnAbort`?',
    )
  })

  it('want a namespace', () => {
    for (const other of [undefined, null, {}, createStash()]) {
      expect(() => cachedFetch(other as never)).toThrow(invalid)
    }
  })

  it('never change the object they came in', () => {
    const options = Object.freeze({ tags: Object.freeze(['a']), prices: Object.freeze({}) })
    expect(resolveOptions(options)).toMatchObject({
      pacing: 'instant',
      maxSharedBytes: 8 * 1024 * 1024,
      finishOnAbort: false,
    })
  })
})
