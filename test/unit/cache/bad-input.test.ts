import { describe, expect, it } from 'vitest'
import { byConfidence } from '../../../src/cache/by-confidence.js'
import { cached } from '../../../src/cache/cached.js'
import { createDeduper } from '../../../src/cache/deduper.js'
import type { Namespace } from '../../../src/cache/namespace.js'
import { namespace, preset } from '../../../src/cache/presets.js'
import { createStash } from '../../../src/cache/stash.js'
import { HopstashError } from '../../../src/errors/base-error.js'
import { never, open } from './fixture.js'

/** What a caller without types may write. */
// biome-ignore lint/suspicious/noExplicitAny: the point is to pass what the types forbid.
type Untyped = any
type Case = readonly [name: string, call: (things: Untyped, stash: Untyped) => unknown]

/** What a call came to, thrown or rejected. */
async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  return undefined
}

function expectClear(error: unknown): void {
  expect(HopstashError.isInstance(error), String(error)).toBe(true)
  expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID' })
  expect((error as Error).message).toMatch(
    /^Expected `.+` to be .+, received .+\.|^Unknown option `.+` in .+\. (?:Did you mean|Known)/,
  )
}

const OPTIONS: readonly Case[] = (['null', '5', '[]', "'ttl'"] as const).flatMap((text): Case[] => {
  const options: unknown = { null: null, '5': 5, '[]': [], "'ttl'": 'ttl' }[text]
  return [
    [`getOrSet with options ${text}`, (things) => things.getOrSet('k', () => 1, options)],
    [`getOrSetMany with options ${text}`, (things) => things.getOrSetMany(['k'], () => [], options)],
    [`peek with options ${text}`, (things) => things.peek('k', options)],
    [`get with options ${text}`, (things) => things.get('k', options)],
    [`getEntry with options ${text}`, (things) => things.getEntry('k', options)],
    [`getMany with options ${text}`, (things) => things.getMany(['k'], options)],
    [`has with options ${text}`, (things) => things.has('k', options)],
    [`explain with options ${text}`, (things) => things.explain('k', options)],
    [`set with options ${text}`, (things) => things.set('k', 1, options)],
    [`setMany with options ${text}`, (things) => things.setMany([['k', 1]], options)],
    [`delete with options ${text}`, (things) => things.delete('k', options)],
    [`deleteMany with options ${text}`, (things) => things.deleteMany(['k'], options)],
    [`expire with options ${text}`, (things) => things.expire('k', options)],
    [`writeThrough with options ${text}`, (things) => things.writeThrough('k', 1, never, options)],
    [`update with options ${text}`, (things) => things.update('k', never, never, options)],
    [`warm with options ${text}`, (things) => things.warm([], options)],
    [`resize with ${text}`, (things) => things.resize(options)],
    [`invalidateTags with options ${text}`, (things) => things.invalidateTags(['t'], options)],
    [`stash.invalidateTags with options ${text}`, (_, stash) => stash.invalidateTags(['t'], options)],
    [`createStash with ${text}`, () => createStash(options as object)],
    [`namespace with ${text}`, () => namespace(options as object)],
    [`preset with ${text}`, () => preset('pdf', options as object)],
    [`cached with options ${text}`, () => cached(async () => 1, options as never)],
    [`cached.method with ${text}`, () => cached.method(options as never)],
    [`a deduped call with options ${text}`, () => createDeduper()('k', () => 1, options as never)],
    [`byConfidence with options ${text}`, () => byConfidence(() => 1, options as never)],
  ]
})

const SIGNALS: readonly Case[] = [{}, null, 'abort', new AbortController()].flatMap((signal): Case[] => {
  const text = signal instanceof AbortController ? 'an AbortController' : JSON.stringify(signal)
  return [
    [`getOrSet with the signal ${text}`, (things) => things.getOrSet('k', () => 1, { signal })],
    [
      `a bypassed getOrSet with the signal ${text}`,
      (things) =>
        things.getOrSet(
          () => 1,
          () => 1,
          { signal },
        ),
    ],
    [
      `getOrSetMany with the signal ${text}`,
      (things) => things.getOrSetMany(['k'], () => [1], { aligned: true, signal }),
    ],
    [`a deduped call with the signal ${text}`, () => createDeduper()('k', () => 1, { signal } as never)],
    [`warm with the signal ${text}`, (things) => things.warm([], { signal })],
  ]
})

