import { describe, expect, it } from 'vitest'
import { namespace } from '../../src/cache/presets.js'
import { createStash } from '../../src/cache/stash.js'
import { cachedFetch } from '../../src/llm/cached-fetch.js'
import { directives } from '../../src/llm/directives.js'
import { byCredentials } from '../../src/llm/request-key.js'
import { createFakeClock } from '../../src/testing/fake-clock.js'
import { ASK, openWorld, post, until } from './llm-world.js'

// What users of other caches complained about, each as the behaviour they wanted.

const chat = (more: object = {}) => ({
  path: '/v1/chat/completions',
  body: { model: 'gpt-5', messages: [{ role: 'user', content: 'hello' }], ...more },
})

describe('what decides the answer decides the key', () => {
  it.each([
    ['tool_choice', { tool_choice: 'required' }, { tool_choice: 'none' }],
    ['tool definitions', { tools: [toolNamed('cat')] }, { tools: [toolNamed('dog')] }],
    ['a parameter nobody here knows', { brand_new_parameter: 1 }, { brand_new_parameter: 2 }],
    ['a temperature that is absent and one that is 0', {}, { temperature: 0 }],
    ['null and absent', {}, { temperature: null }],
    ['the model', { model: 'a' }, { model: 'b' }],
    ['response_format', { response_format: { type: 'text' } }, { response_format: { type: 'json_object' } }],
    ['the order of messages', messages('a', 'b'), messages('b', 'a')],
    ['white space', messages('a b'), messages('a  b')],
    ['two images with one text', image('cat'), image('dog')],
    ['a seed beyond 2^53', {}, {}],
  ])('%s', async (what, one, two) => {
    const { wire, fetch } = await openWorld()
    if (what.startsWith('a seed')) {
      for (const seed of ['9007199254740992', '9007199254740993']) {
        const body = `{"model":"m","messages":[],"seed":${seed}}`
        const headers = { 'content-type': 'application/json' }
        await (await fetch(`${wire.url}/v1/chat/completions`, { method: 'POST', headers, body })).text()
      }
    } else {
      await (await post(fetch, wire, chat(one))).text()
      await (await post(fetch, wire, chat(two))).text()
    }
    expect(wire.requests).toHaveLength(2)
  })

  it('and nothing else does: key order, credentials, user agent, traces, metadata, cache hints', async () => {
    const { wire, fetch } = await openWorld()
    await (await post(fetch, wire, chat({ temperature: 1, metadata: { trace: 'a' }, user: 'u1' }))).text()
    const again = {
      path: '/v1/chat/completions',
      body: Object.fromEntries(
        Object.entries(
          chat({ temperature: 1, metadata: { trace: 'b' }, prompt_cache_key: 'x', user: 'u2' }).body,
        ).reverse(),
      ),
    }
    const headers = {
      authorization: 'Bearer another',
      'user-agent': 'another',
      'x-stainless-timeout': '5',
      'idempotency-key': 'unique',
      traceparent: '00-1-2-03',
    }
    const hit = await post(fetch, wire, again, { headers })
    expect(hit.headers.get('cache-status')).toContain('hit')
    expect(wire.requests).toHaveLength(1)
  })
})

describe('what a call carries beside its request', () => {
  it('changes nothing: signals, timeouts, attempts, and how long a provider may take', async () => {
    const { wire, fetch, answers } = await openWorld()
    await (await post(fetch, wire, chat())).text()
    await until(() => answers.stats().size === 1)
    for (const [name, value] of [
      ['x-stainless-timeout', '600'],
      ['x-stainless-read-timeout', '30'],
      ['x-stainless-retry-count', '0'],
      ['idempotency-key', 'another'],
    ] as const) {
      const { signal } = new AbortController()
      const hit = await post(fetch, wire, chat(), { headers: { [name]: value }, signal })
      expect(hit.headers.get('cache-status'), name).toContain('hit')
    }
    await (await post(fetch, wire, chat(), { signal: AbortSignal.timeout(60_000) })).text()
    expect(wire.requests).toHaveLength(1)
  })
})

