import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, it } from 'vitest'
import { CACHE_CHANNEL } from '../../src/cache/outcome.js'
import { namespace } from '../../src/cache/presets.js'
import type { LlmAnswer } from '../../src/llm/accounts.js'
import { type CachedFetch, cachedFetch } from '../../src/llm/cached-fetch.js'
import { describeRequest } from '../../src/llm/describe-request.js'
import type { CachedFetchOptions } from '../../src/llm/fetch-options.js'
import { LLM_CHANNEL } from '../../src/llm/llm-event.js'
import { byCredentials } from '../../src/llm/request-key.js'
import type { SharedStore } from '../../src/stores/shared-store.js'
import { createSimulatedStore } from '../../src/testing/simulated-store.js'
import { createTestStash } from '../../src/testing/test-stash.js'
import { ASK, FORMATS, openWorld, post, until } from './llm-world.js'

describe('two processes over one store', () => {
  it.each(FORMATS)('%s: what one recorded the other replays, byte by byte', async (format) => {
    const { wire } = await openWorld()
    const store = createSimulatedStore()
    const [one, two] = [open(store.connect()), open(store.connect())]
    for (const stream of [false, true]) {
      const before = store.entryKeys().length
      const first = await (await post(one, wire, ASK[format]('hello', stream))).text()
      // The caller has its text while the store is being told.
      await expect.poll(() => store.entryKeys().length).toBe(before + 1)
      const hit = await post(two, wire, ASK[format]('hello', stream))
      expect(await hit.text()).toBe(first)
      expect(hit.headers.get('cache-status')).toContain('hit')
    }
    expect(wire.requests).toHaveLength(2)
  })

  it('callers who read the store together were all answered from there, and told how old it is', async () => {
    const { wire } = await openWorld()
    const store = createSimulatedStore()
    const [one, two] = [open(store.connect()), open(store.connect())]
    const embed = { path: '/v1/embeddings', body: { model: 'e', input: ['a', 'b'] } }
    for (const ask of [ASK['openai-chat']('hello'), ASK['openai-chat']('hello', true), embed]) {
      const before = store.entryKeys().length
      await (await post(one, wire, ask)).text()
      await expect.poll(() => store.entryKeys().length).toBe(before + (ask === embed ? 2 : 1))
      const recorded = Date.now()
      await until(() => Date.now() > recorded)
      const answers = await Promise.all([post(two, wire, ask), post(two, wire, ask)])
      for (const { headers } of answers) expect(headers.get('cache-status')).toMatch(/^hopstash; hit/)
    }
    expect(two.stats()).toMatchObject({ hits: 6, joined: 0, misses: 0 })
    expect(wire.requests).toHaveLength(3)
  })

  it('concurrent streaming calls share one upstream call, though the store is asked first', async () => {
    const { wire } = await openWorld()
    const fetch = open(createSimulatedStore().connect())
    const texts = await Promise.all(
      Array.from({ length: 50 }, async () => (await post(fetch, wire, ASK['openai-chat']('hello', true))).text()),
    )
    expect(new Set(texts).size).toBe(1)
    expect(wire.requests).toHaveLength(1)
  })

  it('three processes that load once a cluster: one call for all their callers; after a failure, nobody waits in vain', async () => {
    const { wire } = await openWorld()
    const store = createSimulatedStore()
    const processes = Array.from({ length: 3 }, () => open(store.connect(), {}, 'cluster'))
    const askAll = (text: string) =>
      Promise.all(
        Array.from({ length: 30 }, async (_, index) => {
          const fetch = processes[index % 3] as CachedFetch
          return (await post(fetch, wire, ASK['openai-chat'](text, true))).text()
        }),
      )
    expect(new Set(await askAll('hello')).size).toBe(1)
    expect(wire.requests).toHaveLength(1)
    wire.scripts.push({ status: 500 })
    const texts = await askAll('unlucky')
    expect(texts.filter((text) => text.includes('[DONE]'))).toHaveLength(20)
    expect(texts.filter((text) => text.includes('failure 2'))).toHaveLength(10)
  })

  it('embeddings one process has are not asked for by the other', async () => {
    const { wire } = await openWorld()
    const store = createSimulatedStore()
    const [one, two] = [open(store.connect()), open(store.connect())]
    const embed = (input: string[]) => ({ path: '/v1/embeddings', body: { model: 'm', input } })
    await (await post(one, wire, embed(['a', 'bb', 'ccc']))).text()
    await expect.poll(() => store.entryKeys().length).toBe(3)
    await (await post(two, wire, embed(['ccc', 'dddd', 'a']))).text()
    expect(wire.requests.map(({ body }) => body.input)).toEqual([['a', 'bb', 'ccc'], ['dddd']])
  })
})

