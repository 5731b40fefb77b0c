import Anthropic from '@anthropic-ai/sdk'
import OpenAI5 from 'openai-5'
import OpenAI6 from 'openai-6'
import { describe, expect, it } from 'vitest'
import { anthropicMiddleware, type CachedFetch } from '../../src/llm/cached-fetch.js'
import { directives } from '../../src/llm/directives.js'
import { openWorld, until } from './llm-world.js'

const NODE_MAJOR = Number(process.versions.node.split('.')[0])

// Majors differ in types, not in what is called here; the type of one stands for all.
const MAJORS: { name: string; load: () => Promise<typeof OpenAI6>; minNode: number }[] = [
  { name: 'openai 5', load: async () => OpenAI5 as unknown as typeof OpenAI6, minNode: 20 },
  { name: 'openai 6', load: async () => OpenAI6, minNode: 20 },
  { name: 'openai 7', load: async () => (await import('openai-7')).default as unknown as typeof OpenAI6, minNode: 22 },
]

/** Whatever takes the global `fetch` takes this one. */
const asGlobal = (fetch: CachedFetch): typeof globalThis.fetch => fetch

const messages = [{ role: 'user' as const, content: 'hello' }]
const tools = [
  { type: 'function' as const, function: { name: 'weather', parameters: { type: 'object', properties: {} } } },
]

