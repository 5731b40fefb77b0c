import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Anthropic from '@anthropic-ai/sdk'
import { AsyncCaller } from '@langchain/core/utils/async_caller'
import * as ai5 from 'ai-5'
import * as ai6 from 'ai-6'
import { createOpenAI as createOpenAI2 } from 'ai-openai-2'
import { createOpenAI as createOpenAI3 } from 'ai-openai-3'
import OpenAI5 from 'openai-5'
import OpenAI6 from 'openai-6'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Namespace } from '../../src/cache/namespace.js'
import { namespace } from '../../src/cache/presets.js'
import { createStash } from '../../src/cache/stash.js'
import { cacheMiddleware } from '../../src/integrations/ai-sdk/cache-middleware.js'
import { anthropicMiddleware, type CachedFetch, cachedFetch } from '../../src/llm/cached-fetch.js'
import { describeRequest } from '../../src/llm/describe-request.js'
import type { CachedFetchOptions } from '../../src/llm/fetch-options.js'

const ADDRESS = 'http://model.test'
const NODE_MAJOR = Number(process.versions.node.split('.')[0])
let folder: string
let closers: (() => Promise<unknown>)[]
/** What reached the network. */
let sent: string[]
/** How often an SDK has asked. */
let asked: number

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hopstash-replay-'))
  closers = []
  sent = []
  asked = 0
})

afterEach(async () => {
  for (const close of closers) await close()
  rmSync(folder, { recursive: true, force: true })
})

function openNamespace(mode: 'record' | 'replay'): Namespace<unknown, unknown> {
  const namespaces = { answers: namespace<unknown, unknown>({}) }
  const stash = createStash({ store: { folder }, mode, namespaces })
  closers.push(() => stash.close())
  return stash.answers
}

function open(mode: 'record' | 'replay', options: CachedFetchOptions = {}): CachedFetch {
  return fetchOver(openNamespace(mode), options)
}

function fetchOver(answers: Namespace<unknown, unknown>, options: CachedFetchOptions = {}): CachedFetch {
  const fetch = cachedFetch(answers, {
    fetch: async (input, init) => {
      const { method, url } = new Request(input, init)
      sent.push(`${method} ${url}`)
      return Response.json({ choices: [{ finish_reason: 'stop', message: { content: 'said' } }] })
    },
    ...options,
  })
  const counted: CachedFetch = Object.assign(
    (...args: Parameters<CachedFetch>) => {
      asked++
      return fetch(...args)
    },
    { stats: fetch.stats },
  )
  return counted
}

const json = (body: object) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})
const CHAT = json({ model: 'gpt-5', messages: [{ role: 'user', content: 'hello' }] })

