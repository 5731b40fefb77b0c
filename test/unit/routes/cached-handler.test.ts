import { describe, expect, it } from 'vitest'
import { namespace } from '../../../src/cache/presets.js'
import { createStash } from '../../../src/cache/stash.js'
import { cachedHandler } from '../../../src/routes/cached-handler.js'
import type { RouteOptions } from '../../../src/routes/route-options.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const URL_JOBS = 'http://localhost/api/jobs'

function setUp(
  options: Partial<RouteOptions<Request>> = {},
  respond: (request: Request, call: number) => Response | Promise<Response> = (_request, call) =>
    Response.json({ call }),
) {
  const clock = createFakeClock()
  const stash = createStash({ store: 'memory', clock })
  let calls = 0
  const handler = cachedHandler((request) => respond(request, ++calls), { in: stash.jobFeed, ...options })
  const get = (headers: Record<string, string> = {}, search = '', init: RequestInit = {}) =>
    handler(new Request(`${URL_JOBS}${search}`, { headers, ...init }))
  return { clock, stash, handler, get, calls: () => calls }
}

describe('what is the same', () => {
  it('answers again without the handler, says so, and tells the age', async () => {
    const { clock, get, calls } = setUp()
    const first = await get()
    expect([first.status, first.headers.get('cache-status'), first.headers.get('age')]).toEqual([
      200,
      'hopstash; fwd=uri-miss',
      null,
    ])
    await clock.advance(61_000)
    const again = await get()
    expect(await again.json()).toEqual({ call: 1 })
    expect([again.headers.get('age'), again.headers.get('content-type')]).toEqual(['61', 'application/json'])
    expect(again.headers.get('cache-status')).toMatch(/^hopstash; hit; ttl=2\d\d$/)
    expect(calls()).toBe(1)
  })

  it('takes parameters in any order, and only those that matter', async () => {
    const { get, calls } = setUp({ query: ['page', 'q'] })
    for (const search of ['?page=1&q=a', '?q=a&page=1', '?page=1&q=a&utm_source=x', '?q=%61&page=1'])
      await get({}, search)
    expect(calls()).toBe(1)
    await get({}, '?page=2&q=a')
    await get({}, '?page=1&q=a&q=b')
    await get({}, '?page=1&q=b&q=a')
    expect(calls()).toBe(4)
  })

  it('tells schemes apart, so that who is sent to https is not sent there again', async () => {
    const toHttps = (request: Request): Response =>
      request.url.startsWith('https:') ? new Response('here') : Response.redirect('https://localhost/jobs', 301)
    const handler = cachedHandler(toHttps, { in: createStash({ store: 'memory' }).jobFeed })
    const statuses = []
    for (const scheme of ['http', 'https', 'http', 'https'])
      statuses.push((await handler(new Request(`${scheme}://localhost/jobs`))).status)
    expect(statuses).toEqual([301, 200, 301, 200])
  })

  it('leaves the handler no fragment, which is no part of the key', async () => {
    const seen: string[] = []
    const handler = cachedHandler(
      ({ url }) => {
        seen.push(url)
        return new Response(url)
      },
      { in: createStash({ store: 'memory' }).jobFeed },
    )
    for (const end of ['#own', '', '?a=1#own']) await handler(new Request(`http://localhost/jobs${end}`))
    expect(seen).toEqual(['http://localhost/jobs', 'http://localhost/jobs?a=1'])
  })

  it('tells more addresses apart than it remembers, and long ones', async () => {
    const stash = createStash({ store: 'memory', namespaces: { jobFeed: namespace<unknown, string>({ max: 1000 }) } })
    let calls = 0
    const handler = cachedHandler(({ url }) => new Response(`${++calls} ${url}`), { in: stash.jobFeed })
    const urls = Array.from({ length: 300 }, (_, n) => `http://localhost/${n}?a=${'x'.repeat(n % 7 === 0 ? 600 : 1)}`)
    for (let pass = 0; pass < 3; pass++) {
      const bodies = await Promise.all(urls.map(async (url) => (await handler(new Request(url))).text()))
      expect(bodies).toEqual(urls.map((url, index) => `${index + 1} ${url}`))
    }
    expect(calls).toBe(300)
  })

  it('tells paths and methods apart', async () => {
    const { handler, calls } = setUp()
    await handler(new Request('http://localhost/a'))
    await handler(new Request('http://localhost/a/'))
    await handler(new Request('http://localhost/a', { method: 'POST', body: 'x' }))
    await handler(new Request('http://localhost/a', { method: 'POST', body: 'x' }))
    expect(calls()).toBe(4)
  })

  it('answers HEAD from what GET left, and never keeps a HEAD', async () => {
    const { get, calls } = setUp()
    const before = await get({}, '', { method: 'HEAD' })
    expect([calls(), before.headers.get('cache-status')]).toEqual([1, 'hopstash; fwd=bypass; detail="method"'])
    await get()
    const head = await get({}, '', { method: 'HEAD' })
    expect([calls(), head.headers.get('content-length'), await head.text()]).toEqual([2, '10', ''])
  })

  it('asks the handler once for all who ask at once, and once for all when it has expired', async () => {
    const { clock, get, calls } = setUp({ ttl: '1m' })
    await Promise.all(Array.from({ length: 100 }, () => get()))
    expect(calls()).toBe(1)
    await clock.advance(61_000)
    await Promise.all(Array.from({ length: 100 }, () => get()))
    expect(calls()).toBe(2)
  })
})

