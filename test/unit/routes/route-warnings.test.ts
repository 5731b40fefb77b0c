import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createStash } from '../../../src/cache/stash.js'
import { cachedHandler } from '../../../src/routes/cached-handler.js'
import type { RouteOptions } from '../../../src/routes/route-options.js'

const said: [string, string][] = []
beforeEach(() => {
  vi.spyOn(process, 'emitWarning').mockImplementation(((message: string, { code }: { code: string }) => {
    said.push([code, message])
  }) as never)
})
afterEach(() => {
  vi.restoreAllMocks()
  said.splice(0)
})

function setUp(options: object, handle: (call: number) => unknown = (call) => new Response(`call ${call}`)) {
  let calls = 0
  const handler = cachedHandler(async () => handle(++calls) as Response, {
    in: createStash({ store: 'memory' }).jobFeed,
    ...options,
  } as RouteOptions<Request>)
  const get = (headers: Record<string, string> = {}) =>
    handler(new Request('http://localhost/reset/s3cret?token=s3cret', { headers }))
  return { get, calls: () => calls }
}

describe('a function of the options', () => {
  const later = <T>(value: T) => Promise.resolve(value)
  it.each<[string, object, string]>([
    ['tags', { tags: () => later(['a']) }, 'gave a promise'],
    ['tags', { tags: () => undefined }, 'gave undefined'],
    ['tags', { tags: () => ['a', 7] }, 'gave a number'],
    ['tags', { tags: () => [''] }, 'gave an empty text'],
    ['key', { key: () => later('s3cret') }, 'gave a promise'],
    ['key', { key: () => '' }, 'gave an empty text'],
    ['key', { key: () => Number.NaN }, 'gave NaN'],
    ['key', { key: () => () => 's3cret' }, 'gave a function'],
    ['key', { key: () => Symbol('s3cret') }, 'gave a symbol'],
    ['vary', { vary: () => 7 }, 'gave a number'],
    ['vary', { vary: () => '' }, 'gave an empty text'],
    ['vary', { vary: () => later('s3cret') }, 'gave a promise'],
    ['vary', { vary: () => ['accept'] }, 'gave an array'],
    ['when', { when: () => later(true) }, 'gave a promise'],
    [
      'vary',
      {
        vary: () => {
          throw new TypeError('s3cret')
        },
      },
      'threw TypeError',
    ],
    [
      'tags',
      {
        tags: () => {
          throw 's3cret'
        },
      },
      'threw a string',
    ],
  ])('is named once where it cannot be used, and its request is answered: %s %o', async (option, options, what) => {
    const { get, calls } = setUp({ name: 'resets', ...options })
    for (let n = 1; n <= 3; n++) {
      const response = await get()
      expect([await response.text(), response.headers.get('cache-status')]).toEqual([
        `call ${n}`,
        'hopstash; fwd=bypass; detail="callback"',
      ])
    }
    expect(calls()).toBe(3)
    expect(said.map(([code]) => code)).toEqual(['HOPSTASH_ROUTE_OPTION'])
    const [[, message] = ['', '']] = said
    expect(message).toMatch(new RegExp(`^\`${option}\` of the cached route \`resets\` ${what}, where .* is expected`))
    expect(message).not.toContain('s3cret')
  })

  it.each([{ key: () => undefined }, { vary: () => undefined }, { vary: () => null }, { when: () => false }])(
    'passes a request through without a word where it says so: %o',
    async (options) => {
      const { get, calls } = setUp(options)
      for (let n = 0; n < 2; n++) expect((await get()).headers.get('cache-status')).toContain('fwd=bypass')
      expect([calls(), said]).toEqual([2, []])
    },
  )
})

it.each([
  [{ authorization: 'Bearer s3cret' }, 'authorization'],
  [{ cookie: 'sid=s3cret' }, 'cookie'],
])('names the header that makes a request somebody’s, never its value: %o', async (headers, name) => {
  const { get } = setUp({ name: 'resets' })
  for (let n = 0; n < 2; n++) await get(headers)
  expect(said.map(([code]) => code)).toEqual(['HOPSTASH_ROUTE_CREDENTIALS'])
  expect(said[0]?.[1]).toMatch(new RegExp(`^The cached route \`resets\` was asked with \`${name}\``))
  expect(said[0]?.[1]).not.toContain('s3cret')
})

it('names the one that the route does not vary by', async () => {
  const { get } = setUp({ vary: ['authorization'] })
  await get({ authorization: 'Bearer s3cret', cookie: 'sid=s3cret' })
  expect(said.map(([, message]) => message.includes('`cookie`'))).toEqual([true])
})

describe('a handler that returns no Response', () => {
  it.each<[unknown, string]>([
    ['text', 'a string'],
    [undefined, 'undefined'],
    [null, 'null'],
    [{ status: 200 }, 'an object'],
  ])('fails with a code, whether its request may be kept or not: %o', async (given, kind) => {
    const { get } = setUp({}, () => given)
    const expected = { code: 'ERR_VALUE_UNSUPPORTED', message: expect.stringContaining(`received ${kind}`) }
    await expect(get()).rejects.toMatchObject(expected)
    await expect(get({ cookie: 'sid=1' })).rejects.toMatchObject(expected)
  })
})

describe('keys of one text', () => {
  const routes = (options: object) => {
    const stash = createStash({ store: 'memory' })
    let calls = 0
    const handler = () => new Response(`call ${++calls}`)
    const all = { in: stash.jobFeed, key: () => 'list', ...options }
    const first = cachedHandler(handler, all)
    const second = cachedHandler(handler, all)
    const ask = async (route: typeof first, path: string) =>
      (await route(new Request(`http://localhost${path}`))).text()
    return { first, second, ask }
  }

  it('are not the same for two paths, of two routes or of one', async () => {
    const { first, second, ask } = routes({})
    expect(await ask(first, '/jobs?page=1')).toBe('call 1')
    expect(await ask(second, '/users')).toBe('call 2')
    expect(await ask(first, '/users/')).toBe('call 3')
    expect(await ask(first, '/jobs?page=2')).toBe('call 1')
  })

  it('are the same for all paths of one name', async () => {
    const { first, second, ask } = routes({ name: 'lists' })
    expect(await ask(first, '/jobs')).toBe('call 1')
    expect(await ask(second, '/users')).toBe('call 1')
  })
})