const ARGUMENTS: readonly Case[] = [
  ['getOrSet without a loader', (things) => things.getOrSet('k')],
  ['getOrSet with a number as loader', (things) => things.getOrSet('k', 5)],
  ['getOrSet with a promise as loader', (things) => things.getOrSet('k', Promise.resolve(1))],
  ['a bypassed getOrSet without a loader', (things) => things.getOrSet(() => 1)],
  ['getOrSet with a scope that is no text', (things) => things.getOrSet('k', () => 1, { scope: 5 })],
  ['getOrSet with a subject that is no text', (things) => things.getOrSet('k', () => 1, { subject: 5 })],
  ['getOrSet with forceFresh of another kind', (things) => things.getOrSet('k', () => 1, { forceFresh: 'no' })],
  ['getOrSet with a hardTimeout of 0', (things) => things.getOrSet('k', () => 1, { hardTimeout: 0 })],
  ['getOrSetMany without a loader', (things) => things.getOrSetMany(['k'])],
  ['getOrSetMany with a text as keys', (things) => things.getOrSetMany('abc', () => [], { aligned: true })],
  ['getOrSetMany with `by` that is no function', (things) => things.getOrSetMany(['k'], () => [], { by: 'id' })],
  ['getOrSetMany with an async `by`', (things) => things.getOrSetMany(['k'], () => [], { by: async () => 'k' })],
  ['getOrSetMany with `aligned` of another kind', (things) => things.getOrSetMany(['k'], () => [], { aligned: 1 })],
  ['getMany of a text', (things) => things.getMany('ab')],
  ['setMany of an object', (things) => things.setMany({ a: 1 })],
  ['setMany of texts', (things) => things.setMany(['ab'])],
  ['setMany of nothing', (things) => things.setMany()],
  ['deleteMany of a text', (things) => things.deleteMany('ab')],
  ['peek with `require`', (things) => things.peek('k', { require: 'store' })],
  ['delete with a misspelt `require`', (things) => things.delete('k', { require: 'sotre' })],
  ['expire with a misspelt `require`', (things) => things.expire('k', { require: true })],
  ['set with a misspelt `require`', (things) => things.set('k', 1, { require: 'memory' })],
  ['clear with an argument', (things) => things.clear('k')],
  ['stash.clear with a name', (_, stash) => stash.clear('things')],
  ['writeThrough without save', (things) => things.writeThrough('k', 1)],
  ['writeThrough with options as save', (things) => things.writeThrough('k', 1, { ttl: '1h' })],
  ['update without change', (things) => things.update('k')],
  ['update without save', (things) => things.update('k', never)],
  ['warm of nothing', (things) => things.warm()],
  ['warm of an object', (things) => things.warm({})],
  ['warm of null', (things) => things.warm([null])],
  ['warm without a loader', (things) => things.warm([{ key: 1 }])],
  ['warm with onProgress that is no function', (things) => things.warm([], { onProgress: 5 })],
  ['cached without options', () => cached(async () => 1, undefined as never)],
  ['cached of no function', (things) => cached('f' as never, { in: things })],
  ['cached without a namespace', () => cached(async () => 1, {} as never)],
  ['cached in the stash itself', (_, stash) => cached(async function f() {}, { in: stash })],
  ['cached with a name that is no text', (things) => cached(async () => 1, { in: things, name: 5 as never })],
  [
    'cached with a key that is no function',
    (things) => cached(async function f() {}, { in: things, key: 'id' as never }),
  ],
  ['cached with tags that are no list', (things) => cached(async function f() {}, { in: things, tags: 'x' as never })],
  ['a deduped call without a function', () => createDeduper()('k', undefined as never)],
  ['a deduped call with an unknown option', () => createDeduper()('k', () => 1, { signl: 1 } as never)],
  ['createStash with a list of namespaces', () => createStash({ namespaces: [] as never })],
  ['createStash with a Map of namespaces', () => createStash({ namespaces: new Map() as never })],
  ['createStash with store null', () => createStash({ store: null as never })],
  ['createStash with a number as prefix', () => createStash({ prefix: 5 as never })],
  ['createStash with a clock that is none', () => createStash({ clock: {} as never })],
  ['createStash with an unknown text form', () => createStash({ text: 'upper' as never })],
  ['createStash with an unknown step of a text form', () => createStash({ text: { unicode: 'NFD' } as never })],
  ['preset without a name', () => preset(undefined as never)],
]