describe('secrets', () => {
  const CANARY = 'sk-canary-4f1d2c'
  const ask = {
    path: `/v1/chat/completions?api-version=1&key=${CANARY}`,
    body: {
      model: 'gpt-5',
      messages: [{ role: 'user', content: `my token is ${CANARY}, keep it` }],
      metadata: { api_key: CANARY },
      tools: [{ type: 'mcp', authorization: CANARY, headers: { 'x-token': CANARY } }],
    },
  }
  const headers = { authorization: `Bearer ${CANARY}`, 'x-api-key': CANARY, cookie: `session=${CANARY}` }

  it('of headers, address and body never reach keys, stored bytes, events, errors or descriptions', async () => {
    const { wire } = await openWorld()
    const seen: unknown[] = []
    const listen = (message: unknown): void => void seen.push(message)
    subscribe(CACHE_CHANNEL, listen)
    subscribe(LLM_CHANNEL, listen)
    const answers: LlmAnswer[] = []
    const fetch = open(spied(createSimulatedStore().connect(), seen), {
      scope: byCredentials('a secret of the service'),
      onAnswer: (answer) => answers.push(answer),
    })
    try {
      wire.scripts.push(
        { status: 500, headers: { 'x-request-id': 'r' } },
        {},
        { raw: { contentType: 'application/json', body: '{' } },
      )
      for (let call = 0; call < 3; call++) await (await post(fetch, wire, ask, { headers })).text()
      const other = { ...ask, body: { ...ask.body, model: 'other' } }
      await (await post(fetch, wire, other, { headers })).text()
      await wire.close()
      seen.push(await post(fetch, wire, { ...ask, body: { ...ask.body, model: 'third' } }, { headers }).catch(String))
    } finally {
      unsubscribe(CACHE_CHANNEL, listen)
      unsubscribe(LLM_CHANNEL, listen)
    }
    const described = await describeRequest(wire.url + ask.path, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(ask.body),
    })
    expect(seen.length).toBeGreaterThan(10)
    expect(answers.length).toBeGreaterThan(3)
    expect(dump([seen, answers, described, fetch.stats()])).not.toContain(CANARY)
    expect(described?.text).toContain('my token is [scrubbed], keep it')
  })

  it('an event tells format, model, status and money of a call, and nothing of what was said', async () => {
    const { wire, open: openFetch } = await openWorld()
    const answers: LlmAnswer[] = []
    const fetch = openFetch({ onAnswer: (answer) => answers.push(answer) })
    for (let call = 0; call < 2; call++) await (await post(fetch, wire, ASK['anthropic-messages']('a prompt'))).text()
    expect(answers).toMatchObject([
      { format: 'anthropic-messages', model: 'claude-sonnet-4-5', status: 'miss', unstored: undefined },
      { status: 'hit', billed: { calls: 0, money: 0 }, saved: { calls: 1, input: 20, output: 5 } },
    ])
    expect(dump(answers)).not.toMatch(/a prompt|answer 1/)
  })
})

function open(store: SharedStore, options: CachedFetchOptions = {}, coalesce: 'process' | 'cluster' = 'process') {
  const namespaces = { answers: namespace<unknown, unknown>({ ttl: '1h', jitter: 0, coalesce }) }
  return cachedFetch(createTestStash({ store, namespaces }).answers, options)
}

/** A store that notes whatever it is given. */
function spied(store: SharedStore, seen: unknown[]): SharedStore {
  return new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        seen.push([String(name), args])
        return member.apply(target, args)
      }
    },
  })
}

/** Everything in a value as text: bytes, map entries and error causes, too. */
function dump(value: unknown): string {
  return JSON.stringify(value, (_, inner) => {
    if (inner instanceof Uint8Array) return Buffer.from(inner).toString('latin1')
    if (inner instanceof Map) return [...inner]
    if (inner instanceof Error) return [inner.message, inner.stack, inner.cause]
    return typeof inner === 'bigint' || typeof inner === 'function' ? String(inner) : inner
  })
}
