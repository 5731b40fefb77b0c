import { describe, expect, it } from 'vitest'
import type { CachedFetch } from '../../src/llm/cached-fetch.js'
import type { CachedFetchOptions } from '../../src/llm/fetch-options.js'
import type { WireServer } from '../support/wire-server.js'
import { gate, type LlmWorld, openWorld, post, until } from './llm-world.js'

interface Answer {
  readonly data: { readonly index: number; readonly embedding: number[] | string }[]
  readonly usage: { readonly prompt_tokens: number }
  readonly model: string
}

const embed = async (fetch: CachedFetch, wire: WireServer, input: unknown, more: object = {}) => {
  const body = { model: 'text-embedding-3-small', input, ...more }
  const response = await post(fetch, wire, { path: '/v1/embeddings', body })
  return { response, body: (await response.json()) as Answer }
}

/** The vectors as numbers: length of the text, its sum, and the request that brought them. */
const vectors = ({ data }: Answer) =>
  data.map(({ embedding }) =>
    typeof embedding === 'string'
      ? [...new Float32Array(Uint8Array.from(Buffer.from(embedding, 'base64')).buffer)]
      : embedding,
  )

const askedFor = (wire: WireServer) => wire.requests.map(({ body }) => body.input)

describe.each(['float', 'base64'])('embeddings as %s', (encoding_format) => {
  it('asks only for the items nobody has, in one call, and returns them in the order asked', async () => {
    const { wire, fetch } = await openWorld()
    await embed(fetch, wire, ['cat', 'horse'], { encoding_format })
    const { body, response } = await embed(fetch, wire, ['dog', 'horse', 'elephant', 'cat'], { encoding_format })
    expect(askedFor(wire)).toEqual([
      ['cat', 'horse'],
      ['dog', 'elephant'],
    ])
    expect(body.data.map(({ index }) => index)).toEqual([0, 1, 2, 3])
    expect(vectors(body).map(([length, , serial]) => [length, serial])).toEqual([
      [3, 2],
      [5, 1],
      [8, 2],
      [3, 1],
    ])
    expect(response.headers.get('cache-status')).toBe('hopstash; fwd=uri-miss; detail="items:2/4"')
    const again = await embed(fetch, wire, ['cat', 'dog', 'elephant', 'horse'], { encoding_format })
    expect(again.response.headers.get('cache-status')).toMatch(/^hopstash; hit; ttl=\d+$/)
    expect(askedFor(wire)).toHaveLength(2)
    expect(again.body).toMatchObject({ object: 'list', model: 'text-embedding-3-small' })
  })

  it('takes a text that occurs twice as one item', async () => {
    const { wire, fetch } = await openWorld()
    const { body } = await embed(fetch, wire, ['cat', 'dog', 'cat'], { encoding_format })
    expect(askedFor(wire)).toEqual([['cat', 'dog']])
    expect(vectors(body)[2]).toEqual(vectors(body)[0])
    expect(body.data.map(({ index }) => index)).toEqual([0, 1, 2])
  })

  it('puts each vector under its own text, whatever order the provider answers in', async () => {
    const { wire, fetch } = await openWorld()
    const vector = (text: string) =>
      encoding_format === 'float'
        ? [text.length, 0, 0]
        : Buffer.from(new Float32Array([text.length, 0, 0]).buffer).toString('base64')
    const data = [
      { index: 1, embedding: vector('elephant') },
      { index: 0, embedding: vector('cat') },
    ]
    wire.scripts.push({ raw: { contentType: 'application/json', body: JSON.stringify({ data, model: 'm' }) } })
    const { body } = await embed(fetch, wire, ['cat', 'elephant'], { encoding_format })
    expect(vectors(body).map(([length]) => length)).toEqual([3, 8])
    const { body: one } = await embed(fetch, wire, ['elephant'], { encoding_format })
    expect(vectors(one)[0]?.[0]).toBe(8)
    expect(wire.requests).toHaveLength(1)
  })

  const vector = encoding_format === 'float' ? [1, 2] : 'AACAPwAAAEA='
  it.each([
    { what: 'too few items', data: [{ index: 0, embedding: vector }] },
    { what: 'an index twice', data: [0, 0].map((index) => ({ index, embedding: vector })) },
    { what: 'an index out of range', data: [0, 2].map((index) => ({ index, embedding: vector })) },
    { what: 'no indexes', data: [0, 0].map(() => ({ embedding: vector })) },
    { what: 'a missing vector', data: [0, 1].map((index) => ({ index, embedding: null })) },
    {
      what: 'vectors of two lengths',
      data: [
        { index: 0, embedding: vector },
        { index: 1, embedding: encoding_format === 'float' ? [1] : 'AAAA' },
      ],
    },
    {
      what: 'the other form',
      data: [0, 1].map((index) => ({ index, embedding: encoding_format === 'float' ? 'AACAPw==' : [1, 2] })),
    },
  ])('hands on an answer with $what, and keeps nothing of it', async ({ data }) => {
    const { wire, fetch, answers } = await openWorld()
    const raw = { contentType: 'application/json', body: JSON.stringify({ data }) }
    wire.scripts.push({ raw })
    const { body } = await embed(fetch, wire, ['cat', 'dog'], { encoding_format })
    expect(body).toEqual({ data })
    expect(answers.stats().size).toBe(0)
    await embed(fetch, wire, ['cat', 'dog'], { encoding_format })
    expect(wire.requests).toHaveLength(2)
  })

  it('asks for everything past the cache when a part of the answer proves wrong', async () => {
    const { wire, fetch } = await openWorld()
    await embed(fetch, wire, ['cat'], { encoding_format })
    wire.scripts.push({ raw: { contentType: 'application/json', body: JSON.stringify({ data: [] }) } })
    const { body, response } = await embed(fetch, wire, ['cat', 'dog'], { encoding_format })
    expect(vectors(body).map(([length]) => length)).toEqual([3, 3])
    expect(response.headers.get('cache-status')).toBe('hopstash; fwd=bypass')
    expect(askedFor(wire)).toEqual([['cat'], ['dog'], ['cat', 'dog']])
  })
})

