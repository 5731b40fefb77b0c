import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createStash } from '../../../src/cache/stash.js'
import { cachedHandler } from '../../../src/routes/cached-handler.js'
import type { RouteOptions } from '../../../src/routes/route-options.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

type Fields = Record<string, string>
type Respond = (call: number, request: Request) => Response

function setUp(
  respond: Respond = (call) => new Response(`call ${call}`),
  options: Partial<RouteOptions<Request>> = {},
) {
  const clock = createFakeClock()
  const stash = createStash({ store: 'memory', clock })
  let calls = 0
  const handler = cachedHandler((request) => respond(++calls, request), { in: stash.general, ...options })
  const ask = async (headers: Fields = {}, method = 'GET') => {
    const response = await handler(new Request('http://localhost/a', { method, headers }))
    return { status: response.status, body: await response.text(), headers: response.headers }
  }
  return { clock, stash, ask, calls: () => calls }
}

/** How often the handler is called for requests in a row. */
async function callsFor(fields: Fields, asked: Fields[] = [{}, {}], options = {}, status = 200): Promise<number> {
  const { ask, calls } = setUp((call) => new Response(`call ${call}`, { status, headers: fields }), options)
  for (const headers of asked) await ask(headers)
  return calls()
}

const day = (offset: number): string => new Date(Date.now() + offset * 86_400_000).toUTCString()

