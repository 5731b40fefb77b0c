import * as ai5 from 'ai-5'
import * as ai6 from 'ai-6'
import { createOpenAI as createOpenAI2 } from 'ai-openai-2'
import { createOpenAI as createOpenAI3 } from 'ai-openai-3'
import { createStash, type Stash } from 'hopstash'
import { cacheMiddleware, embeddingCacheMiddleware } from 'hopstash/integrations/ai-sdk'
import { directives } from 'hopstash/llm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { startWireServer, type WireServer } from '../support/wire-server.js'
import { gate } from './llm-world.js'

let wire: WireServer
let stash: Stash

beforeEach(async () => {
  wire = await startWireServer()
  stash = createStash()
})

afterEach(async () => {
  await stash.close()
  await wire.close()
})

/** One version of the SDK, with a provider that fits it. */
interface Version {
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: every version has types of its own; the middleware fits them all, which type tests show.
  readonly ai: any
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly createOpenAI: any
}

const VERSIONS: Version[] = [
  { name: 'ai 5', ai: ai5, createOpenAI: createOpenAI2 },
  { name: 'ai 6', ai: ai6, createOpenAI: createOpenAI3 },
]
// Version 7 is for Node 22 and later.
if (Number(process.versions.node.split('.')[0]) >= 22) {
  const [ai, { createOpenAI }] = await Promise.all([import('ai-7'), import('ai-openai-4')])
  VERSIONS.push({ name: 'ai 7', ai, createOpenAI })
}

const modelOf = ({ ai, createOpenAI }: Version, id = 'gpt-test', options = {}) => {
  const provider = createOpenAI({ baseURL: `${wire.url}/v1`, apiKey: 'sk-canary-canary' })
  return ai.wrapLanguageModel({ model: provider.chat(id), middleware: cacheMiddleware(stash.aiResponse, options) })
}
const weather = (ai: Version['ai']) => ({
  weather: ai.tool({ description: 'The weather', inputSchema: z.object({ city: z.string() }) }),
})

async function partsOf(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const parts: unknown[] = []
  for await (const part of stream) parts.push(part)
  return parts
}

/** Times, what goes over the wire, and what the cache itself says. */
const DIFFERS = ['providerMetadata', 'request', 'response', 'performance']

/** What of a part a hit has to repeat. */
function plain(part: unknown): unknown {
  return Object.fromEntries(Object.entries(part as object).filter(([name]) => !DIFFERS.includes(name)))
}