describe('a replay', () => {
  const form = () => {
    const body = new FormData()
    body.set('file', new Blob(['x']), 'x.wav')
    return { method: 'POST', body }
  }
  it.each([
    ['a GET', () => ['/v1/models', undefined] as const],
    ['a HEAD', () => ['/v1/models', { method: 'HEAD' }] as const],
    ['an upload', () => ['/v1/audio/transcriptions', form()] as const],
    ['JSON of no known format', () => ['/v1/things', json({ thing: 1 })] as const],
    ['a call that changes something', () => ['/v1/responses', json({ input: 'x', background: true })] as const],
    ['a call whose body is no JSON', () => ['/v1/chat/completions', { ...CHAT, body: '{"model":' }] as const],
    [
      'a call whose body is a stream',
      () => ['/v1/chat/completions', { ...CHAT, body: new Blob([CHAT.body]).stream() }] as const,
    ],
  ])('lets %s not get to the network, and says so', async (_what, args) => {
    const [path, init] = args()
    const asking = open('replay')(`${ADDRESS}${path}?key=canary`, init as RequestInit)
    await expect(asking).rejects.toMatchObject({ code: 'ERR_REPLAY_MISS', context: { namespace: 'answers' } })
    const { message } = await asking.catch((error) => error)
    expect(message).toContain(`${init?.method ?? 'GET'} ${ADDRESS}${path} is nothing that namespace 'answers' records`)
    expect(message).toMatch(/`accept`.*`allow`/)
    expect(message).not.toContain('canary')
    expect(sent).toEqual([])
  })

  it('lets through what the host allows, a `Request` whose body was read too, and what is in mode record', async () => {
    const seen: string[] = []
    const fetch = open('replay', {
      allow: ({ method, url }) => {
        seen.push(`${method} ${url.pathname}`)
        return url.pathname.startsWith('/v1/')
      },
    })
    await fetch(`${ADDRESS}/v1/models`)
    await fetch(new Request(`${ADDRESS}/v1/things`, json({ thing: 1 })))
    await expect(fetch(`${ADDRESS}/other`)).rejects.toMatchObject({ code: 'ERR_REPLAY_MISS' })
    await expect(fetch('/no address')).rejects.toMatchObject({ code: 'ERR_REPLAY_MISS' })
    await open('record')(`${ADDRESS}/other`)
    expect(seen).toEqual(['GET /v1/models', 'POST /v1/things', 'GET /other'])
    expect(sent).toEqual([`GET ${ADDRESS}/v1/models`, `POST ${ADDRESS}/v1/things`, `GET ${ADDRESS}/other`])
  })

  it('goes to the network for no recording that is none', async () => {
    const url = `${ADDRESS}/v1/chat/completions`
    const { key = '' } = (await describeRequest(url, CHAT)) ?? {}
    await openNamespace('record')
      .records('llm')
      .load(key, async () => 'no recording at all')
    // A caller has its answer before the folder has it.
    await closers.pop()?.()
    const asking = open('replay')(url, CHAT)
    await expect(asking).rejects.toMatchObject({ code: 'ERR_REPLAY_MISS' })
    await expect(asking).rejects.toThrow(/no answer of a model.*CACHE_MODE=refresh/)
    expect(sent).toEqual([])
  })

  it('refuses what is no function', () => {
    expect(() => open('replay', { allow: true as never })).toThrow(/`allow`/)
  })

  it.each([async () => false, () => 'yes', () => undefined])(
    'takes no answer of `allow` for a yes that is none: %s',
    async (allow) => {
      const asking = open('replay', { allow: allow as never })(`${ADDRESS}/v1/models`)
      await expect(asking).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' })
      expect(sent).toEqual([])
    },
  )
})

interface Sdk {
  readonly name: string
  readonly minNode?: number
  ask(fetch: CachedFetch): Promise<unknown>
}

const messages = [{ role: 'user' as const, content: 'never recorded' }]
const openaiBy = (load: () => Promise<typeof OpenAI6>) => async (fetch: CachedFetch) => {
  const openai = new (await load())({
    apiKey: 'sk-test',
    baseURL: `${ADDRESS}/v1`,
    fetch: fetch as typeof globalThis.fetch,
  })
  return openai.chat.completions.create({ model: 'gpt-5', messages })
}
const openai6 = openaiBy(async () => OpenAI6)
// biome-ignore lint/suspicious/noExplicitAny: every version has types of its own.
const aiBy = (ai: any, createOpenAI: any) => (fetch: CachedFetch) => {
  const model = createOpenAI({ baseURL: `${ADDRESS}/v1`, apiKey: 'sk-test', fetch }).chat('gpt-5')
  return ai.generateText({ model, prompt: 'never recorded' })
}
// biome-ignore lint/suspicious/noExplicitAny: as above.
const embedBy = (ai: any, createOpenAI: any) => (fetch: CachedFetch) => {
  const model = createOpenAI({ baseURL: `${ADDRESS}/v1`, apiKey: 'sk-test', fetch }).textEmbeddingModel('small')
  return ai.embedMany({ model, values: ['never recorded'] })
}

