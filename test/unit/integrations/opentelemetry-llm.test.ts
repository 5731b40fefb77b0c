import { AsyncLocalStorage } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import * as api from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStash } from '../../../src/cache/stash.js'
import { cacheMiddleware } from '../../../src/integrations/ai-sdk/cache-middleware.js'
import { type Instrumentation, instrument } from '../../../src/integrations/opentelemetry/instrument.js'
import { cachedFetch } from '../../../src/llm/cached-fetch.js'
import { directives, type LlmDirectives } from '../../../src/llm/directives.js'

const storage = new AsyncLocalStorage<api.Context>()
const contexts: api.ContextManager = {
  active: () => storage.getStore() ?? api.ROOT_CONTEXT,
  with: (context, work, self, ...given) => storage.run(context, () => work.call(self, ...given) as never),
  bind: (_context, target) => target,
  enable: () => contexts,
  disable: () => contexts,
}
let exporter: InMemorySpanExporter
let running: Instrumentation
beforeEach(() => {
  exporter = new InMemorySpanExporter()
  api.context.setGlobalContextManager(contexts)
  api.trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
  running = instrument({ api })
})
afterEach(() => {
  running.stop()
  api.context.disable()
  api.trace.disable()
})

const calls = () => exporter.getFinishedSpans().filter((span) => 'gen_ai.operation.name' in span.attributes)
const outcomes = () => calls().map((span) => span.attributes['hopstash.llm.outcome'])

/** Runs some work within a span of the host's; returns the id its children have to name. */
async function within<T>(work: () => Promise<T>): Promise<[parent: string, result: T]> {
  const span = api.trace.getTracer('host').startSpan('request')
  const result = await api.context.with(api.trace.setSpan(api.context.active(), span), work)
  span.end()
  return [span.spanContext().spanId, result]
}

const chatAnswer = {
  model: 'gpt-5-2026-01-01',
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'secret-answer' } }],
  usage: { prompt_tokens: 20, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 8 } },
}

function openFetch(upstream: () => Response | Promise<Response>) {
  const stash = createStash({ store: 'memory' })
  const fetch = cachedFetch(stash.aiResponse, { fetch: async () => upstream() })
  return (url = 'https://api.openai.com/v1/chat/completions', more: object = {}, given: LlmDirectives = {}) =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer secret-token', ...directives(given) },
      body: JSON.stringify({ model: 'gpt-5', messages: [{ role: 'user', content: 'secret-prompt' }], ...more }),
    })
}