describe('credentials', () => {
  it('are never answered from what is shared, nor kept', async () => {
    const { get, calls } = setUp({}, (request, call) =>
      Response.json({ call, user: request.headers.get('authorization') }),
    )
    await get()
    const mine = await get({ authorization: 'Bearer a' })
    expect([await mine.json(), mine.headers.get('cache-status')]).toEqual([
      { call: 2, user: 'Bearer a' },
      'hopstash; fwd=bypass; detail="credentials"',
    ])
    await get({ cookie: 'sid=1' })
    expect(calls()).toBe(3)
    expect(await (await get()).json()).toEqual({ call: 1, user: null })
  })

  it('are partitioned by the headers that vary, and only if those cover them', async () => {
    const { get, calls } = setUp({ vary: ['Authorization', 'Accept-Language'] })
    for (const user of ['a', 'b', 'a', 'b']) {
      const response = await get({ authorization: user })
      expect([response.headers.get('vary'), response.headers.get('cache-control')]).toEqual([
        'accept-language, authorization',
        'private, no-cache',
      ])
    }
    expect(calls()).toBe(2)
    const uncovered = await get({ authorization: 'a', cookie: 'sid=1' })
    expect(uncovered.headers.get('cache-status')).toContain('credentials')
  })

  it('are partitioned by whose the host says they are; who is nobody passes through', async () => {
    const { stash, get, calls } = setUp({ vary: (request) => request.headers.get('cookie')?.split('=')[1] })
    for (const user of ['a', 'b', 'a', 'b']) await get({ cookie: `sid=${user}` })
    expect(calls()).toBe(2)
    expect((await get()).headers.get('cache-status')).toContain('owner')
    await stash.forget('a')
    await get({ cookie: 'sid=b' })
    expect(calls()).toBe(3)
    await get({ cookie: 'sid=a' })
    expect(calls()).toBe(4)
  })

  it('do not matter where the route says so', async () => {
    const { get, calls } = setUp({ shared: true })
    await get({ authorization: 'a' })
    await get({ cookie: 'b' })
    expect(calls()).toBe(1)
  })
})

describe('what is never kept', () => {
  const unfit: [string, () => Response][] = [
    ['an error', () => new Response('no', { status: 500 })],
    ['a missing page', () => new Response('no', { status: 404 })],
    ['a temporary redirect', () => new Response(null, { status: 302, headers: { location: '/login' } })],
    ['a cookie', () => new Response('a', { headers: { 'set-cookie': 'sid=1' } })],
    ['no-store', () => new Response('a', { headers: { 'cache-control': 'no-store' } })],
    ['no-cache', () => new Response('a', { headers: { 'cache-control': 'max-age=60, No-Cache' } })],
    ['private', () => new Response('a', { headers: { 'cache-control': 'private, max-age=60' } })],
    [
      'what varies by a header that the route does not know',
      () => new Response('a', { headers: { vary: 'Accept-Encoding, X-Region' } }),
    ],
    ['what varies by anything', () => new Response('a', { headers: { vary: '*' } })],
    ['an encoded body', () => new Response('a', { headers: { 'content-encoding': 'gzip' } })],
    ['a body that is too long', () => new Response('a'.repeat(11))],
  ]
  it.each(unfit)('%s', async (_name, respond) => {
    const { get, calls } = setUp({ maxBodyBytes: 10 }, respond)
    const expected = respond()
    for (let n = 0; n < 2; n++) {
      const response = await get()
      expect([response.status, await response.text()]).toEqual([expected.status, await respond().text()])
      expect(response.headers.get('set-cookie')).toBe(expected.headers.get('set-cookie'))
    }
    expect(calls()).toBe(2)
  })

  it('gives everybody who waited a cookie of their own', async () => {
    const { get, calls } = setUp(
      {},
      (_request, call) => new Response('a', { headers: { 'set-cookie': `sid=${call}` } }),
    )
    const responses = await Promise.all(Array.from({ length: 5 }, () => get()))
    expect(new Set(responses.map((response) => response.headers.get('set-cookie'))).size).toBe(5)
    expect(calls()).toBe(5)
  })

  it('gives an error to everybody who waited, from one call', async () => {
    const { get, calls } = setUp({}, () => new Response('down', { status: 503 }))
    const responses = await Promise.all(Array.from({ length: 5 }, () => get()))
    expect(await Promise.all(responses.map((response) => response.text()))).toEqual(Array(5).fill('down'))
    expect(calls()).toBe(1)
  })

  it('streams a body that is too long, whole', async () => {
    const chunks = ['one', 'two', 'three', 'four'].map((text) => new TextEncoder().encode(text))
    const { get } = setUp({ maxBodyBytes: 5 }, () => new Response(ReadableStream.from(chunks) as ReadableStream))
    expect(await (await get()).text()).toBe('onetwothreefour')
  })

  it('rejects as the handler does', async () => {
    const { get } = setUp({}, () => Promise.reject(new TypeError('broken')))
    await expect(get()).rejects.toThrow(new TypeError('broken'))
  })
})

