import Anthropic from '@anthropic-ai/sdk'
import * as ai5 from 'ai-5'
import * as ai6 from 'ai-6'
import { createOpenAI as createOpenAI2 } from 'ai-openai-2'
import { createOpenAI as createOpenAI3 } from 'ai-openai-3'
import OpenAI5 from 'openai-5'
import OpenAI6 from 'openai-6'
import { describe, expect, it } from 'vitest'
import type { CachedFetch } from '../../src/llm/cached-fetch.js'
import { directives } from '../../src/llm/directives.js'
import { openWorld } from './llm-world.js'

const PIXELS = ['iVBORw0KGgoAAAANSUhEUg==', 'R0lGODlhAQABAIAAAAAAAP==']

/** What is asked of a model, in a stream; whatever its SDK makes of the answer. */
interface Asking {
  readonly text: string
  /** A picture beside the text. */
  readonly image?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
}

interface Sdk {
  readonly name: string
  readonly minNode?: number
  ask(fetch: CachedFetch, url: string, asking: Asking): Promise<unknown>
}

async function all(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const parts: unknown[] = []
  for await (const part of stream) parts.push(part)
  return parts
}

// Ids and times, and which answer it is.
const withoutNumbers = (answer: unknown): string => JSON.stringify(answer).replace(/\d+/g, '#')

type OpenAIClass = typeof OpenAI6
const openaiOf = async (load: () => Promise<OpenAIClass>, fetch: CachedFetch, url: string) =>
  new (await load())({
    apiKey: 'sk-test',
    baseURL: `${url}/v1`,
    fetch: fetch as typeof globalThis.fetch,
    maxRetries: 2,
  })

const chatBy =
  (load: () => Promise<OpenAIClass>): Sdk['ask'] =>
  async (fetch, url, { text, image, headers = {} }) => {
    const parts = [
      { type: 'text' as const, text },
      ...(image === undefined
        ? []
        : [{ type: 'image_url' as const, image_url: { url: `data:image/png;base64,${image}` } }]),
    ]
    const openai = await openaiOf(load, fetch, url)
    const body = { model: 'gpt-5', stream: true as const, messages: [{ role: 'user' as const, content: parts }] }
    return all(await openai.chat.completions.create(body, { headers }))
  }

const responsesBy =
  (load: () => Promise<OpenAIClass>): Sdk['ask'] =>
  async (fetch, url, { text, image, headers = {} }) => {
    const openai = await openaiOf(load, fetch, url)
    const content = [
      { type: 'input_text' as const, text },
      ...(image === undefined
        ? []
        : [{ type: 'input_image' as const, detail: 'auto' as const, image_url: `data:image/png;base64,${image}` }]),
    ]
    const body = { model: 'gpt-5', stream: true as const, input: [{ role: 'user' as const, content }] }
    return all(await openai.responses.create(body, { headers }))
  }

const anthropicAsk: Sdk['ask'] = async (fetch, url, { text, image, headers = {} }) => {
  const anthropic = new Anthropic({ apiKey: 'sk-ant-test', baseURL: url, fetch, maxRetries: 2 })
  const content = [
    { type: 'text' as const, text },
    ...(image === undefined
      ? []
      : [
          {
            type: 'image' as const,
            source: { type: 'base64' as const, media_type: 'image/png' as const, data: image },
          },
        ]),
  ]
  const body = { model: 'claude-test', max_tokens: 100, messages: [{ role: 'user' as const, content }] }
  return all(await anthropic.messages.create({ ...body, stream: true }, { headers }))
}

// biome-ignore lint/suspicious/noExplicitAny: every version has types of its own; what is called here is in all of them.
const aiBy = (load: () => Promise<any>): Sdk['ask'] => {
  return async (fetch, url, { text, image, headers = {} }) => {
    const { ai, createOpenAI } = await load()
    const model = createOpenAI({ baseURL: `${url}/v1`, apiKey: 'sk-test', fetch }).chat('gpt-5')
    const content = [
      { type: 'text', text },
      ...(image === undefined ? [] : [{ type: 'image', image: Buffer.from(image, 'base64'), mediaType: 'image/png' }]),
    ]
    const { fullStream } = ai.streamText({ model, headers, onError() {}, messages: [{ role: 'user', content }] })
    const parts = (await all(fullStream)) as { type: string; error?: unknown }[]
    const failed = parts.find(({ type }) => type === 'error')
    if (failed !== undefined) throw failed.error
    return parts.filter(({ type }) => /^(?:text|tool|finish$)/.test(type))
  }
}

const loads = {
  five: async () => OpenAI5 as unknown as OpenAIClass,
  six: async () => OpenAI6,
  seven: async () => (await import('openai-7')).default as unknown as OpenAIClass,
}
const SDKS: Sdk[] = [
  { name: 'openai 5, chat completions', ask: chatBy(loads.five) },
  { name: 'openai 5, responses', ask: responsesBy(loads.five) },
  { name: 'openai 6, chat completions', ask: chatBy(loads.six) },
  { name: 'openai 6, responses', ask: responsesBy(loads.six) },
  { name: 'openai 7, chat completions', minNode: 22, ask: chatBy(loads.seven) },
  { name: 'openai 7, responses', minNode: 22, ask: responsesBy(loads.seven) },
  { name: '@anthropic-ai/sdk', ask: anthropicAsk },
  { name: 'ai 5', ask: aiBy(async () => ({ ai: ai5, createOpenAI: createOpenAI2 })) },
  { name: 'ai 6', ask: aiBy(async () => ({ ai: ai6, createOpenAI: createOpenAI3 })) },
  {
    name: 'ai 7',
    minNode: 22,
    ask: aiBy(async () => ({ ai: await import('ai-7'), ...(await import('ai-openai-4')) })),
  },
]
const NODE_MAJOR = Number(process.versions.node.split('.')[0])
const RETRY_AT_ONCE = { 'retry-after-ms': '1', 'retry-after': '0' }