const SDKS: Sdk[] = [
  { name: 'openai 5', ask: openaiBy(async () => OpenAI5 as unknown as typeof OpenAI6) },
  { name: 'openai 6', ask: openai6 },
  {
    name: 'openai 7',
    minNode: 22,
    ask: openaiBy(async () => (await import('openai-7')).default as unknown as typeof OpenAI6),
  },
  {
    name: 'openai 6, what is never recorded',
    ask: (fetch) =>
      new OpenAI6({ apiKey: 'k', baseURL: `${ADDRESS}/v1`, fetch: fetch as typeof globalThis.fetch }).models.list(),
  },
  {
    name: '@anthropic-ai/sdk, a stream',
    ask: (fetch) =>
      new Anthropic({ apiKey: 'k', baseURL: ADDRESS, fetch }).messages
        .stream({ model: 'claude-test', max_tokens: 9, messages })
        .finalMessage(),
  },
  { name: 'LangChain, around the SDK', ask: (fetch) => new AsyncCaller({}).call(() => openai6(fetch)) },
  { name: 'ai 5', ask: aiBy(ai5, createOpenAI2) },
  { name: 'ai 6', ask: aiBy(ai6, createOpenAI3) },
  { name: 'ai 6, embeddings', ask: embedBy(ai6, createOpenAI3) },
  {
    name: 'ai 7',
    minNode: 22,
    ask: async (fetch) => aiBy(await import('ai-7'), (await import('ai-openai-4')).createOpenAI)(fetch),
  },
]

describe('a miss in a replay is told at once, with its code, and nobody tries again', () => {
  for (const { name, minNode = 20, ask } of SDKS) {
    it.skipIf(NODE_MAJOR < minNode)(name, async () => {
      const error = await ask(open('replay')).then(
        () => undefined,
        (reason) => reason,
      )
      expect(`${error.code} ${error.message}`).toContain('ERR_REPLAY_MISS')
      expect(error.message).toMatch(/never recorded|is nothing that namespace/)
      expect([asked, sent]).toEqual([1, []])
    })
  }

  it('the middleware of @anthropic-ai/sdk', async () => {
    const cache = anthropicMiddleware(openNamespace('replay'))
    const counted: typeof cache = Object.assign((...args: Parameters<typeof cache>) => {
      asked++
      return cache(...args)
    }, cache)
    const anthropic = new Anthropic({ apiKey: 'k', baseURL: ADDRESS, middleware: [counted] })
    const asking = anthropic.messages.create({ model: 'claude-test', max_tokens: 9, messages })
    await expect(asking).rejects.toMatchObject({ status: 404, message: expect.stringContaining('ERR_REPLAY_MISS') })
    await expect(anthropic.models.list()).rejects.toMatchObject({ message: expect.stringContaining('GET ') })
    expect(asked).toBe(2)
  })

  it.each([
    { name: 'ai 5', ai: ai5, createOpenAI: createOpenAI2 },
    { name: 'ai 6', ai: ai6, createOpenAI: createOpenAI3 },
  ])('the middleware of $name, streams included', async ({ ai, createOpenAI }) => {
    const provider = (createOpenAI as typeof createOpenAI3)({ baseURL: `${ADDRESS}/v1`, apiKey: 'k' })
    const { wrapLanguageModel, generateText, streamText } = ai as typeof ai6
    const model = wrapLanguageModel({ model: provider.chat('m'), middleware: cacheMiddleware(openNamespace('replay')) })
    await expect(generateText({ model, prompt: 'Hi' })).rejects.toMatchObject({ code: 'ERR_REPLAY_MISS' })
    const errors: unknown[] = []
    const { fullStream } = streamText({ model, prompt: 'Hi', onError: ({ error }) => void errors.push(error) })
    for await (const _part of fullStream);
    expect(errors).toMatchObject([{ code: 'ERR_REPLAY_MISS' }])
  })
})
