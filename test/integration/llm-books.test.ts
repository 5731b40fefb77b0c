import fc from 'fast-check'
import { expect, it } from 'vitest'
import { namespace } from '../../src/cache/presets.js'
import { createStash } from '../../src/cache/stash.js'
import type { Spending } from '../../src/llm/accounts.js'
import { type CachedFetch, cachedFetch } from '../../src/llm/cached-fetch.js'
import { readCall } from '../../src/llm/call.js'
import { DIRECTIVE_HEADER } from '../../src/llm/directives.js'
import { resolveOptions } from '../../src/llm/fetch-options.js'
import { openWorld, post } from './llm-world.js'

/** What an upstream call comes to. */
type Fate = 'good' | 'bad' | 'long' | 'status' | 'network'
interface Ask {
  /** Texts to embed, or the prompt of a chat. */
  readonly texts: readonly string[] | string
  readonly key: number
  readonly directive: string
  readonly isRetry: boolean
  /** Turns of the event loop before it begins. */
  readonly after: number
}

const text = fc.constantFrom('a', 'bb', 'ccc', 'dddd')
const ask: fc.Arbitrary<Ask> = fc.record({
  texts: fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 })),
  key: fc.nat(1),
  directive: fc.constantFrom('', '', '', '', 'no-store', 'force-fresh', 'only-if-cached', 'max-age=0'),
  isRetry: fc.nat(5).map((of) => of === 0),
  after: fc.nat(6),
})
const fate = fc.constantFrom<Fate>('good', 'good', 'good', 'good', 'bad', 'long', 'status', 'network')
const STATUSES = [401, 429, 500]

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

it('the books say what the model was paid, whatever becomes of calls and answers', async () => {
  const property = fc.asyncProperty(
    fc.array(ask, { minLength: 1, maxLength: 20 }),
    fc.infiniteStream(fc.tuple(fate, fc.nat(3))),
    async (asks, fates) => {
      await using stash = createStash({ namespaces: { answers: namespace<unknown, unknown>({ jitter: 0 }) } })
      const model = modelOf(fates)
      const fetch = cachedFetch(stash.answers, { fetch: model.fetch, maxSharedBytes: 2000 })
      await Promise.all(asks.map((one) => answered(fetch, one)))
      const { original, billed, saved, misses, passed } = fetch.stats()
      expect([billed.input, passed]).toEqual([model.tokens(), 0])
      expect(misses).toBe(billed.calls)
      for (const name of Object.keys(original) as (keyof Spending)[]) {
        expect(original[name]).toBeCloseTo(billed[name] + saved[name], 12)
        expect(saved[name]).toBeGreaterThanOrEqual(0)
      }
      expect(stash.answers.stats().inFlight).toBe(0)
    },
  )
  await fc.assert(property, { numRuns: 200 })
}, 120_000)

it('a failure is not told as stored, though an answer was kept before it', async () => {
  const { wire, fetch } = await openWorld()
  const call = {
    path: '/v1/chat/completions',
    body: { model: 'gpt-5', messages: [{ role: 'user', content: 'hello' }] },
  }
  await (await post(fetch, wire, call)).text()
  wire.scripts.push({ status: 401 })
  const failed = await post(fetch, wire, call, { headers: { [DIRECTIVE_HEADER]: 'max-age=0' } })
  expect([failed.status, failed.headers.get('cache-status')]).toEqual([401, 'hopstash; fwd=uri-miss'])
})

it('a call past the cache goes nowhere where only what is kept was asked for', async () => {
  const { wire, answers, fetch } = await openWorld()
  const call = { path: '/v1/embeddings', body: { model: 'm', input: ['cat'] } }
  await (await post(fetch, wire, call)).text()
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(call.body) }
  const reading = await readCall(wire.url + call.path, init, resolveOptions({}))
  const key = 'call' in reading ? reading.call.like({ model: 'm', item: 'cat' }).key : ''
  await answers.records('llm-embedding').load(key, async () => 'no embedding', { forceFresh: true })
  const asking = post(fetch, wire, call, { headers: { [DIRECTIVE_HEADER]: 'only-if-cached' } })
  await expect(asking).rejects.toMatchObject({ code: 'ERR_NOT_CACHED' })
  expect(wire.requests).toHaveLength(1)
})

/** Asks, reads what comes, and expects of vectors that they stand where their texts do. */
async function answered(fetch: CachedFetch, { texts, key, directive, isRetry, after }: Ask): Promise<void> {
  await turns(after)
  const isChat = typeof texts === 'string'
  const body = isChat
    ? { model: 'gpt-5', messages: [{ content: texts }] }
    : { model: 'text-embedding-3-small', input: texts }
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${key}`,
    ...(directive !== '' && { [DIRECTIVE_HEADER]: directive }),
    ...(isRetry && { 'x-stainless-retry-count': '1' }),
  }
  const address = `http://model.test/v1/${isChat ? 'chat/completions' : 'embeddings'}`
  try {
    const response = await fetch(address, { method: 'POST', headers, body: JSON.stringify(body) })
    const { data } = (await response.json()) as { data?: { embedding: number[] }[] }
    if (isChat || data?.length !== texts.length) return
    expect(data.map(({ embedding }) => embedding[0])).toEqual(texts.map(({ length }) => length))
  } catch (error) {
    expect(['ERR_NOT_CACHED', undefined]).toContain((error as { code?: string }).code)
    expect((error as Error).name).not.toBe('AssertionError')
  }
}

/** A model that counts the tokens it was asked to read. */
function modelOf(fates: fc.Stream<[Fate, number]>) {
  let tokens = 0
  return {
    tokens: () => tokens,
    async fetch(address: string | URL | Request, init?: RequestInit): Promise<Response> {
      const [becomes = 'good', slow = 0] = fates.next().value ?? []
      await turns(slow)
      if (becomes === 'network') throw new TypeError('fetch failed')
      if (becomes === 'status') return Response.json({ error: {} }, { status: STATUSES[slow % STATUSES.length] ?? 500 })
      const { input } = JSON.parse(String(init?.body)) as { readonly input?: readonly string[] }
      const used = input === undefined ? 7 : 3 * input.length
      tokens += used
      if (String(address).endsWith('/embeddings')) {
        const all = (input ?? []).map(({ length }, index) => ({ index, embedding: [length] }))
        const data = becomes === 'bad' ? all.slice(1) : all
        return Response.json({ data, model: 'text-embedding-3-small', usage: { prompt_tokens: used } })
      }
      const content = becomes === 'long' ? 'long '.repeat(1000) : 'hi'
      const choices = [{ index: 0, finish_reason: becomes === 'bad' ? 'length' : 'stop', message: { content } }]
      return Response.json({ model: 'gpt-5', choices, usage: { prompt_tokens: used, completion_tokens: 1 } })
    },
  }
}