describe('streams', () => {
  it('use the cache both ways, and come back in the form they came in, not as one aggregated chunk', async () => {
    for (const format of ['openai-chat', 'openai-responses', 'anthropic-messages', 'gemini'] as const) {
      const { wire, fetch } = await openWorld()
      const first = await (await post(fetch, wire, ASK[format]('hello', true))).text()
      const hit = await post(fetch, wire, ASK[format]('hello', true))
      expect(await hit.text()).toBe(first)
      expect(first.match(/^data: /gm)?.length).toBeGreaterThan(4)
      expect(hit.headers.get('cache-status')).toContain('hit')
      expect(wire.requests).toHaveLength(1)
    }
  })

  it('and JSON answers to one prompt are two entries: neither can be made of the other', async () => {
    const { wire, fetch } = await openWorld()
    await (await post(fetch, wire, ASK['openai-chat']('hello', true))).text()
    expect(await (await post(fetch, wire, ASK['openai-chat']('hello'))).json()).toMatchObject({
      object: 'chat.completion',
    })
    expect(wire.requests).toHaveLength(2)
  })
})

describe('answers that must not last', () => {
  it('a retry after an empty truncated answer is never served that answer again', async () => {
    const { wire, fetch } = await openWorld()
    wire.scripts.push({ ends: 'empty' }, { ends: 'truncated' })
    const contents: unknown[] = []
    for (let attempt = 0; attempt < 3; attempt++) {
      const response = await post(fetch, wire, chat(), { headers: { 'x-stainless-retry-count': String(attempt) } })
      contents.push(((await response.json()) as { choices: { finish_reason: string }[] }).choices[0]?.finish_reason)
    }
    expect(contents).toEqual(['stop', 'length', 'stop'])
    expect(fetch.stats().unstored).toEqual({ empty: 1, truncated: 1 })
  })

  it('of several choices all must be good, and all must be there', async () => {
    const { wire, fetch, answers } = await openWorld()
    const choice = (index: number, finish: string) => ({ index, finish_reason: finish, message: { content: 'x' } })
    const answer = (...choices: object[]) =>
      wire.scripts.push({ raw: { contentType: 'application/json', body: JSON.stringify({ choices }) } })
    answer(choice(0, 'stop'), choice(1, 'length'))
    answer(choice(0, 'stop'))
    for (let round = 0; round < 2; round++) await (await post(fetch, wire, chat({ n: 2 }))).text()
    expect(wire.requests).toHaveLength(2)
    expect(answers.stats().size).toBe(0)
    await (await post(fetch, wire, chat({ n: 2, stream: true }))).text()
    // Who has the whole answer finds it in memory.
    expect(answers.stats().size).toBe(1)
  })

  it('a popular answer still dies: hits do not extend its life, and maxAge bounds it for one call', async () => {
    const clock = createFakeClock()
    const { wire } = await openWorld()
    const { answers } = createStash({
      clock,
      namespaces: { answers: namespace<unknown, unknown>({ ttl: '1h', jitter: 0 }) },
    })
    const fetch = cachedFetch(answers)
    for (let minute = 0; minute < 60; minute += 10) {
      await (await post(fetch, wire, chat())).text()
      await clock.advance(600_000)
    }
    expect(wire.requests).toHaveLength(1)
    await (await post(fetch, wire, chat())).text()
    expect(wire.requests).toHaveLength(2)
    await clock.advance(600_000)
    await (await post(fetch, wire, chat(), { headers: directives({ maxAge: '5m' }) })).text()
    expect(wire.requests).toHaveLength(3)
  })
})

