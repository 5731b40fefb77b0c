import { gzipSync } from 'node:zlib'
import OpenAI from 'openai-6'
import { describe, expect, it, vi } from 'vitest'
import { DIRECTIVE_HEADER } from '../../src/llm/directives.js'
import type { FetchLike } from '../../src/llm/fetch-options.js'
import { ASK, gate, openWorld, post } from './llm-world.js'

const CHAT = ASK['openai-chat']('hello')
const TEXT = JSON.stringify(CHAT.body)
const JSON_TYPE = { 'content-type': 'application/json' }
const url = (wire: { url: string }) => wire.url + CHAT.path

describe('however a call is written down', () => {
  it('it is one entry: text, bytes, a `Request`, a URL, headers of any form, a stream in a `Request`', async () => {
    const { wire, fetch } = await openWorld()
    const stream = () => new Blob([TEXT]).stream()
    const calls: (() => Promise<Response>)[] = [
      () => fetch(url(wire), { method: 'POST', headers: JSON_TYPE, body: TEXT }),
      () => fetch(new URL(url(wire)), { method: 'post', headers: Object.entries(JSON_TYPE), body: Buffer.from(TEXT) }),
      () => fetch(url(wire), { method: 'POST', headers: new Headers(JSON_TYPE), body: new TextEncoder().encode(TEXT) }),
      () => fetch(url(wire), { method: 'POST', headers: JSON_TYPE, body: new TextEncoder().encode(TEXT).buffer }),
      () =>
        fetch(url(wire), {
          method: 'POST',
          headers: { 'Content-Type': 'application/json; charset=utf-8' },
          body: TEXT,
        }),
      () => fetch(new Request(url(wire), { method: 'POST', headers: JSON_TYPE, body: TEXT })),
      () =>
        fetch(new Request(url(wire), { method: 'POST', headers: JSON_TYPE, body: stream(), duplex: 'half' } as object)),
      () => fetch(new Request(url(wire)), { method: 'POST', headers: JSON_TYPE, body: TEXT }),
      () => fetch(url(wire), { method: 'POST', headers: JSON_TYPE, body: TEXT, duplex: 'half' } as RequestInit),
      () => fetch(url(wire), { method: 'POST', headers: JSON_TYPE, body: TEXT, redirect: 'error', keepalive: true }),
    ]
    const texts: string[] = []
    for (const call of calls) texts.push(await (await call()).text())
    expect(new Set(texts).size).toBe(1)
    expect(wire.requests.map(({ body }) => body)).toEqual([CHAT.body])
  })

  it('names in another order are the same call at any depth, items of a list in another order are not', async () => {
    const { wire, fetch } = await openWorld()
    const tool = (parameters: object) => ({
      path: CHAT.path,
      body: { ...CHAT.body, tools: [{ type: 'function', function: { name: 'f', parameters } }] },
    })
    const properties = { a: { type: 'string', enum: ['x', 'y'] }, b: { type: 'array', items: { type: 'object' } } }
    const turned = { b: { items: { type: 'object' }, type: 'array' }, a: { enum: ['x', 'y'], type: 'string' } }
    const first = await (await post(fetch, wire, tool({ type: 'object', properties, required: ['a', 'b'] }))).text()
    const again = await post(fetch, wire, tool({ required: ['a', 'b'], properties: turned, type: 'object' }))
    expect(await again.text()).toBe(first)
    await (await post(fetch, wire, tool({ type: 'object', properties, required: ['b', 'a'] }))).text()
    expect(wire.requests).toHaveLength(2)
  })
})