describe.each(MAJORS)('$name', ({ load, minNode }) => {
  const itRuns = it.skipIf(NODE_MAJOR < minNode)
  const open = async (fetch: CachedFetch, url: string) => {
    const OpenAI = await load()
    return new OpenAI({ apiKey: 'sk-test', baseURL: `${url}/v1`, fetch: asGlobal(fetch), maxRetries: 2 })
  }

  itRuns('chat completions: a hit equals the answer, whatever the chunk boundaries were', async () => {
    const { wire, fetch } = await openWorld()
    const openai = await open(fetch, wire.url)
    const first = await openai.chat.completions.create({ model: 'gpt-5', messages })
    const second = await openai.chat.completions.create({ model: 'gpt-5', messages })
    expect(second).toEqual(first)
    for (const script of [{ chunks: 1 }, { chunks: 3, newline: '\r\n' }, { chunks: 'whole' }] as const) {
      wire.scripts.push(script)
      const body = { model: JSON.stringify(script), messages, stream: true as const }
      const streamed = [await collect(openai, body), await collect(openai, body)]
      expect(streamed[1]).toEqual(streamed[0])
      expect(streamed[0]?.text).toContain('grüße, 世界 👋')
      expect(streamed[0]?.finish).toBe('stop')
    }
    expect(wire.requests).toHaveLength(4)
  })

  itRuns('tool calls and usage are those of the answer, in streams, too', async () => {
    const { wire, fetch } = await openWorld()
    const openai = await open(fetch, wire.url)
    const script = { tool: { name: 'weather', args: { city: 'Köln' } } }
    wire.scripts.push(script, script)
    const body = { model: 'gpt-5', messages, tools }
    const answers = [await openai.chat.completions.create(body), await openai.chat.completions.create(body)]
    expect(answers[1]).toEqual(answers[0])
    expect(answers[1]?.choices[0]?.message.tool_calls?.[0]).toMatchObject({ function: { name: 'weather' } })
    const streaming = { ...body, stream: true as const, stream_options: { include_usage: true } }
    const streamed = [await collect(openai, streaming), await collect(openai, streaming)]
    expect(streamed[1]).toEqual(streamed[0])
    expect(streamed[1]).toMatchObject({ finish: 'tool_calls', tool: '{"city":"Köln"}', tokens: 25 })
    expect(wire.requests).toHaveLength(2)
  })

  itRuns('responses, JSON and streamed', async () => {
    const { wire, fetch } = await openWorld()
    const openai = await open(fetch, wire.url)
    const first = await openai.responses.create({ model: 'gpt-5', input: 'hello' })
    expect(await openai.responses.create({ model: 'gpt-5', input: 'hello' })).toEqual(first)
    expect(first.output_text).toContain('answer 1')
    const events: unknown[][] = []
    for (let round = 0; round < 2; round++) {
      const stream = await openai.responses.create({ model: 'gpt-5', input: 'hello', stream: true })
      events.push([])
      for await (const event of stream) events[round]?.push(event)
    }
    expect(events[1]).toEqual(events[0])
    expect(events[0]?.at(-1)).toMatchObject({ type: 'response.completed' })
    expect(wire.requests).toHaveLength(2)
  })

  itRuns('embeddings, as base64 by default and as numbers', async () => {
    const { wire, fetch } = await openWorld()
    const openai = await open(fetch, wire.url)
    const body = { model: 'text-embedding-3-small', input: ['cat', 'dog'] }
    const first = await openai.embeddings.create(body)
    expect(wire.requests[0]?.body.encoding_format).toBe('base64')
    expect(await openai.embeddings.create(body)).toEqual(first)
    expect(first.data[0]?.embedding).toEqual([3, 641, 1])
    const numbers = await openai.embeddings.create({ ...body, encoding_format: 'float' })
    expect(await openai.embeddings.create({ ...body, encoding_format: 'float' })).toEqual(numbers)
    expect(wire.requests).toHaveLength(2)
  })

  itRuns('the SDK sees status, age and the original request id in the headers of a hit', async () => {
    const { wire, fetch } = await openWorld()
    const openai = await open(fetch, wire.url)
    await openai.chat.completions.create({ model: 'gpt-5', messages })
    const hit = await openai.chat.completions.create({ model: 'gpt-5', messages }).withResponse()
    expect(hit.response.headers.get('cache-status')).toMatch(/^hopstash; hit/)
    expect(hit.response.headers.get('age')).toBe('0')
    expect(hit.request_id).toBe('req_1')
  })

  itRuns('500, then 429, then an answer: the retries of the SDK reach the model, and the answer is kept', async () => {
    const { wire, fetch } = await openWorld()
    const openai = await open(fetch, wire.url)
    const headers = { 'retry-after-ms': '1' }
    wire.scripts.push({ status: 500, headers }, { status: 429, headers })
    const answer = await openai.chat.completions.create({ model: 'gpt-5', messages })
    expect(answer.id).toBe('chatcmpl-3')
    expect(wire.requests.map(({ headers: sent }) => sent['x-stainless-retry-count'])).toEqual(['0', '1', '2'])
    expect(await openai.chat.completions.create({ model: 'gpt-5', messages })).toEqual(answer)
    expect(wire.requests).toHaveLength(3)
  })

  itRuns('create and the stream helper, signals, timeouts and idempotency keys make one key', async () => {
    const { wire, fetch } = await openWorld()
    const openai = await open(fetch, wire.url)
    const body = { model: 'gpt-5', messages }
    const helper = await openai.chat.completions.stream(body).finalChatCompletion()
    const stream = await openai.chat.completions.create(
      { stream: true, ...body },
      { signal: new AbortController().signal, timeout: 1_234, idempotencyKey: 'unique', maxRetries: 5 },
    )
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    expect(text).toBe(helper.choices[0]?.message.content)
    expect(wire.requests).toHaveLength(1)
  })

  itRuns('leaving a stream early stores nothing, and with finishOnAbort everything', async () => {
    for (const finishOnAbort of [false, true]) {
      const { wire, fetch, answers } = await openWorld({ finishOnAbort })
      const openai = await open(fetch, wire.url)
      wire.scripts.push({ text: 'word '.repeat(2000), chunks: 'event' })
      const stream = await openai.chat.completions.create({ model: 'gpt-5', messages, stream: true })
      for await (const _chunk of stream) break
      await until(() => answers.stats().inFlight === 0)
      expect(answers.stats().size).toBe(finishOnAbort ? 1 : 0)
    }
  })

  itRuns('onlyIfCached fails at once with the code, not after retries with a broken connection', async () => {
    const { wire, fetch } = await openWorld()
    const openai = await open(fetch, wire.url)
    const ask = openai.chat.completions.create(
      { model: 'gpt-5', messages },
      { headers: directives({ onlyIfCached: true }) },
    )
    await expect(ask).rejects.toMatchObject({
      status: 404,
      code: 'ERR_NOT_CACHED',
      message: expect.stringContaining('onlyIfCached'),
    })
    expect(wire.requests).toHaveLength(0)
  })

  itRuns('directives of one call travel in a header that never leaves', async () => {
    const { wire, fetch } = await openWorld()
    const openai = await open(fetch, wire.url)
    const ask = (sample: number) =>
      openai.chat.completions.create({ model: 'gpt-5', messages }, { headers: directives({ sample }) })
    const [zero, one] = [await ask(0), await ask(1)]
    expect(one.id).not.toBe(zero.id)
    expect((await ask(1)).id).toBe(one.id)
    expect(wire.requests.every(({ headers }) => headers['x-hopstash'] === undefined)).toBe(true)
  })
})