describe('embeddings', () => {
  it('of two overlapping batches at one time ask for every text once', async () => {
    const { wire, fetch } = await openWorld()
    const [one, two] = await Promise.all([
      embed(fetch, wire, ['a', 'bb', 'ccc']),
      embed(fetch, wire, ['ccc', 'dddd', 'bb']),
    ])
    expect(vectors(one.body).map(([length]) => length)).toEqual([1, 2, 3])
    expect(vectors(two.body).map(([length]) => length)).toEqual([3, 4, 2])
    expect(askedFor(wire)).toEqual([['a', 'bb', 'ccc'], ['dddd']])
  })

  it('of two batches that wait for each other do not wait for ever', async () => {
    const { wire, fetch } = await openWorld()
    const batches = Array.from({ length: 20 }, (_, seed) =>
      Array.from({ length: 8 }, (_, index) => `text ${(seed * 5 + index * 3) % 24}`),
    )
    const results = await Promise.all(batches.map((batch) => embed(fetch, wire, batch)))
    for (const [index, { body }] of results.entries()) {
      expect(vectors(body).map(([length]) => length)).toEqual(batches[index]?.map((text) => text.length))
    }
    expect(askedFor(wire).flat()).toHaveLength(new Set(batches.flat()).size)
  })

  it('share usage by length, and bill only what went to the model', async () => {
    const { wire, fetch } = await openWorld()
    await embed(fetch, wire, ['four', 'sixsix'])
    const { body } = await embed(fetch, wire, ['sixsix', 'elevenletters'])
    expect(body.usage.prompt_tokens).toBe(6 + 13)
    const { original, billed, saved } = fetch.stats()
    expect(original.input).toBe(10 + 19)
    expect(billed.input).toBe(10 + 13)
    expect(saved.input).toBe(6)
    expect(saved.money).toBeCloseTo((6 * 0.02) / 1e6, 12)
  })

  it('of tokens, of one text, of other dimensions or models are told apart', async () => {
    const { wire, fetch } = await openWorld()
    await embed(fetch, wire, 'cat')
    await embed(fetch, wire, ['cat'])
    expect(wire.requests).toHaveLength(1)
    await embed(fetch, wire, [1, 2])
    await embed(fetch, wire, [[1, 2], [3]])
    expect(askedFor(wire).slice(1)).toEqual([[1, 2], [[3]]])
    await embed(fetch, wire, ['cat'], { dimensions: 64 })
    await embed(fetch, wire, ['cat'], { model: 'text-embedding-3-large' })
    expect(wire.requests).toHaveLength(5)
  })

  it('of a body that says more than can be parsed go out as they came, and share nothing', async () => {
    const { open } = await openWorld()
    const sent: unknown[] = []
    const data = ['cat', 'dog'].map((_, index) => ({ index, embedding: [1, 2] }))
    const fetch = open({
      async fetch(_url, init) {
        sent.push(init?.body)
        return Response.json({ data, model: 'm', usage: { prompt_tokens: 2 } })
      },
    })
    const bodies = ['3', '2'].map((last) => `{"model":"m","input":["cat","dog"],"seed":900719925474099${last}}`)
    for (const body of [...bodies, ...bodies]) {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
      const response = await fetch('http://host.test/v1/embeddings', init)
      expect(((await response.json()) as Answer).data).toEqual(data)
    }
    expect(sent).toEqual(bodies)
    expect(fetch.stats()).toMatchObject({ hits: 2, misses: 2, original: { input: 8 }, billed: { input: 4 } })
  })

  it('that fail come with the status and headers of the provider', async () => {
    const { wire, fetch, answers } = await openWorld()
    wire.scripts.push({ status: 429, headers: { 'retry-after': '7' } })
    const { response } = await embed(fetch, wire, ['cat', 'dog'])
    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('7')
    expect(answers.stats().size).toBe(0)
    expect(fetch.stats().unstored).toEqual({ status: 1 })
    expect((await embed(fetch, wire, ['cat', 'dog'])).response.status).toBe(200)
  })

  it('whose only caller leaves are aborted upstream', async () => {
    const { wire, fetch } = await openWorld()
    wire.scripts.push({ holdAfter: { events: 0, until: gate().passed } })
    const leaver = new AbortController()
    const body = { model: 'm', input: ['cat', 'dog'] }
    const call = post(fetch, wire, { path: '/v1/embeddings', body }, { signal: leaver.signal })
    await until(() => wire.requests.length === 1)
    leaver.abort(new Error('left'))
    await expect(call).rejects.toThrow('left')
    await until(() => wire.requests[0]?.aborted === true)
  })

  const left = async (options: CachedFetchOptions, others: (world: LlmWorld) => Promise<unknown>[]) => {
    const world = await openWorld(options)
    const { wire, fetch } = world
    const { passed, open } = gate()
    wire.scripts.push({ holdAfter: { events: 0, until: passed } })
    const leaver = new AbortController()
    const body = { model: 'text-embedding-3-small', input: ['four', 'sixsix'] }
    const call = post(fetch, wire, { path: '/v1/embeddings', body }, { signal: leaver.signal })
    await until(() => wire.requests.length === 1)
    const waiting = others(world)
    leaver.abort(new Error('left'))
    await expect(call).rejects.toThrow('left')
    open()
    await Promise.all(waiting)
    return world
  }

  it('whose payer leaves while another waits for one of them are billed all the same', async () => {
    const { wire, fetch } = await left({}, ({ wire, fetch }) => [embed(fetch, wire, ['sixsix'])])
    expect(askedFor(wire)).toEqual([['four', 'sixsix']])
    const { original, billed, saved, models, withoutUsage } = fetch.stats()
    expect([original.input, billed.input, saved.input]).toEqual([10 + 6, 10, 6])
    expect([original.calls, billed.calls, withoutUsage]).toEqual([2, 1, 0])
    expect(Object.keys(models)).toEqual(['text-embedding-3-small'])
  })

  it('that are read to their end although their caller left let him go at once, are kept and billed', async () => {
    const { wire, fetch } = await left({ finishOnAbort: true }, () => [])
    await until(() => fetch.stats().billed.input > 0)
    await embed(fetch, wire, ['four', 'sixsix'])
    expect(askedFor(wire)).toEqual([['four', 'sixsix']])
    expect(fetch.stats()).toMatchObject({ billed: { calls: 1, input: 10 }, saved: { calls: 1, input: 10 } })
  })
})

it('an answer that tells no tokens is one of those without usage, and gets none', async () => {
  const { wire, open } = await openWorld()
  const data = (input: string[]) => input.map((_, index) => ({ object: 'embedding', index, embedding: [1, index] }))
  const fetch = open({
    fetch: async (_url, init) => Response.json({ model: 'local', data: data(JSON.parse(String(init?.body)).input) }),
  })
  expect((await embed(fetch, wire, ['a', 'b'])).body).not.toHaveProperty('usage')
  expect((await embed(fetch, wire, ['b', 'c'])).body.data).toHaveLength(2)
  expect(fetch.stats()).toMatchObject({ withoutUsage: 2, withoutPrice: 0, billed: { calls: 2, input: 0 } })
})