describe('lifetimes', () => {
  it('sends the old response at once and asks the handler behind it', async () => {
    const { clock, get, calls } = setUp({ ttl: '1m', staleWhileRevalidate: '1m' })
    await get()
    await clock.advance(70_000)
    const stale = await get()
    expect([await stale.json(), stale.headers.get('age')]).toEqual([{ call: 1 }, '70'])
    await clock.settle()
    expect([calls(), await (await get()).json()]).toEqual([2, { call: 2 }])
  })

  it('sends the old response where the handler fails', async () => {
    const { clock, get } = setUp({ ttl: '1m', staleIfError: '1h' }, (_request, call) =>
      call === 1 ? Response.json({ call }) : new Response('down', { status: 502 }),
    )
    await get()
    await clock.advance(70_000)
    const response = await get()
    expect([response.status, await response.json()]).toEqual([200, { call: 1 }])
  })

  it('takes the lifetime a response gives itself, unless the route has one', async () => {
    const respond = () => new Response('a', { headers: { 'cache-control': 'public, max-age=10, s-maxage=20' } })
    const own = setUp({}, respond)
    await own.get()
    await own.clock.advance(19_000)
    expect((await own.get()).headers.get('cache-control')).toBe('public, max-age=10, s-maxage=20')
    expect(own.calls()).toBe(1)
    await own.clock.advance(2000)
    await own.get()
    expect(own.calls()).toBe(2)
    const given = setUp({ ttl: '1h' }, respond)
    await given.get()
    await given.clock.advance(59 * 60_000 * 0.9)
    await given.get()
    expect(given.calls()).toBe(1)
  })

  it('is invalidated by tag, also while the handler runs', async () => {
    let release = (): void => {}
    const { stash, get, calls } = setUp(
      { tags: (request) => ['feed', new URL(request.url).pathname] },
      async (_r, call) => {
        if (call === 2) await new Promise<void>((resolve) => (release = resolve))
        return Response.json({ call })
      },
    )
    await get()
    await stash.invalidateTags(['/api/jobs'])
    const slow = get()
    await new Promise((resolve) => setImmediate(resolve))
    await stash.invalidateTags(['feed'])
    release()
    expect(await (await slow).json()).toEqual({ call: 2 })
    expect(await (await get()).json()).toEqual({ call: 3 })
    expect(calls()).toBe(3)
  })
})

describe('conditions', () => {
  it('answers 304 where the client has it already, on misses as on hits', async () => {
    const { get, calls } = setUp(
      {},
      () => new Response('same', { headers: { 'content-type': 'text/plain', 'x-a': 'b' } }),
    )
    const etag = (await get()).headers.get('etag') ?? ''
    for (const header of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const response = await get({ 'if-none-match': header })
      expect([
        response.status,
        response.headers.get('etag'),
        response.headers.get('x-a'),
        await response.text(),
      ]).toEqual([304, etag, null, ''])
    }
    expect((await get({ 'if-none-match': '"other"' })).status).toBe(200)
    expect(calls()).toBe(1)
    const fresh = setUp({}, () => new Response('same', { headers: { 'content-type': 'text/plain' } }))
    expect((await fresh.get({ 'if-none-match': etag })).status).toBe(304)
  })

  it('never lets the handler see them: its 304 would fit nobody else', async () => {
    const seen: (string | null)[] = []
    const { get } = setUp({}, (request) => {
      seen.push(request.headers.get('if-none-match'), request.headers.get('if-modified-since'))
      return new Response('a')
    })
    await get({ 'if-none-match': '"a"', 'if-modified-since': new Date(0).toUTCString() })
    expect(seen).toEqual([null, null])
  })

  it('compares dates only where there is no tag', async () => {
    const modified = new Date(1_600_000_000_000).toUTCString()
    const { get } = setUp({}, () => new Response('a', { headers: { 'last-modified': modified } }))
    expect((await get({ 'if-modified-since': modified })).status).toBe(304)
    expect((await get({ 'if-modified-since': new Date(0).toUTCString() })).status).toBe(200)
    expect((await get({ 'if-modified-since': 'yesterday' })).status).toBe(200)
    expect((await get({ 'if-modified-since': modified, 'if-none-match': '"x"' })).status).toBe(200)
  })

  it('passes ranges through', async () => {
    const { get } = setUp()
    await get()
    expect((await get({ range: 'bytes=0-1' })).headers.get('cache-status')).toContain('range')
  })
})