describe('what is no call passes through, with body and answer as they are', () => {
  const nested = JSON.stringify({ ...CHAT.body, deep: JSON.parse('['.repeat(600) + ']'.repeat(600)) })
  it.each<[string, () => RequestInit]>([
    ['JSON that says it is text', () => ({ headers: { 'content-type': 'text/plain' }, body: TEXT })],
    ['JSON that says nothing', () => ({ body: TEXT })],
    ['a stream', () => ({ headers: JSON_TYPE, body: new Blob([TEXT]).stream(), duplex: 'half' }) as RequestInit],
    ['a blob', () => ({ body: new Blob([TEXT], { type: 'application/json' }) })],
    ['a form', () => ({ body: new URLSearchParams({ model: 'x' }) })],
    ['JSON that is a list', () => ({ headers: JSON_TYPE, body: `[${TEXT}]` })],
    ['JSON cut in the middle', () => ({ headers: JSON_TYPE, body: TEXT.slice(0, -3) })],
    ['JSON behind a mark of byte order', () => ({ headers: JSON_TYPE, body: Buffer.from(`\ufeff${TEXT}`) })],
    ['bytes that are no UTF-8', () => ({ headers: JSON_TYPE, body: Buffer.from([0x7b, 0xff, 0x7d]) })],
    ['JSON nested deeper than a key can be', () => ({ headers: JSON_TYPE, body: nested })],
    ['nothing', () => ({ headers: JSON_TYPE })],
  ])('%s', async (_what, init) => {
    const sent: [unknown, RequestInit | undefined][] = []
    const { wire, open, answers } = await openWorld()
    const fetch = open({
      fetch: async (input, more) => {
        sent.push([input, more])
        return new Response('as it is', { status: 201, headers: { 'x-own': '1' } })
      },
    })
    const given = { method: 'POST', ...init() }
    const response = await fetch(url(wire), given)
    expect([response.status, await response.text(), response.headers.get('cache-status')]).toEqual([
      201,
      'as it is',
      null,
    ])
    expect(sent).toEqual([[url(wire), given]])
    expect(sent[0]?.[1]?.body).toBe(given.body)
    expect([answers.stats().size, fetch.stats().passed]).toEqual([0, 1])
  })

  it.each([
    ['that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    ['behind a mark of byte order', Buffer.from(`\ufeff${TEXT}`)],
    ['that are a list', Buffer.from(`[${TEXT}]`)],
  ])('bytes of a `Request` %s', async (_what, bytes) => {
    const { wire, open } = await openWorld()
    let sent: Buffer | undefined
    const fetch = open({
      fetch: async (input, init) => {
        sent = Buffer.from(await new Request(input, init).arrayBuffer())
        return new Response('as it is')
      },
    })
    const response = await fetch(new Request(url(wire), { method: 'POST', headers: JSON_TYPE, body: bytes }))
    expect([await response.text(), response.headers.get('cache-status')]).toEqual(['as it is', null])
    expect(sent).toEqual(bytes)
  })

  it('a call to an address of which only the `fetch` of the host knows where it is', async () => {
    const { open } = await openWorld()
    const fetch = open({ fetch: async (address) => new Response(`at ${address}`) })
    const response = await fetch('/v1/chat/completions', { method: 'POST', headers: JSON_TYPE, body: TEXT })
    expect(await response.text()).toBe('at /v1/chat/completions')
  })

  it('a HEAD, and a directive of it gets no further', async () => {
    const { wire, fetch } = await openWorld()
    const response = await fetch(`${wire.url}/v1/models`, {
      method: 'HEAD',
      headers: { [DIRECTIVE_HEADER]: 'no-store' },
    })
    expect([response.status, await response.text()]).toEqual([200, ''])
    expect(wire.requests[0]?.headers[DIRECTIVE_HEADER]).toBeUndefined()
  })
})

describe('arguments are read at once, as `fetch` reads them', () => {
  it('so that one `URL`, one list of options and one buffer serve for many calls', async () => {
    const { wire, fetch } = await openWorld()
    const bytes = new TextEncoder().encode(TEXT)
    const address = new URL(url(wire))
    const init: RequestInit = { method: 'POST', headers: JSON_TYPE, body: bytes }
    const asking: Promise<Response>[] = []
    for (const page of ['1', '2', '3']) {
      address.searchParams.set('page', page)
      bytes.set(new TextEncoder().encode(page), TEXT.indexOf('hello'))
      asking.push(fetch(address, init))
    }
    bytes.fill(0x20)
    init.body = '{}'
    const answers = await Promise.all(asking.map(async (response) => (await response).text()))
    expect(new Set(answers).size).toBe(3)
    const said = ({ body }: { readonly body: object }) => (body as typeof CHAT.body).messages[0]?.content
    expect(wire.requests.map((request) => [request.path.slice(-1), said(request)]).sort()).toEqual([
      ['1', '1ello'],
      ['2', '2ello'],
      ['3', '3ello'],
    ])
  })

  it('also of what passes through', async () => {
    const { wire, fetch } = await openWorld()
    const address = new URL('/v1/models', wire.url)
    const init: RequestInit & { headers: Record<string, string> } = { headers: {} }
    const asking: Promise<Response>[] = []
    for (const page of ['1', '2', '3']) {
      address.searchParams.set('page', page)
      init.headers['x-page'] = page
      asking.push(fetch(address, init))
    }
    for (const response of await Promise.all(asking)) await response.text()
    const pages = wire.requests.map(({ path, headers }) => [path.slice(-1), headers['x-page']]).sort()
    expect(pages).toEqual([
      ['1', '1'],
      ['2', '2'],
      ['3', '3'],
    ])
  })

  it('a `Request` in the place of options is one', async () => {
    const { wire, fetch } = await openWorld()
    const request = () =>
      new Request('http://nowhere.test/', {
        method: 'POST',
        headers: { ...JSON_TYPE, [DIRECTIVE_HEADER]: 'ttl=1m' },
        body: TEXT,
      })
    const first = await (await fetch(url(wire), request())).text()
    expect(await (await fetch(url(wire), request())).text()).toBe(first)
    expect(wire.requests.map(({ body, headers }) => [body, headers[DIRECTIVE_HEADER]])).toEqual([
      [CHAT.body, undefined],
    ])
  })

  it.each([
    ['application/json', 'the global `fetch`', {}],
    ['text/plain', 'the global `fetch`', {}],
    [
      'application/json',
      'a `fetch` of the host',
      { fetch: (...args: Parameters<FetchLike>) => globalThis.fetch(...args) },
    ],
    ['text/plain', 'a `fetch` of the host', { fetch: (...args: Parameters<FetchLike>) => globalThis.fetch(...args) }],
  ])('a `Request` of %s keeps its dispatcher before %s', async (type, _whose, options) => {
    const { wire, fetch } = await openWorld(options)
    let dispatched = 0
    const dispatcher = {
      dispatch(): never {
        dispatched++
        throw new Error('over this way')
      },
    }
    const init = { method: 'POST', headers: { 'content-type': type }, body: TEXT, dispatcher }
    await expect(fetch(new Request(url(wire), init as unknown as RequestInit))).rejects.toMatchObject({
      cause: { message: 'over this way' },
    })
    expect([dispatched, wire.requests.length]).toEqual([1, 0])
  })
})

describe('bytes of a body', () => {
  const bytesOf = (text: string) => new TextEncoder().encode(text)
  it.each<[string, (address: string) => Parameters<FetchLike>]>([
    ['of options', (address) => [address, { method: 'POST', headers: JSON_TYPE, body: bytesOf(TEXT) }]],
    [
      'of a `Request`',
      (address) => [new Request(address, { method: 'POST', headers: JSON_TYPE, body: bytesOf(TEXT) })],
    ],
  ])('%s are read once: what is sent is the text they were read as', async (_whose, args) => {
    const { wire, fetch } = await openWorld()
    const copying = vi.spyOn(ArrayBuffer.prototype, 'slice')
    await (await fetch(...args(url(wire)))).text()
    const copies = copying.mock.results.filter(({ value }) => (value as ArrayBuffer).byteLength === TEXT.length)
    copying.mockRestore()
    expect(copies).toEqual([])
    expect(wire.requests.map(({ body }) => body)).toEqual([CHAT.body])
  })
})

describe('signals', () => {
  it.each([
    ['of the call', (signal: AbortSignal) => [{}, { signal }]],
    ['of the `Request`', (signal: AbortSignal) => [{ signal }, undefined]],
  ] as const)(
    '%s: a timeout is the reason the caller hears, before the answer and in its middle',
    async (_whose, give) => {
      for (const events of [0, 2]) {
        const { wire, fetch } = await openWorld()
        wire.scripts.push({ holdAfter: { events, until: gate().passed } })
        const [inRequest, init] = give(AbortSignal.timeout(events === 0 ? 50 : 300))
        const { path, body } = ASK['openai-chat']('hello', true)
        const request = new Request(wire.url + path, {
          method: 'POST',
          headers: JSON_TYPE,
          body: JSON.stringify(body),
          ...inRequest,
        })
        const asking = fetch(request, init).then((response) => response.text())
        await expect(asking).rejects.toMatchObject({ name: 'TimeoutError' })
      }
    },
  )

  it('of a `Request` that its caller takes back: it ends nothing', async () => {
    const { wire, fetch } = await openWorld()
    const init = { method: 'POST', headers: JSON_TYPE, body: TEXT, signal: AbortSignal.abort() }
    expect((await fetch(new Request(url(wire), init), { signal: null })).status).toBe(200)
    expect(wire.requests).toHaveLength(1)
  })

  it('aborted before: nothing is sent, and what is kept is not read', async () => {
    const { wire, fetch } = await openWorld()
    await (await post(fetch, wire, CHAT)).text()
    const signal = AbortSignal.abort(new Error('never mind'))
    await expect(post(fetch, wire, CHAT, { signal })).rejects.toThrow('never mind')
    await expect(post(fetch, wire, ASK['openai-chat']('other'), { signal })).rejects.toThrow('never mind')
    expect(wire.requests).toHaveLength(1)
  })
})

describe('answers on their way', () => {
  it('that come compressed are kept in the clear, and say nothing of it', async () => {
    const { wire, fetch } = await openWorld()
    const body = '{"id":"chatcmpl-1","choices":[{"index":0,"finish_reason":"stop","message":{"content":"grüße"}}]}'
    const headers = { 'content-encoding': 'gzip' }
    wire.scripts.push({ raw: { contentType: 'application/json', body: gzipSync(body) }, headers })
    const first = await post(fetch, wire, CHAT)
    const second = await post(fetch, wire, CHAT)
    for (const response of [first, second]) {
      expect(response.headers.get('content-encoding')).toBeNull()
      expect(response.headers.get('content-length')).toBeNull()
      expect(await response.text()).toBe(body)
    }
    expect(wire.requests).toHaveLength(1)
  })

  it('that were redirected are kept under what was asked; a redirection not to be followed is handed on', async () => {
    const { wire, fetch } = await openWorld()
    const away = { status: 307, headers: { location: '/elsewhere/v1/chat/completions' } }
    wire.scripts.push(away)
    const first = await (await post(fetch, wire, CHAT)).text()
    expect(await (await post(fetch, wire, CHAT)).text()).toBe(first)
    expect(wire.requests.map(({ path }) => path)).toEqual([CHAT.path, '/elsewhere/v1/chat/completions'])
    wire.scripts.push(away)
    const body = JSON.stringify(ASK['openai-chat']('other').body)
    const handed = await fetch(url(wire), { method: 'POST', headers: JSON_TYPE, redirect: 'manual', body })
    expect([handed.status, handed.headers.get('location')]).toEqual([307, away.headers.location])
    expect(fetch.stats().unstored).toEqual({ status: 1 })
  })

  it('that are longer than is shared and kept come whole', async () => {
    const { wire, fetch } = await openWorld({ maxSharedBytes: 1000 })
    const long = { text: 'long '.repeat(2000) }
    wire.scripts.push(long, long)
    for (let round = 0; round < 2; round++) {
      expect(JSON.parse(await (await post(fetch, wire, CHAT)).text()).choices[0].message.content).toBe(long.text)
    }
    expect(wire.requests).toHaveLength(2)
    expect(fetch.stats().unstored).toEqual({ 'too-large': 2 })
  })
})

describe('mistakes of the host reach whoever calls through an SDK at once, not after retries', () => {
  it.each([
    { what: 'a directive that is none', headers: { [DIRECTIVE_HEADER]: 'sampel=2' }, code: 'ERR_OPTION_INVALID' },
    { what: 'a scope that is missing', headers: {}, code: 'ERR_SCOPE_REQUIRED' },
  ])('$what', async ({ headers, code }) => {
    const { wire, fetch } = await openWorld({}, { requireScope: true })
    let asked = 0
    const counted: typeof globalThis.fetch = (...args) => {
      asked++
      return fetch(...(args as Parameters<typeof fetch>))
    }
    const openai = new OpenAI({ apiKey: 'k', baseURL: `${wire.url}/v1`, fetch: counted, maxRetries: 2 })
    const messages = [{ role: 'user' as const, content: 'hello' }]
    const asking = openai.chat.completions.create({ model: 'm', messages }, { headers })
    await expect(asking).rejects.toMatchObject({ status: 400, code })
    expect([asked, wire.requests.length]).toEqual([1, 0])
  })
})