/** Every row of the page's table, by its first two cells, and what shows it. */
const rows: Record<string, () => Promise<void>> = {
  '9111 2, 3 | only `GET`; `HEAD` is answered from what `GET` left': async () => {
    const { ask, calls } = setUp()
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD']) for (let n = 0; n < 2; n++) await ask({}, method)
    expect(calls()).toBe(10)
    await ask()
    const head = await ask({}, 'HEAD')
    expect([calls(), head.body, head.headers.get('content-length')]).toEqual([11, '', '7'])
  },
  '9111 3 | `no-store`, `private`; heuristically cacheable statuses': async () => {
    for (const text of [
      'no-store',
      'private',
      'max-age=60, no-store',
      'PRIVATE',
      'no-cache="x"',
      'private="set-cookie"',
      'private = "set-cookie, etag"',
      'private="set-cookie',
      'private;max-age=60',
      'no-store; private',
    ])
      expect([text, await callsFor({ 'cache-control': text })]).toEqual([text, 2])
    expect(await callsFor({ 'cache-control': 'max-age=60, x-note="no-store, private", not-private' })).toBe(1)
    for (const status of [200, 203, 301, 308])
      expect([status, await callsFor({}, undefined, {}, status)]).toEqual([status, 1])
    for (const status of [201, 206, 300, 302, 404, 410])
      expect([status, await callsFor({}, undefined, {}, status)]).toEqual([status, 2])
  },
  '9111 3.5 | `Authorization`': async () => {
    const mine = [{ authorization: 'a' }, { authorization: 'a' }, { authorization: 'b' }]
    expect(await callsFor({}, mine)).toBe(3)
    expect(await callsFor({ 'cache-control': 'public, max-age=60' }, mine)).toBe(3)
    expect(await callsFor({}, mine, { vary: ['authorization'] })).toBe(2)
    expect(await callsFor({}, mine, { shared: true })).toBe(1)
  },
  '9111 4.1 | `Vary`': async () => {
    const languages = [{ 'accept-language': 'de' }, { 'accept-language': 'de' }, { 'accept-language': 'fr' }, {}]
    expect(await callsFor({ vary: 'Accept-Language' }, languages)).toBe(4)
    expect(await callsFor({ vary: 'Accept-Language' }, languages, { vary: ['accept-language'] })).toBe(3)
    expect(await callsFor({ vary: '*' }, languages, { vary: ['accept-language'] })).toBe(4)
    expect(await callsFor({ vary: '' }, languages)).toBe(1)
  },
  '9111 4.2.1 | `s-maxage`, `max-age`, `Expires`, in this order': async () => {
    const lives: [Fields, number][] = [
      [{ 'cache-control': 'max-age=10, s-maxage=100' }, 100],
      [{ 'cache-control': 'max-age=10', expires: day(1) }, 10],
      [{ 'cache-control': 'max-age=10', age: '4' }, 6],
      [{ expires: day(1) }, 86_000],
      [{ expires: day(-1) }, 0],
      [{ 'cache-control': 'max-age=5', age: '6' }, 0],
      [{ 'cache-control': 'max-age=10', age: '-10' }, 10],
      [{ 'cache-control': 'Max-Age = "10";public' }, 10],
      [{ 'cache-control': 'x="max-age=90", max-age=10, max-age=50' }, 10],
      [{ 'cache-control': 'max-age=10, s-maxage' }, 0],
    ]
    for (const text of ['max-age=0', 'max-age=-1', 'max-age=1e3', 'max-age=never', 'max-age = 0', 'max-age'])
      lives.push([{ 'cache-control': text, expires: day(1) }, 0])
    for (const text of ['never', '0', '3600', '2999-01-01', 'Thu, 02 Jan 2999 00:00:00', String(new Date('2999'))])
      lives.push([{ expires: text }, 0])
    for (const [fields, seconds] of lives) {
      const { ask, calls, clock } = setUp((call) => new Response(`call ${call}`, { headers: fields }))
      await ask()
      // Lifetimes are shortened by up to 5 %, so that not all end at once.
      await clock.advance(seconds * 900)
      await ask()
      expect([fields, calls()]).toEqual([fields, seconds === 0 ? 2 : 1])
      await clock.advance(seconds * 120)
      await ask()
      expect([fields, calls()]).toEqual([fields, seconds === 0 ? 3 : 2])
    }
    for (const date of ['Fri, 01 Jan 2049 00:00:00 GMT', 'Friday, 01-Jan-49 00:00:00 GMT', 'Fri Jan  1 00:00:00 2049'])
      expect([date, await callsFor({ expires: date })]).toEqual([date, 1])
    expect(await callsFor({ expires: '0' }, [{}, {}], { ttl: '1m' })).toBe(1)
  },
  '9111 4.2 | freshness; `Age` (5.1)': async () => {
    const { ask, clock } = setUp(undefined, { ttl: '1h' })
    expect((await ask()).headers.get('age')).toBeNull()
    const ages = []
    for (const ms of [0, 999, 1, 60_000]) {
      await clock.advance(ms)
      ages.push((await ask()).headers.get('age'))
    }
    expect(ages).toEqual(['0', '0', '1', '61'])
    // What was old already stays so for clients, who count by it.
    const old = setUp(() => new Response('a', { headers: { age: '50', 'cache-control': 'max-age=60' } }))
    const told = [(await old.ask()).headers.get('age')]
    await old.clock.advance(2000)
    told.push((await old.ask()).headers.get('age'))
    expect([...told, old.calls()]).toEqual(['50', '52', 1])
  },
  '9111 4.3 | validation of a stored response with the handler': async () => {
    const seen: string[] = []
    const { ask, clock } = setUp(
      (call, request) => {
        seen.push(`${request.headers.get('if-none-match')} ${request.headers.get('if-modified-since')}`)
        return new Response(`call ${call}`, { headers: { etag: '"own"', 'last-modified': day(-1) } })
      },
      { ttl: '1m' },
    )
    await ask()
    await clock.advance(61_000)
    await ask({ 'if-none-match': '"own"', 'if-modified-since': day(0) })
    expect(seen).toEqual(['null null', 'null null'])
  },
  '9111 4.2.4 | `must-revalidate` against stale answers': async () => {
    const respond: Respond = (call) =>
      call === 1
        ? new Response('old', { headers: { 'cache-control': 'must-revalidate' } })
        : new Response('', { status: 503 })
    const { ask, clock } = setUp(respond, { ttl: '1m', staleIfError: '1h' })
    await ask()
    await clock.advance(61_000)
    expect((await ask()).body).toBe('old')
    const strict = setUp(respond, { ttl: '1m', staleIfError: 0, staleWhileRevalidate: 0 })
    await strict.ask()
    await strict.clock.advance(61_000)
    expect((await strict.ask()).status).toBe(503)
  },
  '9111 4.4 | unsafe methods invalidate': async () => {
    const { ask, stash } = setUp(undefined, { tags: ['a'] })
    await ask()
    await ask({}, 'POST')
    expect((await ask()).body).toBe('call 1')
    await stash.invalidateTags(['a'])
    expect((await ask()).body).toBe('call 3')
  },
  '9111 5.2.1 | request directives (`no-cache`, `max-age`)': async () => {
    const asked = ['no-cache', 'no-store', 'max-age=0', 'only-if-cached'].map((text) => ({ 'cache-control': text }))
    expect(await callsFor({}, [...asked, { pragma: 'no-cache' }])).toBe(1)
  },
  '9110 13 | `If-None-Match` (weak comparison), `If-Modified-Since`': async () => {
    const { ask, calls } = setUp(() => new Response('a', { headers: { etag: 'W/"a"', 'last-modified': day(-1) } }))
    await ask()
    const statuses: [Fields, number][] = [
      [{ 'if-none-match': '"a"' }, 304],
      [{ 'if-none-match': '"x", W/"a"' }, 304],
      [{ 'if-none-match': '*' }, 304],
      [{ 'if-none-match': '"x"' }, 200],
      [{ 'if-none-match': '"x"', 'if-modified-since': day(0) }, 200],
      [{ 'if-modified-since': day(0) }, 304],
      [{ 'if-modified-since': day(-2) }, 200],
      [{ 'if-modified-since': '2999' }, 200],
      [{ 'if-match': '"x"' }, 200],
    ]
    for (const [fields, status] of statuses) {
      const answer = await ask(fields)
      expect([fields, answer.status, answer.headers.get('etag')]).toEqual([fields, status, 'W/"a"'])
      if (status === 304) expect([answer.body, answer.headers.has('content-type')]).toEqual(['', false])
    }
    expect(calls()).toBe(1)
  },
  '9110 14 | `Range`': async () => {
    const { ask, calls } = setUp()
    for (let n = 0; n < 2; n++)
      expect((await ask({ range: 'bytes=0-1' })).headers.get('cache-status')).toContain('detail="range"')
    expect(calls()).toBe(2)
  },
  '9211 | `Cache-Status`': async () => {
    const { ask, clock } = setUp(undefined, { ttl: '100s', staleWhileRevalidate: '1m' })
    const told = async (headers: Fields = {}) => (await ask(headers)).headers.get('cache-status')
    expect(await told()).toBe('hopstash; fwd=uri-miss')
    expect(await told()).toMatch(/^hopstash; hit; ttl=\d\d$/)
    expect(await told({ cookie: 'a' })).toBe('hopstash; fwd=bypass; detail="credentials"')
    await clock.advance(101_000)
    expect(await told()).toMatch(/^hopstash; hit; ttl=(?:0|-\d)$/)
    const varied = setUp(() => new Response('a', { headers: { vary: 'Accept-Language, X"; hit' } }), {
      vary: ['accept-language'],
    })
    expect((await varied.ask()).headers.get('cache-status')).toBe('hopstash; fwd=bypass; detail="vary: x???hit"')
  },
}

describe('what is claimed of RFC 9110, 9111 and 9211', () => {
  const page = readFileSync(new URL('../../../docs/routes.md', import.meta.url), 'utf8')
  const claimed = [...page.matchAll(/^\| (9\d{3}[^|]*?) \| ([^|]+?) \|/gm)].map(
    ([, section, part]) => `${section} | ${part}`,
  )

  it('is shown row by row', () => {
    expect(claimed.toSorted()).toEqual(Object.keys(rows).toSorted())
  })

  it.each(Object.entries(rows))('%s', (_row, show) => show())
})