describe.each([
  ['options', OPTIONS],
  ['a signal', SIGNALS],
  ['arguments', ARGUMENTS],
])('%s that cannot be used', (_name, cases) => {
  it.each(cases)('%s says what was expected, what came, and changes nothing', async (_case, call) => {
    const { things, stash } = open()
    await things.set('held', 'there')
    const error = await errorOf(() => call(things, stash))
    expectClear(error)
    expect(things.peek('held')).toBe('there')
    expect(things.stats()).toMatchObject({ size: 1, inFlight: 0 })
  })
})

describe('a store that is a text but no URL', () => {
  it.each(['http://user:hunter2@host', 'hunter2', 'htp://x'])('%s is refused without being shown', async (store) => {
    const error = (await errorOf(() => createStash({ store: store as never }))) as Error
    expectClear(error)
    expect(error.message).toContain('received another text.')
    expect(error.message).not.toMatch(/hunter2|htp/)
  })
})

describe('names that are not there', () => {
  it.each([[undefined], [5], [null], [Symbol('x')], ['__proto__']])('%s is ERR_NAMESPACE_UNKNOWN', async (name) => {
    const { stash } = open()
    expect(await errorOf(() => stash.namespace(name as string))).toMatchObject({ code: 'ERR_NAMESPACE_UNKNOWN' })
  })
})

describe('a namespace option of the wrong kind', () => {
  it.each([
    ['strict', 'yes'],
    ['sliding', 1],
    ['requireScope', 'no'],
    ['detectReentrancy', 0],
    ['negative', null],
    ['negative', { when: () => true, ttl: '1m', tll: 1 }],
    ['earlyRefresh', 5],
    ['earlyRefresh', { bata: 1 }],
    ['schema', {}],
    ['version', {}],
    ['version', Number.NaN],
    ['text', 5],
    ['text', { lineEnds: 'crlf' }],
    ['labels', 'x'],
    ['labels', [1]],
    ['category', 5],
    ['description', {}],
    ['jitter', '0.1'],
    ['jitter', null],
    ['max', null],
    ['maxValueBytes', '8MB'],
    ['hardTimeout', null],
    ['isolation', null],
  ])('%s: %j is refused at construction', async (option, value) => {
    expectClear(await errorOf(() => createStash({ namespaces: { things: namespace({ [option]: value }) } })))
  })
})

describe('an unknown option of a read', () => {
  it('suggests only what a read takes', async () => {
    const { things } = open()
    const error = (await errorOf(() => (things as Namespace).get('k', { requir: 'store' } as never))) as Error
    expect(error.message).toBe('Unknown option `requir` in the options of a read. Known: scope.')
  })
})

describe('tags of a function that are no list', () => {
  it.each([['job:1'], [5], [{}], [[5]], [['']]])('%j keep the value out: nothing could invalidate it', async (tags) => {
    const { things } = open({ tags: () => tags as never })
    expect(await things.getOrSet('k', () => 'value')).toBe('value')
    expect(await things.set('k', 'value')).toEqual({ memory: 'failed', store: 'none' })
    expect(things.stats()).toMatchObject({ size: 0, refused: { 'policy-error': 2 } })
  })
})

describe('null and other odd options on a hit', () => {
  it('are refused as on a miss', async () => {
    const { things } = open()
    await things.set('k', 'value')
    expectClear(await errorOf(() => things.getOrSet('k', never, null as never)))
  })
})