for (const { name, minNode = 20, ask } of SDKS) {
  describe.skipIf(NODE_MAJOR < minNode)(name, () => {
    it.each([
      { chunks: 1, newline: '\n' },
      { chunks: 1, newline: '\r\n' },
      { chunks: 2, newline: '\r\n' },
      { chunks: 'whole', newline: '\r\n' },
      { chunks: 'event', newline: '\n' },
    ] as const)(
      'a hit is what the SDK read the first time, in chunks of $chunks, lines ended by $newline',
      async (script) => {
        const { wire, fetch } = await openWorld()
        wire.scripts.push({ ...script, text: 'zerlegt: grüße, 世界 👋🏽' })
        const first = await ask(fetch, wire.url, { text: 'hello' })
        expect(JSON.stringify(first)).toContain('世界')
        expect(await ask(fetch, wire.url, { text: 'hello' })).toEqual(first)
        expect(wire.requests).toHaveLength(1)
      },
    )

    it('calls of tools come back whole', async () => {
      const { wire, fetch } = await openWorld()
      wire.scripts.push({ tool: { name: 'weather', args: { city: 'Köln', days: [1, 2] } }, chunks: 3 })
      const first = await ask(fetch, wire.url, { text: 'weather?' })
      expect(JSON.stringify(first)).toContain('weather')
      expect(await ask(fetch, wire.url, { text: 'weather?' })).toEqual(first)
      expect(wire.requests).toHaveLength(1)
    })

    it('two pictures beside one text are two entries, and so is none', async () => {
      const { wire, fetch } = await openWorld()
      const asks = [undefined, ...PIXELS].map((image) => ({ text: 'What is this?', image }))
      const first = [await ask(fetch, wire.url, asks[0] as Asking)]
      for (const asking of asks.slice(1)) first.push(await ask(fetch, wire.url, asking))
      expect(new Set(first.map((answer) => JSON.stringify(answer))).size).toBe(3)
      for (const [index, asking] of asks.entries()) expect(await ask(fetch, wire.url, asking)).toEqual(first[index])
      expect(wire.requests).toHaveLength(3)
    })

    it('a refusal gets to the SDK, and the next call to the model', async () => {
      const { wire, fetch } = await openWorld()
      wire.scripts.push({ ends: 'refused', text: 'I cannot help with that.' })
      await ask(fetch, wire.url, { text: 'bad' }).catch(() => undefined)
      expect(JSON.stringify(await ask(fetch, wire.url, { text: 'bad' }))).toContain('世界')
      expect(wire.requests).toHaveLength(2)
      expect(fetch.stats().unstored).toEqual({ refused: 1 })
    })

    it.each([
      { what: 'an error in the middle', script: { failAfter: 3 } },
      { what: 'a connection that breaks', script: { breakAfter: 3 } },
    ])('$what fails as it does without a cache, and nothing of it is kept', async ({ script }) => {
      const { wire, fetch } = await openWorld()
      wire.scripts.push(script, script)
      const past = ask(fetch, wire.url, { text: 'hello', headers: directives({ noStore: true }) })
      const told = (asking: Promise<unknown>) => asking.then(withoutNumbers, (error) => error.constructor.name)
      const plain = await told(past)
      expect(await told(ask(fetch, wire.url, { text: 'hello' }))).toBe(plain)
      const whole = await ask(fetch, wire.url, { text: 'hello' })
      expect(JSON.stringify(whole)).toContain('世界')
      expect(await ask(fetch, wire.url, { text: 'hello' })).toEqual(whole)
      expect(wire.requests).toHaveLength(3)
    })

    it('a stream that is cut is never kept, whatever the SDK makes of it', async () => {
      const { wire, fetch } = await openWorld()
      wire.scripts.push({ cutAfter: 3 })
      await ask(fetch, wire.url, { text: 'hello' }).catch(() => undefined)
      const whole = await ask(fetch, wire.url, { text: 'hello' })
      expect(await ask(fetch, wire.url, { text: 'hello' })).toEqual(whole)
      expect(wire.requests).toHaveLength(2)
      expect(fetch.stats().unstored).toEqual({ cut: 1 })
    })

    it('status 500 and 429, then an answer: tried again, and kept', async () => {
      const { wire, fetch } = await openWorld()
      wire.scripts.push({ status: 500, headers: RETRY_AT_ONCE }, { status: 429, headers: RETRY_AT_ONCE })
      const answer = await ask(fetch, wire.url, { text: 'hello' })
      expect(await ask(fetch, wire.url, { text: 'hello' })).toEqual(answer)
      expect(wire.requests).toHaveLength(3)
      expect(fetch.stats().unstored).toEqual({ status: 2 })
    })
  })
}