describe('whose answers they are', () => {
  it('teams do not share entries, in no form of answer, once there is a scope', async () => {
    const { wire, open } = await openWorld()
    const fetch = open({ scope: byCredentials('a secret of the service') })
    const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } })
    const asks = [chat(), chat({ stream: true }), { path: '/v1/embeddings', body: { model: 'm', input: ['a', 'b'] } }]
    for (const ask of asks) {
      for (const key of ['red', 'blue', 'red', 'blue']) await (await post(fetch, wire, ask, as(key))).text()
    }
    expect(wire.requests).toHaveLength(2 * asks.length)
    const [one, two] = await Promise.all([
      post(fetch, wire, chat({ seed: 1 }), as('red')),
      post(fetch, wire, chat({ seed: 1 }), as('blue')),
    ])
    expect(await one.text()).not.toBe(await two.text())
  })

  it('a scope is no text in a prompt: no prompt can be written that reads as another scope', async () => {
    const { wire, fetch } = await openWorld()
    await (await post(fetch, wire, chat(), { headers: directives({ scope: 'red' }) })).text()
    await (await post(fetch, wire, chat({ scope: 'red' }))).text()
    await (await post(fetch, wire, chat(messages('red\u0000hello')))).text()
    await (await post(fetch, wire, chat(), { headers: directives({ scope: 'blue' }) })).text()
    expect(wire.requests).toHaveLength(4)
  })

  it('a namespace that wants a scope refuses calls without one', async () => {
    const { wire, fetch } = await openWorld({}, { requireScope: true })
    await expect(post(fetch, wire, chat())).rejects.toMatchObject({ code: 'ERR_SCOPE_REQUIRED' })
    expect((await post(fetch, wire, chat(), { headers: directives({ scope: 'red' }) })).status).toBe(200)
  })
})

describe('what it cost', () => {
  it('a hit is billed 0 and saves what the answer cost, for streams, too', async () => {
    const { wire, fetch, answers } = await openWorld({ prices: { 'gpt-5': { input: 1, output: 10 } } })
    const ask = chat({ stream: true, stream_options: { include_usage: true } })
    wire.scripts.push({ tokens: { input: 1_000, output: 100 } })
    for (let call = 0; call < 3; call++) await (await post(fetch, wire, ask)).text()
    const { original, billed, saved, models } = fetch.stats()
    expect(original).toMatchObject({ calls: 3, input: 3_000, output: 300, money: 0.006 })
    expect(billed).toMatchObject({ calls: 1, input: 1_000, output: 100, money: 0.002 })
    expect(saved).toMatchObject({ calls: 2, input: 2_000, output: 200, money: 0.004 })
    expect(models['gpt-5']?.saved).toEqual(saved)
    expect(answers.stats().saved).toMatchObject({ calls: 2, tokens: 2_200, money: 0.004 })
  })

  it('callers that join a stream are billed nothing', async () => {
    const { wire, fetch } = await openWorld()
    const ask = chat({ stream: true, stream_options: { include_usage: true } })
    await Promise.all(Array.from({ length: 10 }, async () => (await post(fetch, wire, ask)).text()))
    const { original, billed, saved } = fetch.stats()
    expect([original.input, billed.input, saved.input]).toEqual([200, 20, 180])
  })
})

describe('samples', () => {
  it('keep several distinct answers to one prompt, each stable', async () => {
    const { wire, fetch } = await openWorld()
    const round = async () => {
      const answers = [0, 1, 2, 3, 4].map(async (sample) =>
        (await post(fetch, wire, chat(), { headers: directives({ sample }) })).text(),
      )
      return Promise.all(answers)
    }
    const [first, second] = [await round(), await round()]
    expect(new Set(first).size).toBe(5)
    expect(second).toEqual(first)
    expect(await (await post(fetch, wire, chat())).text()).toBe(first[0])
    expect(wire.requests).toHaveLength(5)
  })
})