describe('@anthropic-ai/sdk', () => {
  const body = { model: 'claude-test', max_tokens: 100, messages }
  const open = (fetch: CachedFetch, url: string) =>
    new Anthropic({ apiKey: 'sk-ant-test', baseURL: url, fetch, maxRetries: 2 })

  it('messages: a hit equals the answer, JSON and streamed, whatever the chunk boundaries were', async () => {
    const { wire, fetch } = await openWorld()
    const anthropic = open(fetch, wire.url)
    const first = await anthropic.messages.create(body)
    expect(await anthropic.messages.create(body)).toEqual(first)
    for (const [index, chunks] of ([1, 5, 'whole'] as const).entries()) {
      wire.scripts.push({ chunks, newline: '\r\n' })
      const ask = () => anthropic.messages.stream({ ...body, max_tokens: 200 + index }).finalMessage()
      const streamed = [await ask(), await ask()]
      expect(streamed[1]).toEqual(streamed[0])
      expect(streamed[0]?.content[0]).toMatchObject({ text: expect.stringContaining('grüße, 世界 👋') })
    }
    expect(wire.requests).toHaveLength(4)
  })

  it('tool use and usage are those of the answer', async () => {
    const { wire, fetch } = await openWorld()
    const anthropic = open(fetch, wire.url)
    wire.scripts.push({ tool: { name: 'weather', args: { city: 'Köln' } }, tokens: { input: 90, output: 7, read: 50 } })
    const ask = () => anthropic.messages.stream(body).finalMessage()
    const [first, second] = [await ask(), await ask()]
    expect(second).toEqual(first)
    expect(second?.content[0]).toMatchObject({ type: 'tool_use', input: { city: 'Köln' } })
    expect(second?.usage).toMatchObject({ input_tokens: 40, cache_read_input_tokens: 50, output_tokens: 7 })
    expect(second?.stop_reason).toBe('tool_use')
    expect(wire.requests).toHaveLength(1)
  })

  it('an overloaded provider is retried by the SDK, and nothing of it is kept', async () => {
    const { wire, fetch } = await openWorld()
    const anthropic = open(fetch, wire.url)
    wire.scripts.push({ status: 529, headers: { 'retry-after-ms': '1' } })
    const answer = await anthropic.messages.create(body)
    expect(answer.id).toBe('msg_2')
    expect(await anthropic.messages.create(body)).toEqual(answer)
    expect(wire.requests).toHaveLength(2)
  })

  it('its middleware does what the fetch does, inside the retries', async () => {
    const { wire, answers } = await openWorld()
    const cache = anthropicMiddleware(answers)
    const anthropic = new Anthropic({ apiKey: 'sk-ant-test', baseURL: wire.url, middleware: [cache], maxRetries: 2 })
    wire.scripts.push({ status: 529, headers: { 'retry-after-ms': '1' } })
    const first = await anthropic.messages.create(body)
    expect(await anthropic.messages.create(body)).toEqual(first)
    const streamed = [1, 2].map(() => anthropic.messages.stream(body).finalMessage())
    expect(await streamed[1]).toEqual(await streamed[0])
    expect(wire.requests).toHaveLength(3)
    expect(cache.stats()).toMatchObject({ hits: 1, joined: 1, misses: 3 })
    expect(() => anthropicMiddleware(answers, { fetch } as object)).toThrow('`fetch`')
  })

  it('another version or beta of the interface is another key; the order of betas is not', async () => {
    const { wire, fetch } = await openWorld()
    const anthropic = open(fetch, wire.url)
    const ask = (headers: Record<string, string>) => anthropic.messages.create(body, { headers })
    await ask({})
    await ask({ 'anthropic-version': '2099-01-01' })
    await ask({ 'anthropic-beta': 'one,two' })
    await ask({ 'anthropic-beta': 'two, one' })
    expect(wire.requests).toHaveLength(3)
  })
})

async function collect(openai: OpenAI6, body: OpenAI6.ChatCompletionCreateParamsStreaming) {
  const told = { text: '', tool: '', finish: '' as string | null | undefined, tokens: 0, ids: new Set<string>() }
  for await (const chunk of await openai.chat.completions.create(body)) {
    const [choice] = chunk.choices
    told.text += choice?.delta.content ?? ''
    told.tool += choice?.delta.tool_calls?.[0]?.function?.arguments ?? ''
    told.finish = choice?.finish_reason ?? told.finish
    told.tokens = chunk.usage?.total_tokens ?? told.tokens
    told.ids.add(chunk.id)
  }
  return told
}