it('passes through who asks for a WebSocket, and not who offers HTTP/2', async () => {
  const { get, calls } = setUp()
  for (let n = 0; n < 2; n++)
    expect((await get({ upgrade: 'WebSocket' })).headers.get('cache-status')).toContain('detail="upgrade"')
  for (let n = 0; n < 2; n++) await get({ upgrade: 'h2c' })
  expect(calls()).toBe(3)
})

describe('bytes', () => {
  it('come back as they were, text or not', async () => {
    const binary = Uint8Array.from({ length: 256 }, (_, n) => n)
    const latin1 = new Uint8Array([0xe4, 0xf6])
    const bodies: [Uint8Array, string][] = [
      [binary, 'application/octet-stream'],
      [latin1, 'text/plain; charset=iso-8859-1'],
      [new TextEncoder().encode('\uFEFFäö€😀'), 'text/html'],
      [new Uint8Array(), 'text/plain'],
    ]
    for (const [body, type] of bodies) {
      const { get, calls } = setUp({}, () => new Response(body, { headers: { 'content-type': type } }))
      await get()
      const again = await get()
      expect([new Uint8Array(await again.arrayBuffer()), again.headers.get('content-type')]).toEqual([body, type])
      expect(calls()).toBe(1)
    }
  })
})

it.each([
  [{ in: {} }, /`in`.*namespace of a stash/],
  [{ ttl: 'soon' }, /`ttl`/],
  [{ key: 'a' }, /`key`.*function/],
  [{ vary: ['a b'] }, /`vary`/],
  [{ tags: [''] }, /`tags`/],
  [{ cacheControl: 'a\r\nb' }, /`cacheControl`/],
  [{ tag: ['a'] }, /`tag`.*`tags`/],
  [{ key: async () => 'a' }, /`key`.*answers at once.*an async function/],
  [{ vary: async () => 'a' }, /`vary`.*answers at once.*an async function/],
  [{ when: async () => true }, /`when`.*answers at once.*an async function/],
  [{ tags: async () => ['a'] }, /`tags`.*answers at once.*an async function/],
  [{ *key() {} }, /`key`.*answers at once.*a generator/],
])('refuses %o', (options, message) => {
  expect(() => setUp(options as never)).toThrow(message)
})

describe('what is not as it should be', () => {
  it('passes through where a callback gives no key, or a promise in place of yes or no', async () => {
    for (const options of [{ key: () => undefined }, { when: () => Promise.resolve(false) }]) {
      const { get, calls } = setUp(options as never)
      await get()
      expect((await get()).headers.get('cache-status')).toContain('detail="callback"')
      expect(calls()).toBe(2)
    }
  })

  it('keeps nothing where a callback gives no tags', async () => {
    for (const tags of [() => undefined, () => Promise.resolve(['a']), () => [''], () => [1]]) {
      const { get, calls } = setUp({ tags } as never)
      for (let n = 1; n <= 2; n++) expect(await (await get()).json()).toEqual({ call: n })
      expect(calls()).toBe(2)
    }
  })

  it('tells hosts apart, also one that is spelt like the path of another', async () => {
    const { handler, calls } = setUp()
    for (const url of ['http://a/b/c', 'http://A/b/c', 'http://b/b/c', 'http://b/c']) await handler(new Request(url))
    expect(calls()).toBe(3)
  })

  it('answers without content again', async () => {
    const { get, calls } = setUp({}, () => new Response(null, { status: 204 }))
    for (let n = 0; n < 2; n++) expect((await get()).status).toBe(204)
    expect(calls()).toBe(1)
  })

  it('sends events as they come', async () => {
    const endless = () =>
      new Response(
        new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('data: 1\n\n')) }),
        { headers: { 'content-type': 'text/event-stream' } },
      )
    const { get } = setUp({}, endless)
    const response = await get()
    const reader = response.body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: 1\n\n')
    expect(response.headers.get('cache-status')).toContain('detail="stream"')
    await reader.cancel()
  })
})