describe('control', () => {
  it('tags, clear, forceFresh, noStore and onlyIfCached do what they say', async () => {
    const { wire, fetch, answers } = await openWorld({ tags: ['llm'] })
    const ask = (asked: Parameters<typeof directives>[0] = {}) =>
      post(fetch, wire, chat(), { headers: directives(asked) })
    await expect(ask({ onlyIfCached: true })).rejects.toMatchObject({ code: 'ERR_NOT_CACHED' })
    expect(wire.requests).toHaveLength(0)
    await (await ask({ noStore: true })).text()
    expect(answers.stats().size).toBe(0)
    await (await ask({ tags: ['resume:42'] })).text()
    await answers.invalidateTags(['llm'])
    const first = await (await ask({ tags: ['resume:42'] })).text()
    expect(await (await ask({ onlyIfCached: true })).text()).toBe(first)
    const second = await (await ask({ forceFresh: true })).text()
    expect(second).not.toBe(first)
    expect(await (await ask()).text()).toBe(second)
    await answers.invalidateTags(['llm'])
    await (await ask()).text()
    await answers.clear()
    await (await ask()).text()
    expect(wire.requests).toHaveLength(6)
  })

  it('an invalidation during a stream: those who come after it get a new answer', async () => {
    const { wire, fetch, answers } = await openWorld()
    let end!: () => void
    const held = new Promise<void>((resolve) => {
      end = resolve
    })
    wire.scripts.push({ holdAfter: { events: 3, until: held } })
    const before = await post(fetch, wire, chat({ stream: true }))
    await answers.clear()
    const after = post(fetch, wire, chat({ stream: true }))
    setTimeout(end, 20)
    const [old, fresh] = [await before.text(), await (await after).text()]
    expect(fresh).not.toBe(old)
    expect(await (await post(fetch, wire, chat({ stream: true }))).text()).toBe(fresh)
  })

  it('what it does not know passes through untouched, bodies and answers alike', async () => {
    const { wire, fetch, answers } = await openWorld()
    const others = [
      { path: '/v1/images/generations', body: { prompt: 'a cat' } },
      { path: '/v1/responses', body: { input: 'x', conversation: 'conv_1' } },
      { path: '/v1/responses', body: { input: 'x', background: true } },
      { path: '/v1/messages/batches', body: { requests: [] } },
      { path: '/v1/threads/t/messages', body: { role: 'user', content: 'hi' } },
    ]
    for (const other of others) {
      for (let round = 0; round < 2; round++) {
        const response = await post(fetch, wire, other)
        expect(response.headers.get('cache-status')).toBeNull()
      }
    }
    expect(wire.requests).toHaveLength(2 * others.length)
    const form = new FormData()
    form.set('file', new Blob(['x']), 'x.txt')
    await (await fetch(`${wire.url}/v1/files`, { method: 'POST', body: form })).text()
    await (await fetch(new Request(`${wire.url}/v1/models`))).text()
    expect(answers.stats().size).toBe(0)
    expect(fetch.stats().passed).toBe(2 * others.length + 2)
  })

  it('takes other JSON in where the host says so, and a Request object as well as a url', async () => {
    const { wire, fetch } = await openWorld({ accept: ({ url }) => url.pathname === '/rerank' })
    const request = () =>
      new Request(`${wire.url}/rerank`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"query":"a"}',
      })
    const first = await (await fetch(request())).text()
    expect(await (await fetch(request())).text()).toBe(first)
    expect(wire.requests).toHaveLength(1)
    expect(wire.requests[0]?.body).toEqual({ query: 'a' })
  })
})

function toolNamed(name: string): object {
  return { type: 'function', function: { name, parameters: { type: 'object' } } }
}

function messages(...contents: string[]): object {
  return { messages: contents.map((content) => ({ role: 'user', content })) }
}

function image(of: string): object {
  const url = `data:image/png;base64,${Buffer.from(of.repeat(500)).toString('base64')}`
  const content = [
    { type: 'text', text: 'what is it?' },
    { type: 'image_url', image_url: { url } },
  ]
  return { messages: [{ role: 'user', content }] }
}