describe('a call through cachedFetch', () => {
  it('is a span by the conventions, below what was active when it was made, without what was said', async () => {
    const ask = openFetch(() => Response.json(chatAnswer))
    const [parent] = await within(async () => (await ask()).text())
    const [again] = await within(async () => (await ask()).text())
    const [asked, kept] = calls()
    expect([asked?.name, asked?.kind, asked?.parentSpanContext?.spanId]).toEqual([
      'chat gpt-5',
      api.SpanKind.CLIENT,
      parent,
    ])
    expect(asked?.attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-5',
      'gen_ai.response.model': 'gpt-5-2026-01-01',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 20,
      'gen_ai.usage.output_tokens': 5,
      'gen_ai.usage.cache_read.input_tokens': 8,
      'hopstash.llm.outcome': 'miss',
      'hopstash.cache.namespace': 'aiResponse',
      'server.address': 'api.openai.com',
      'server.port': 443,
      'http.response.status_code': 200,
    })
    expect([kept?.kind, kept?.parentSpanContext?.spanId]).toEqual([api.SpanKind.INTERNAL, again])
    expect(kept?.attributes).toMatchObject({ 'hopstash.llm.outcome': 'hit', 'hopstash.llm.saved_tokens': 25 })
    for (const name of ['gen_ai.usage.input_tokens', 'http.response.status_code', 'server.address'])
      expect(Object.keys(kept?.attributes ?? {})).not.toContain(name)
    expect(JSON.stringify(calls().map(({ name, attributes, events }) => [name, attributes, events]))).not.toMatch(
      /secret-/,
    )
  })

  it('ends with its stream, for who leads and who joins, each below their own parent', async () => {
    let feed: ReadableStreamDefaultController<Uint8Array> | undefined
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        feed = controller
      },
    })
    const ask = openFetch(() => new Response(body, { headers: { 'content-type': 'text/event-stream' } }))
    const say = (event: object | string) =>
      feed?.enqueue(new TextEncoder().encode(`data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`))
    const asked = [0, 1].map(() => within(() => ask(undefined, { stream: true })))
    say({ model: 'gpt-5', choices: [{ index: 0, delta: { content: 'a' } }] })
    const answers = await Promise.all(asked)
    expect(calls()).toEqual([])
    say({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
    say('[DONE]')
    feed?.close()
    // Read outside of both parents.
    await Promise.all(answers.map(([, response]) => response.text()))
    expect(outcomes().sort()).toEqual(['coalesced', 'miss'])
    expect(new Set(calls().map((span) => span.parentSpanContext?.spanId))).toEqual(
      new Set(answers.map(([parent]) => parent)),
    )
    expect(calls().map((span) => span.attributes['gen_ai.response.finish_reasons'])).toEqual([['stop'], ['stop']])
  })

  it('fails as a span where it fails, and not where its answer is merely not kept', async () => {
    const failing = openFetch(() => new Response('no', { status: 400 }))
    await (await failing()).text()
    const short = { ...chatAnswer, choices: [{ ...chatAnswer.choices[0], finish_reason: 'length' }] }
    await (await openFetch(() => Response.json(short))()).text()
    const told = calls().map(({ status, attributes }) => [
      status.code,
      attributes['error.type'],
      attributes['hopstash.llm.unstored'],
      attributes['gen_ai.response.finish_reasons'],
    ])
    expect(told).toEqual([
      [api.SpanStatusCode.ERROR, '400', 'status', undefined],
      [api.SpanStatusCode.UNSET, undefined, 'truncated', ['length']],
    ])
  })

  it.each([429, 500, 401])('that is answered with %d fails as that, alone and with others', async (status) => {
    const ask = openFetch(() => new Response('secret-body', { status }))
    await Promise.all([ask(), ask()].map(async (answer) => (await answer).text()))
    const told = calls().map((span) => [span.attributes['error.type'], span.attributes['http.response.status_code']])
    expect(new Set(told.map(String))).toEqual(new Set([`${status},${status}`]))
    expect(calls().every((span) => span.status.code === api.SpanStatusCode.ERROR)).toBe(true)
  })

  it('that reaches nobody fails as what was thrown: its code, its cause or its class, never its message', async () => {
    const refused = Object.assign(new Error('secret-cause'), { code: 'ECONNREFUSED' })
    const failures = [new TypeError('fetch failed', { cause: refused }), new RangeError('secret-text'), 'secret-string']
    for (const failure of failures) await openFetch(() => Promise.reject(failure))().catch(() => undefined)
    expect(calls().map((span) => span.attributes['error.type'])).toEqual(['ECONNREFUSED', 'RangeError', 'string'])
    expect(calls().every((span) => !('http.response.status_code' in span.attributes))).toBe(true)
  })

  it('that was only to be answered by what is kept fails without leaving the process', async () => {
    const ask = openFetch(() => Response.json(chatAnswer))
    const [parent] = await within(() => ask(undefined, {}, { onlyIfCached: true }).catch(() => undefined as never))
    const [span] = calls()
    expect([span?.name, span?.kind, span?.parentSpanContext?.spanId, span?.status.code]).toEqual([
      'chat gpt-5',
      api.SpanKind.INTERNAL,
      parent,
      api.SpanStatusCode.ERROR,
    ])
    expect(span?.attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-5',
      'hopstash.llm.outcome': 'miss',
      'hopstash.cache.namespace': 'aiResponse',
      'error.type': 'ERR_NOT_CACHED',
    })
  })

  it('tells words and names from outside within bounds', async () => {
    const reasons = ['stop', 'x'.repeat(65), 'a sentence of the model', 'tool\ncalls', ...Array(20).fill('length')]
    const choices = reasons.map((finish_reason, index) => ({ ...chatAnswer.choices[0], index, finish_reason }))
    const ask = openFetch(() => Response.json({ ...chatAnswer, model: `m\n${'x'.repeat(500)}`, choices }))
    await (await ask(undefined, { model: `gpt\u0007${'y'.repeat(500)}` })).text()
    await openFetch(() => Promise.reject(Object.assign(new Error(), { name: 'It was "Ann"' })))().catch(() => undefined)
    const [span, failed] = calls()
    expect(span?.attributes['gen_ai.response.finish_reasons']).toEqual([
      'stop',
      '_OTHER',
      '_OTHER',
      '_OTHER',
      ...Array(4).fill('length'),
    ])
    expect(span?.attributes['gen_ai.response.model']).toBe(`m ${'x'.repeat(118)}`)
    expect(span?.name).toBe(`chat gpt ${'y'.repeat(116)}`)
    expect(span?.attributes['gen_ai.request.model']).toBe(`gpt ${'y'.repeat(116)}`)
    expect(failed?.attributes['error.type']).toBe('_OTHER')
  })

  it('for embeddings is one, too, and fails as others do', async () => {
    const url = 'https://api.openai.com/v1/embeddings'
    const body = { model: 'e', object: 'list', data: [{ index: 0, embedding: [1] }], usage: { prompt_tokens: 3 } }
    await (await openFetch(() => Response.json(body))(url, { input: 'secret' })).text()
    await (await openFetch(() => new Response('', { status: 503 }))(url, { input: 'secret' })).text()
    await openFetch(() => Promise.reject(new TypeError('secret')))(url, { input: 'secret' }).catch(() => undefined)
    expect(
      calls().map(({ name, attributes }) => [name, attributes['http.response.status_code'], attributes['error.type']]),
    ).toEqual([
      ['embeddings gpt-5', 200, undefined],
      ['embeddings gpt-5', 503, '503'],
      ['embeddings gpt-5', undefined, 'TypeError'],
    ])
  })

  it.each([
    ['https://models.openai.azure.com/openai/deployments/x/chat/completions', 'azure.ai.openai'],
    ['https://api.groq.com/openai/v1/chat/completions', 'groq'],
    ['https://notopenai.com.evil.example/v1/chat/completions', 'openai'],
    ['http://127.0.0.1:8080/v1/chat/completions', 'openai'],
  ])('to %s is one to %s', async (url, provider) => {
    await (await openFetch(() => Response.json(chatAnswer))(url)).text()
    const { host } = new URL(url)
    const [address, port = '443'] = host.split(':')
    expect(calls()[0]?.attributes).toMatchObject({
      'gen_ai.provider.name': provider,
      'server.address': address,
      'server.port': Number(port),
    })
  })
})