describe.each(VERSIONS)('the AI SDK over the cache: $name', (version) => {
  const { ai } = version

  it('generates once, and gives the same again', async () => {
    const model = modelOf(version)
    const first = await ai.generateText({ model, prompt: 'Hi' })
    const second = await ai.generateText({ model, prompt: 'Hi' })
    expect(wire.requests).toHaveLength(1)
    for (const field of ['text', 'finishReason', 'usage', 'toolCalls', 'warnings'])
      expect(second[field]).toEqual(first[field])
    expect(second.response.id).toBe(first.response.id)
    expect(second.response.timestamp).toEqual(first.response.timestamp)
    expect(first.providerMetadata.hopstash.status).toBe('miss')
    expect(second.providerMetadata.hopstash.status).toBe('hit')
    expect(stash.aiResponse.stats().saved.tokens).toBeGreaterThan(0)
  })

  it('shares a stream on its way with whoever asks over the same namespace', async () => {
    const end = gate()
    wire.scripts.push({ holdAfter: { events: 3, until: end.passed } })
    const [one, two] = [modelOf(version), modelOf(version)].map((model) => {
      return ai.streamText({ model, prompt: 'Hi' }).textStream[Symbol.asyncIterator]()
    })
    // Both have the beginning while the rest is not there yet.
    const begun = [await one.next(), await two.next()]
    expect(begun[1]).toEqual(begun[0])
    end.open()
    const rest = await Promise.all([
      partsOf({ [Symbol.asyncIterator]: () => one }),
      partsOf({ [Symbol.asyncIterator]: () => two }),
    ])
    expect(rest[1]).toEqual(rest[0])
    expect(wire.requests).toHaveLength(1)
  })

  it('streams once, and gives the same parts again', async () => {
    const model = modelOf(version)
    const first = await partsOf(ai.streamText({ model, prompt: 'Hi' }).fullStream)
    const result = ai.streamText({ model, prompt: 'Hi' })
    const second = await partsOf(result.fullStream)
    expect(wire.requests).toHaveLength(1)
    expect(second.map(plain)).toEqual(first.map(plain))
    expect((await result.providerMetadata).hopstash.status).toBe('hit')
  })

  it('tells models, prompts, parameters, tools and kinds of call apart', async () => {
    const ask = (id: string, more: object) => ai.generateText({ model: modelOf(version, id), prompt: 'Hi', ...more })
    await ask('a', {})
    await ask('b', {})
    await ask('a', { temperature: 0 })
    await ask('a', { temperature: 1 })
    await ask('a', { system: 'Be short' })
    await ask('a', { tools: weather(ai) })
    await ask('a', { tools: weather(ai), toolChoice: 'none' })
    await ask('a', { providerOptions: { openai: { user: 'x' } } })
    await partsOf(ai.streamText({ model: modelOf(version, 'a'), prompt: 'Hi' }).textStream)
    expect(wire.requests).toHaveLength(9)
    await ask('a', { headers: { 'x-trace': '1' }, abortSignal: new AbortController().signal })
    expect(wire.requests).toHaveLength(9)
  })

  it('tells images apart', async () => {
    const ask = (byte: number) => {
      const image = new Uint8Array([0x89, 0x50, 0x4e, 0x47, byte])
      const content = [
        { type: 'text', text: 'What is it?' },
        { type: 'file', data: image, mediaType: 'image/png' },
      ]
      return ai.generateText({ model: modelOf(version), messages: [{ role: 'user', content }] })
    }
    await ask(1)
    await ask(2)
    await ask(1)
    expect(wire.requests).toHaveLength(2)
  })

  it('replays tool calls, in one piece and streamed', async () => {
    const said = { tool: { name: 'weather', args: { city: 'Zürich' } } }
    wire.scripts.push(said, said)
    const model = modelOf(version)
    const ask = () => ai.generateText({ model, prompt: 'Weather?', tools: weather(ai) })
    const [first, second] = [await ask(), await ask()]
    expect(second.toolCalls).toMatchObject([{ toolName: 'weather', input: { city: 'Zürich' } }])
    expect(second.toolCalls).toEqual(first.toolCalls)
    const stream = () => partsOf(ai.streamText({ model, prompt: 'Weather?', tools: weather(ai) }).fullStream)
    const parts = (await stream()).map(plain)
    expect((await stream()).map(plain)).toEqual(parts)
    expect(wire.requests).toHaveLength(2)
  })

  it('replays structured output', async () => {
    wire.scripts.push({ text: '{"city":"Bern"}' })
    const model = modelOf(version)
    const ask = async () => {
      const schema = z.object({ city: z.string() })
      if (ai.generateObject !== undefined) return (await ai.generateObject({ model, prompt: 'City?', schema })).object
      return (await ai.generateText({ model, prompt: 'City?', output: ai.Output.object({ schema }) })).output
    }
    expect([await ask(), await ask()]).toEqual([{ city: 'Bern' }, { city: 'Bern' }])
    expect(wire.requests).toHaveLength(1)
  })

  it.each(['truncated', 'filtered', 'empty'] as const)('never keeps what is %s, unless asked to', async (ends) => {
    wire.otherwise = () => ({ ends })
    const model = modelOf(version)
    const ask = (with_: unknown) => ai.generateText({ model: with_, prompt: 'Hi' })
    const stream = (with_: unknown) => partsOf(ai.streamText({ model: with_, prompt: 'Hi' }).fullStream)
    for (let i = 0; i < 2; i++) await ask(model)
    for (let i = 0; i < 2; i++) await stream(model)
    expect(wire.requests).toHaveLength(4)
    const lenient = modelOf(version, 'gpt-test', { alsoStore: [ends] })
    for (let i = 0; i < 2; i++) await ask(lenient)
    for (let i = 0; i < 2; i++) await stream(lenient)
    expect(wire.requests).toHaveLength(6)
  })

  it('never keeps a stream that was cut, broke or failed', async () => {
    const model = modelOf(version)
    const stream = () =>
      partsOf(ai.streamText({ model, prompt: 'Hi', maxRetries: 0, onError: () => {} }).fullStream).catch(
        () => undefined,
      )
    wire.scripts.push({ cutAfter: 2 }, { breakAfter: 2 }, { failAfter: 2 }, { status: 500 })
    for (let i = 0; i < 5; i++) await stream()
    expect(wire.requests).toHaveLength(5)
    await stream()
    expect(wire.requests).toHaveLength(5)
  })

  it('takes the end of a stream without a reason for a cut, which is kept by nobody whatever is kept besides', async () => {
    const alsoStore = ['truncated', 'filtered', 'empty', 'unknown-finish'] as const
    for (const make of ['chat', 'responses']) {
      const provider = version.createOpenAI({ baseURL: `${wire.url}/v1`, apiKey: 'sk-canary-canary' })
      const middleware = cacheMiddleware(stash.aiResponse, { alsoStore })
      const model = ai.wrapLanguageModel({ model: provider[make](`gpt-${make}`), middleware })
      const stream = () => partsOf(ai.streamText({ model, prompt: 'Hi', maxRetries: 0, onError: () => {} }).fullStream)
      const before = wire.requests.length
      wire.scripts.push({ cutAfter: 0 }, { cutAfter: 3 }, { ends: 'unfinished' })
      for (let i = 0; i < 5; i++) await stream()
      expect(wire.requests.length - before).toBe(4)
    }
  })

  it('shares one call among those who ask at one time, streams from their first part on', async () => {
    let open: () => void = () => {}
    const until = new Promise<void>((resolve) => {
      open = resolve
    })
    wire.scripts.push({ holdAfter: { events: 2, until } })
    const model = modelOf(version)
    const readers = Array.from({ length: 20 }, () => partsOf(ai.streamText({ model, prompt: 'Hi' }).textStream))
    await new Promise((resolve) => setTimeout(resolve, 50))
    const late = partsOf(ai.streamText({ model, prompt: 'Hi' }).textStream)
    open()
    const [first, ...others] = (await Promise.all([...readers, late])).map((texts) => texts.join(''))
    expect(first).toContain('answer 1')
    for (const text of others) expect(text).toBe(first)
    expect(wire.requests).toHaveLength(1)
    const texts = await Promise.all(Array.from({ length: 5 }, () => ai.generateText({ model, prompt: 'Again' })))
    expect(new Set(texts.map(({ text }) => text)).size).toBe(1)
    expect(wire.requests).toHaveLength(2)
  })

  it('goes on for the others when one leaves, and ends when the last one has', async () => {
    let open: () => void = () => {}
    const until = new Promise<void>((resolve) => {
      open = resolve
    })
    wire.otherwise = () => ({ holdAfter: { events: 2, until } })
    const model = modelOf(version)
    const leaving = new AbortController()
    const read = async (abortSignal?: AbortSignal) => {
      const result = ai.streamText({ model, prompt: 'Hi', abortSignal, onError: () => {} })
      return partsOf(result.fullStream).catch(() => undefined)
    }
    const left = read(leaving.signal)
    const stays = read()
    await expect.poll(() => [wire.requests.length, stash.aiResponse.stats().coalesced]).toEqual([1, 1])
    leaving.abort()
    await left
    open()
    expect((await stays)?.some((part) => (part as { type: string }).type === 'finish')).toBe(true)
    expect(wire.requests[0]?.aborted).toBe(false)

    wire.otherwise = () => ({ holdAfter: { events: 2, until: new Promise(() => {}) } })
    const [one, two] = [new AbortController(), new AbortController()]
    const both = [one, two].map((each) =>
      partsOf(ai.streamText({ model, prompt: 'Other', abortSignal: each.signal, onError: () => {} }).fullStream).catch(
        () => undefined,
      ),
    )
    await expect.poll(() => wire.requests.length).toBe(2)
    one.abort()
    two.abort()
    await Promise.all(both)
    await expect.poll(() => wire.requests[1]?.aborted).toBe(true)
  })

  it('takes directives from the headers of a call, which do not get to the provider', async () => {
    const model = modelOf(version)
    const ask = (given: Parameters<typeof directives>[0]) =>
      ai.generateText({ model, prompt: 'Hi', headers: directives(given) })
    await ask({})
    await ask({ sample: 1 })
    await ask({ scope: 'tenant' })
    await ask({ forceFresh: true })
    for (let i = 0; i < 2; i++) await ask({ noStore: true, sample: 7 })
    expect(wire.requests).toHaveLength(6)
    await ask({ sample: 1 })
    await ask({ scope: 'tenant' })
    expect(wire.requests).toHaveLength(6)
    expect(wire.requests.some(({ headers }) => 'x-hopstash' in headers)).toBe(false)
    await expect(ask({ onlyIfCached: true, sample: 9 })).rejects.toMatchObject({ message: /onlyIfCached/ })
  })

  it('retries what failed, and does not keep it', async () => {
    wire.scripts.push({ status: 500 }, { status: 429, headers: { 'retry-after-ms': '1' } })
    const { text } = await ai.generateText({ model: modelOf(version), prompt: 'Hi', maxRetries: 3 })
    expect(text).toContain('answer 3')
  }, 20_000)

  it('hands out answers that a caller may change', async () => {
    const model = modelOf(version)
    const first = await ai.generateText({ model, prompt: 'Hi' })
    const second = await ai.generateText({ model, prompt: 'Hi' })
    second.response.messages[0].content = 'changed'
    first.response.messages[0].content = 'changed'
    expect((await ai.generateText({ model, prompt: 'Hi' })).text).toContain('answer 1')
  })
})

