import { expect, it } from 'vitest'
import { createStash } from '../../../src/cache/stash.js'
import { cachedHandler, toResponse } from '../../../src/routes/cached-handler.js'
import { createAnswers } from '../../../src/routes/route-answer.js'
import { resolveRoute } from '../../../src/routes/route-options.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const kept = { status: 200, headers: [['content-type', 'text/plain']], body: 'é', etag: '"e"' } as const
const request = (headers: Record<string, string> = {}, method = 'GET') => ({
  method,
  host: 'localhost',
  path: '/a',
  search: '',
  header: (name: string) => headers[name],
})
const hit = (ageMs: number, ttlMs: number) => ({ value: undefined, status: 'hit' as const, ageMs, ttlMs })

function answers(options: Parameters<typeof resolveRoute>[0] | object = {}) {
  return createAnswers(resolveRoute({ in: createStash({ store: 'memory' }).general, ...options }))
}

it('is made once a second for a kept response, and anew when age or lifetime read differently', () => {
  const made = answers()
  const first = made.of(request(), hit(1000, 9000), kept)
  expect(made.of(request(), hit(1999, 9999), kept)).toBe(first)
  const later = made.of(request(), hit(2000, 8999), kept)
  expect(later.fields).toEqual([
    ...['content-length', '2', 'content-type', 'text/plain', 'etag', '"e"', 'cache-control', 'no-cache'],
    ...['cache-status', 'hopstash; hit; ttl=8', 'age', '2'],
  ])
  expect(made.of(request(), { ...hit(2000, 8999), status: 'coalesced' }, kept).fields).not.toEqual(later.fields)
  expect(first.fields).toContain('hopstash; hit; ttl=9')
})

it('has no body for HEAD, for 304 and for 204, and the length of what HEAD does not send', () => {
  const made = answers()
  const head = made.of(request({}, 'HEAD'), hit(0, 1), kept)
  expect([head.body, head.fields.includes('content-length')]).toEqual([null, true])
  expect(made.of(request(), hit(0, 1), kept).body).toBe('é')
  const unchanged = made.of(request({ 'if-none-match': 'W/"e"' }), hit(0, 1), kept)
  expect([unchanged.status, unchanged.body, unchanged.fields.includes('content-length')]).toEqual([304, null, false])
  const empty = made.of(request(), hit(0, 1), { ...kept, status: 204, body: '' })
  expect([empty.status, empty.body, empty.fields.includes('content-length')]).toEqual([204, null, false])
})

it('varies by what the route varies by and by what the response says', () => {
  const made = answers({ vary: ['Cookie', 'Accept-Language'] })
  const { fields } = made.of(request(), hit(0, 1), { ...kept, headers: [['vary', 'Accept-Language, Cookie']] })
  expect(fields.slice(2, 8)).toEqual([
    ...['etag', '"e"', 'cache-control', 'private, no-cache', 'vary', 'accept-language, cookie'],
  ])
})

it('is a Response with every field, one that comes twice and one that objects have, too', () => {
  const fields = ['link', '<a>', 'link', '<b>', 'constructor', 'c', 'x', 'y']
  const { headers } = toResponse({ status: 200, fields, body: 'a' })
  expect([headers.get('link'), headers.get('constructor'), headers.get('x')]).toEqual(['<a>, <b>', 'c', 'y'])
})

it('is nobody’s to change: fields set on one response are not those of the next', async () => {
  const clock = createFakeClock()
  const stash = createStash({ store: 'memory', clock })
  const handler = cachedHandler(() => new Response('a'), { in: stash.jobFeed })
  const get = () => handler(new Request('http://localhost/a'))
  await get()
  const first = await get()
  first.headers.set('x-user', 'alice')
  expect((await get()).headers.get('x-user')).toBeNull()
})

it('is counted as a hit, in whatever way it was found', async () => {
  const clock = createFakeClock()
  const stash = createStash({ store: 'memory', clock })
  const handler = cachedHandler(() => new Response('a', { headers: { 'content-type': 'text/plain' } }), {
    in: stash.jobFeed,
    ttl: '1m',
    tags: ['feed'],
  })
  const get = async (method = 'GET') =>
    (await handler(new Request('http://localhost/a?b=1', { method }))).headers.get('cache-status')
  const seen = [await get(), await get(), await get('HEAD')]
  await stash.invalidateTags(['feed'])
  seen.push(await get(), await get())
  await clock.advance(61_000)
  seen.push(await get())
  expect(seen.map((text) => text?.slice(10, 13))).toEqual(['fwd', 'hit', 'hit', 'fwd', 'hit', 'fwd'])
  expect(stash.jobFeed.stats()).toMatchObject({ hits: 3, misses: 3 })
})