describe('a call through the middleware of the AI SDK', () => {
  const model = { provider: 'openai.chat', modelId: 'gpt-5', specificationVersion: 'v3' }
  const usage = { inputTokens: { total: 7 }, outputTokens: { total: 2 } }
  const result = { content: [{ type: 'text', text: 'secret' }], finishReason: { unified: 'stop' }, usage }

  it('is a span; kept, another one', async () => {
    const middleware = cacheMiddleware(createStash({ store: 'memory' }).aiResponse)
    const ask = () => middleware.wrapGenerate({ doGenerate: async () => result, params: { prompt: ['secret'] }, model })
    const [parent] = await within(ask)
    await ask()
    expect(outcomes()).toEqual(['miss', 'hit'])
    expect([calls()[0]?.name, calls()[0]?.parentSpanContext?.spanId]).toEqual(['chat gpt-5', parent])
    expect(calls()[0]?.attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-5',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 7,
      'gen_ai.usage.output_tokens': 2,
      'hopstash.llm.outcome': 'miss',
      'hopstash.cache.namespace': 'aiResponse',
    })
    expect(calls()[1]?.attributes).toMatchObject({ 'hopstash.llm.saved_tokens': 9 })
  })

  it('ends with its stream, and fails as a span', async () => {
    const middleware = cacheMiddleware(createStash({ store: 'memory' }).aiResponse)
    let feed: ReadableStreamDefaultController<object> | undefined
    const parts = new ReadableStream<object>({
      start(controller) {
        feed = controller
      },
    })
    const asked = middleware.wrapStream({ doStream: async () => ({ stream: parts }), params: { prompt: [1] }, model })
    feed?.enqueue({ type: 'text-delta', delta: 'secret' })
    const { stream } = await asked
    expect(calls()).toEqual([])
    feed?.enqueue({ type: 'finish', finishReason: 'stop', usage: { inputTokens: 3, outputTokens: 4 } })
    feed?.close()
    for await (const _part of stream);
    await expect.poll(outcomes).toEqual(['miss'])
    expect(calls()[0]?.attributes).toMatchObject({
      'gen_ai.usage.input_tokens': 3,
      'gen_ai.response.finish_reasons': ['stop'],
    })
    const failing = { doGenerate: () => Promise.reject(new Error('secret')), params: { prompt: [2] }, model }
    await expect(middleware.wrapGenerate(failing)).rejects.toThrow('secret')
    expect([calls()[1]?.status.code, calls()[1]?.attributes['error.type']]).toEqual([api.SpanStatusCode.ERROR, 'Error'])
  })

  it('fails as a span by the status that the SDK tells, or as a miss that was not to be loaded', async () => {
    const middleware = cacheMiddleware(createStash({ store: 'memory' }).aiResponse)
    const limited = Object.assign(new Error('secret'), { name: 'AI_APICallError', statusCode: 429 })
    const ask = async (given: object, failure: Error) => {
      const params = await middleware.transformParams({ params: given })
      await middleware.wrapGenerate({ doGenerate: () => Promise.reject(failure), params, model }).catch(() => undefined)
    }
    await ask({ prompt: [1] }, limited)
    await ask({ prompt: [2] }, Object.assign(new Error('secret'), { name: 'AI_RetryError' }))
    await ask({ prompt: [4] }, Object.assign(new Error('secret'), { name: 'AI_APICallError', statusCode: 200 }))
    await ask({ prompt: [3], headers: directives({ onlyIfCached: true }) }, limited)
    expect(
      calls().map(({ kind, attributes }) => [kind, attributes['http.response.status_code'], attributes['error.type']]),
    ).toEqual([
      [api.SpanKind.CLIENT, 429, '429'],
      [api.SpanKind.CLIENT, undefined, 'AI_RetryError'],
      [api.SpanKind.CLIENT, 200, 'AI_APICallError'],
      [api.SpanKind.INTERNAL, undefined, 'ERR_NOT_CACHED'],
    ])
  })
})

it('makes no spans of calls when it is stopped', async () => {
  running.stop()
  await (await openFetch(() => Response.json(chatAnswer))()).text()
  expect(calls()).toEqual([])
  expect([channel('hopstash:llm').hasSubscribers, channel('hopstash:llm:call').hasSubscribers]).toEqual([false, false])
})