describe.each(VERSIONS.filter(({ ai }) => ai.wrapEmbeddingModel !== undefined))('embeddings: $name', (version) => {
  const { ai, createOpenAI } = version

  it('asks only for texts nobody has, and puts each in its place', async () => {
    const provider = createOpenAI({ baseURL: `${wire.url}/v1`, apiKey: 'sk-test' })
    const model = ai.wrapEmbeddingModel({
      model: provider.textEmbeddingModel?.('embed-test') ?? provider.embeddingModel('embed-test'),
      middleware: embeddingCacheMiddleware(stash.aiResponse),
    })
    const first = await ai.embedMany({ model, values: ['a', 'b', 'a'] })
    const second = await ai.embedMany({ model, values: ['c', 'b', 'a'] })
    expect(wire.requests.map(({ body }) => body.input)).toEqual([['a', 'b'], ['c']])
    expect(first.embeddings[0]).toEqual(first.embeddings[2])
    expect(second.embeddings.slice(1)).toEqual([first.embeddings[1], first.embeddings[0]])
    expect(second.embeddings[0]).not.toEqual(first.embeddings[0])
    expect((await ai.embed({ model, value: 'c' })).embedding).toEqual(second.embeddings[0])
    expect(wire.requests).toHaveLength(2)
  })
})

describe('options of the middleware', () => {
  it.each([
    [{ alsoStore: ['cut'] }, /alsoStore/],
    [{ keyHeaders: [1] }, /keyHeaders/],
    [{ sampel: 1 }, /Did you mean `sample`/],
    [{ ttl: '5 parsecs' }, /ttl/],
  ])('that cannot be used are refused: %j', (options, message) => {
    expect(() => cacheMiddleware(stash.aiResponse, options as object)).toThrow(message)
  })

  it('are of a namespace', () => {
    expect(() => cacheMiddleware({} as never)).toThrow(/a namespace of a stash/)
    expect(() => embeddingCacheMiddleware({} as never)).toThrow(/a namespace of a stash/)
  })
})
