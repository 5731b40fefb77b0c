import OpenAI from 'openai-6'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { CachedFetchOptions } from '../../src/llm/fetch-options.js'
import { ASK, openWorld, post } from './llm-world.js'

const ask = ASK['openai-chat']('hello')
const invalid = expect.objectContaining({ code: 'ERR_OPTION_INVALID' })
const GOOD = { choices: [{ index: 0, finish_reason: 'stop', message: { content: 'fine' } }] }

describe('what a function of the host answers is looked at', () => {
  it.each<[string, object]>([
    ['a scope that is a promise', { scope: async () => 'tenant' }],
    ['a scope without text', { scope: () => '' }],
    ['a scope that is a number', { scope: () => 7 }],
    ['tags in one text', { tags: () => 'job' }],
    ['tags in a promise', { tags: async () => ['job'] }],
    ['directives in a promise', { directives: async () => ({ noStore: true }) }],
    ['directives that are none', { directives: () => 'no-store' }],
  ])('%s: no call is made', async (_what, options) => {
    const { wire, open } = await openWorld()
    await expect(post(open(options as CachedFetchOptions), wire, ask)).rejects.toThrow(invalid)
    expect(wire.requests).toHaveLength(0)
  })

  it('two tenants whose scopes are promises share no call', async () => {
    const { wire, open } = await openWorld()
    const as = (tenant: string) => post(open({ scope: async () => tenant } as never), wire, ask)
    const outcomes = await Promise.allSettled([as('one'), as('two')])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })

  it.each([[async () => false], [() => 'no'], [() => undefined]])(
    'what is no yes or no takes nothing in: %s',
    async (accept) => {
      const { wire, open } = await openWorld()
      const fetch = open({ accept } as never)
      await expect(post(fetch, wire, { path: '/v1/pay', body: { amount: 5 } })).rejects.toThrow(invalid)
      expect(wire.requests).toHaveLength(0)
    },
  )

  it('a listener that fails later ends no process', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown) => void unhandled.push(error)
    process.on('unhandledRejection', note)
    onTestFinished(() => void process.off('unhandledRejection', note))
    const { wire, open } = await openWorld()
    const onAnswer = async () => {
      throw new Error('the log is down')
    }
    const fetch = open({ onAnswer: onAnswer as never })
    await (await post(fetch, wire, ask)).text()
    await (await post(fetch, wire, ask)).text()
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(unhandled).toEqual([])
  })
})

describe('a `fetch` of the host', () => {
  it.each<[string, () => unknown]>([
    ['nothing', () => undefined],
    ['what it parsed', () => GOOD],
    ['an error of the network', () => Response.error()],
    ['a body of another kind', () => ({ status: 200, headers: new Headers(), body: (async function* () {})() })],
  ])('that resolves with %s is told so at once, through an SDK, too', async (_what, result) => {
    const { wire, open } = await openWorld()
    let calls = 0
    const upstream = async () => {
      calls++
      return result()
    }
    const fetch = open({ fetch: upstream as never })
    await expect(post(fetch, wire, ask)).rejects.toThrow(/`fetch`.*Response/)
    const openai = new OpenAI({ apiKey: 'k', baseURL: `${wire.url}/v1`, fetch: fetch as never })
    const asking = openai.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'hi' }] })
    await expect(asking).rejects.toMatchObject({ status: 400, code: 'ERR_OPTION_INVALID' })
    expect(calls).toBe(2)
  })
})

describe('what a `fetch` may bring all the same', () => {
  it('a status over 599 reaches everybody who waited, and the process goes on', async () => {
    const { wire, fetch, answers } = await openWorld()
    wire.scripts.push({ status: 999 }, { status: 999 })
    const responses = await Promise.all([post(fetch, wire, ask), post(fetch, wire, ask)])
    for (const response of responses) {
      for (const one of [response.clone().clone(), response]) {
        expect([one.status, one.ok, one.url]).toEqual([999, false, `${wire.url}${ask.path}`])
        expect(await one.json()).toMatchObject({ error: { code: 999 } })
      }
    }
    expect([wire.requests.length, answers.stats().size]).toEqual([1, 0])
  })

  it('of an address: a clone of the answer says it, too, be it live, kept, or of embeddings', async () => {
    const { wire, fetch } = await openWorld()
    const embeddings = { path: '/v1/embeddings', body: { model: 'e', input: ['one'] } }
    for (const asked of [ask, ask, embeddings, embeddings]) {
      const response = await post(fetch, wire, asked)
      expect([response.clone().url, response.url]).toEqual([wire.url + asked.path, wire.url + asked.path])
      await response.text()
    }
  })

  it('a body that is made of texts is an error, as it is of any `Response`, not an answer of zeros', async () => {
    const { wire, open } = await openWorld()
    const body = () => new ReadableStream({ start: (controller) => controller.enqueue(JSON.stringify(GOOD)) })
    const headers = { 'content-type': 'application/json' }
    const fetch = open({ fetch: async () => new Response(body(), { headers }) })
    await expect(post(fetch, wire, ask).then((response) => response.text())).rejects.toThrow(TypeError)
  })
})

describe('a good status that is not 200', () => {
  const big = 'x'.repeat(3 * 1024 * 1024)

  it('comes whole, however long it is, and is not kept', async () => {
    const { wire, open, answers } = await openWorld()
    const fetch = open({ accept: () => true, fetch: async () => Response.json({ big }, { status: 201 }) })
    const response = await post(fetch, wire, { path: '/v1/files', body: {} })
    expect([response.status, (await response.text()).length]).toEqual([201, big.length + 10])
    expect([answers.stats().size, fetch.stats().unstored]).toEqual([0, { status: 1 }])
  })

  it('is no less whole as a failure', async () => {
    const { wire, open } = await openWorld()
    const fetch = open({ fetch: async () => Response.json({ big }, { status: 400 }) })
    expect((await (await post(fetch, wire, ask)).text()).length).toBe(big.length + 10)
  })

  it('comes as it comes: nobody waits for its end', async () => {
    const { wire, open } = await openWorld()
    const body = new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('data: 1\n\n')) })
    const headers = { 'content-type': 'text/event-stream' }
    const fetch = open({ fetch: async () => new Response(body, { status: 202, headers }) })
    const response = await post(fetch, wire, ask)
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    expect([response.status, Buffer.from((await reader.read()).value ?? []).toString()]).toEqual([202, 'data: 1\n\n'])
    await reader.cancel()
  })
})
