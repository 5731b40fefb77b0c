import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { getEventListeners } from 'node:events'
import { createStash, namespace } from 'hopstash'
import { cacheMiddleware } from 'hopstash/integrations/ai-sdk'
import { createFakeClock } from 'hopstash/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { recordOfParts, recordOfResult } from '../../../src/integrations/ai-sdk/answer-record.js'

const model = { provider: 'test', modelId: 'small', specificationVersion: 'v3' }
const LOOP: unknown[] = []
LOOP.push(LOOP)
const PARTS = [
  { type: 'text-delta', id: '1', delta: 'Hello' },
  { type: 'finish', finishReason: 'stop', usage: { inputTokens: 1, outputTokens: 2 } },
]

function streamOf(parts: readonly object[], error?: Error): ReadableStream {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part)
      if (error === undefined) controller.close()
      else controller.error(error)
    },
  })
}

/** Says something, and then nothing until it is given up. */
function endless(signal: AbortSignal | undefined): ReadableStream {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(PARTS[0])
      // Not at once: what is between a model and its caller takes turns.
      signal?.addEventListener('abort', () => setImmediate(() => controller.error(signal.reason)))
    },
  })
}

describe('the middleware', () => {
  it.each<[string, () => ReadableStream, (stream: ReadableStream) => Promise<unknown>]>([
    ['is read to its end', () => streamOf(PARTS), partsOf],
    ['is left', () => streamOf(PARTS), (stream) => stream.cancel()],
    ['breaks', () => streamOf(PARTS.slice(0, 1), new Error('broken')), (stream) => partsOf(stream).catch(() => {})],
    ['tells of an error', () => streamOf([{ type: 'error', error: 'x' }]), partsOf],
  ])('leaves no listener on a signal that lives long, when a stream %s', async (_what, make, read) => {
    const middleware = cacheMiddleware(createStash().aiResponse)
    const { signal } = new AbortController()
    const params = await middleware.transformParams({ params: { prompt: [], abortSignal: signal } })
    const { stream } = await middleware.wrapStream({ doStream: async () => ({ stream: make() }), params, model })
    await read(stream)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it.each([
    ['nothing', undefined],
    ['what is none', { async *[Symbol.asyncIterator]() {} }],
  ])(
    'ends the stream with an error when the model hands over %s for it, and lets nobody wait',
    async (_what, stream) => {
      const middleware = cacheMiddleware(createStash().aiResponse)
      const doStream = async () => ({ stream }) as never as { stream: ReadableStream }
      const asked = middleware.wrapStream({ doStream, params: { prompt: [] }, model })
      await expect(asked.then((result) => partsOf(result.stream))).rejects.toThrow(TypeError)
    },
  )

  it('waits for an answer as long as its caller does, whatever the namespace waits for its loaders', async () => {
    const clock = createFakeClock()
    await using stash = createStash({ clock, namespaces: { answers: namespace({ hardTimeout: '1m' }) } })
    const { wrapGenerate } = cacheMiddleware(stash.answers)
    let answer!: (result: { content: object[]; finishReason: string }) => void
    const doGenerate = () =>
      new Promise<Parameters<typeof answer>[0]>((resolve) => {
        answer = resolve
      })
    const asked = wrapGenerate({ doGenerate, params: { prompt: [] }, model })
    asked.catch(() => undefined)
    await clock.advance(3_600_000)
    answer({ content: [{ type: 'text', text: 'at last' }], finishReason: 'stop' })
    expect((await asked).content).toEqual([{ type: 'text', text: 'at last' }])
  })

  const headers = { 'x-request-id': 'r', 'X-Auth-Token': 't', 'x-api-key': 'k', 'set-cookie': 'c' }
  it('gives whoever joins a stream no header that holds a secret of its first caller, and no text of his request', async () => {
    await using stash = createStash()
    const { wrapStream } = cacheMiddleware(stash.aiResponse)
    const doStream = async () => ({ stream: streamOf(PARTS), request: { body: 'his' }, response: { headers } })
    const ask = () => wrapStream({ doStream, params: { prompt: [] }, model })
    const [first, joined] = await Promise.all([ask(), ask()])
    expect(first).toMatchObject({ request: { body: 'his' }, response: { headers } })
    expect({ ...joined, stream: undefined }).toEqual({ response: { headers: { 'x-request-id': 'r' } } })
    await Promise.all([partsOf(first.stream), partsOf(joined.stream)])
  })

  it('keeps no header of an answer that holds a secret', () => {
    const record = recordOfResult({ content: [], finishReason: 'stop', response: { headers } })
    expect(record.result.response).toEqual({ headers: { 'x-request-id': 'r' } })
  })
})

describe('the record of a stream', () => {
  it('takes its parts over as they are: they are copies already; what came beside them stays the caller\u2019s', () => {
    const result = { response: { id: 'r' }, warnings: [] }
    const parts = structuredClone(PARTS)
    const record = recordOfParts(result, parts)
    expect(record).toEqual({ v: 1, result, parts })
    for (const [index, part] of parts.entries()) expect(record.parts?.[index]).toBe(part)
    expect([record, record.result, ...parts].every(Object.isFrozen)).toBe(true)
    expect([result, result.response, result.warnings].some(Object.isFrozen)).toBe(false)
  })
})

describe('what an answer is made of', () => {
  type Spent = { readonly input: number }
  const heard: {
    readonly unstored?: string
    readonly original?: Spent
    readonly billed?: Spent
    readonly saved?: Spent
  }[] = []
  const listen = (event: unknown): void => void heard.push(event as (typeof heard)[number])
  beforeEach(() => {
    heard.length = 0
    subscribe('hopstash:llm', listen)
  })
  afterEach(() => unsubscribe('hopstash:llm', listen))

  const params = { prompt: [{ role: 'user', content: 'Hi' }] }
  const usage = { inputTokens: 3, outputTokens: 4 }
  const answerOf = (place: string, odd: unknown) => ({
    content: [{ type: 'text', text: 'hi', ...(place === 'content' && { odd }) }],
    finishReason: 'stop',
    usage,
    ...(place === 'result' && { odd }),
    ...(place === 'response' && { response: { odd } }),
  })
  const streamed = (place: string, odd: unknown) => {
    const parts = [
      { type: 'text-delta', id: '1', delta: 'x', ...(place === 'content' && { odd }) },
      { type: 'finish', finishReason: 'stop', usage },
    ]
    const { content: _content, ...head } = answerOf(place === 'content' ? '' : place, odd)
    return { ...head, stream: streamOf(parts) }
  }
  const ODD: [string, unknown][] = [
    ['a function', () => 1],
    ['a symbol', Symbol('odd')],
    ['an instance of a class', new (class Odd {})()],
    ['a stream', new ReadableStream()],
    ['a promise', Promise.resolve()],
    ['a loop', LOOP],
  ]
  const cases = ODD.flatMap(([what, odd]) => ['result', 'content', 'response'].map((place) => ({ what, odd, place })))

  it.each(cases)('$what in its $place reaches every caller as it is, and is kept by nobody', async ({ odd, place }) => {
    const namespaces = {
      frozen: namespace({}),
      strict: namespace({ strict: true }),
      shared: namespace({ isolation: 'share' }),
    }
    const stash = createStash({ namespaces })
    for (const answers of [stash.frozen, stash.strict, stash.shared]) {
      heard.length = 0
      let calls = 0
      const middleware = cacheMiddleware(answers, { alsoStore: ['truncated'] })
      const doGenerate = async () => {
        calls++
        return answerOf(place, odd)
      }
      const ask = () => middleware.wrapGenerate({ doGenerate, params, model })
      for (const answer of [...(await Promise.all([ask(), ask(), ask()])), await ask()]) {
        const { providerMetadata: _told, ...plain } = answer as { providerMetadata?: object }
        expect(plain).toEqual(answerOf(place, odd))
      }
      expect(calls).toBe(4)
      expect(heard.map(({ unstored, original }) => [unstored, original?.input])).toEqual(
        Array.from({ length: 4 }, () => ['unsupported', 3]),
      )
      expect(answers.stats().size).toBe(0)
    }
    await stash.close()
  })

  it.each(cases)('$what in the $place of a stream, too', async ({ odd, place }) => {
    const stash = createStash()
    const middleware = cacheMiddleware(stash.aiResponse)
    let calls = 0
    const doStream = async () => {
      calls++
      return streamed(place, odd)
    }
    const ask = async () => {
      const { stream, ...head } = await middleware.wrapStream({ doStream, params, model })
      return [head, (await partsOf(stream)).slice(0, 1)]
    }
    const { stream, ...head } = streamed(place, odd)
    const whole = [head, (await partsOf(stream)).slice(0, 1)]
    expect(await Promise.all([ask(), ask()])).toEqual([whole, whole])
    expect(await ask()).toEqual(whole)
    expect(calls).toBeGreaterThan(1)
    expect(new Set(heard.map(({ unstored }) => unstored))).toEqual(new Set(['unsupported']))
    expect(stash.aiResponse.stats().size).toBe(0)
    await stash.close()
  })

  it('of a stream with such a part is handed on live to those who were there before it, and to nobody else', async () => {
    const stash = createStash()
    const middleware = cacheMiddleware(stash.aiResponse)
    let calls = 0
    let go!: () => void
    const held = new Promise<void>((resolve) => {
      go = resolve
    })
    const doStream = async () => {
      const serial = ++calls
      const { stream: parts, ...head } = streamed('content', new (class Odd {})())
      async function* slowly() {
        for await (const part of parts as unknown as AsyncIterable<{ type: string }>) {
          if (part.type === 'finish') await held
          yield { ...part, serial }
        }
      }
      return { ...head, stream: ReadableStream.from(slowly()) as unknown as ReadableStream }
    }
    const ask = async () => (await middleware.wrapStream({ doStream, params, model })).stream
    const early = (await Promise.all([ask(), ask()])).map((stream) => stream.getReader())
    const begun = await Promise.all(early.map((reader) => reader.read()))
    const asking = ask()
    go()
    const [own] = (await partsOf(await asking)) as { serial: number; odd: object }[]
    expect(begun.map(({ value }) => value.serial)).toEqual([1, 1])
    expect([own?.serial, calls]).toEqual([2, 2])
    await stash.close()
  })

  it.each<[string, object, object]>([
    [
      '2',
      { inputTokens: 9, outputTokens: 4, cachedInputTokens: 5 },
      { input: 9, output: 4, cacheRead: 5, cacheWrite: 0 },
    ],
    [
      '3',
      { inputTokens: { total: 9, noCache: 2, cacheRead: 5, cacheWrite: 2 }, outputTokens: { total: 4 } },
      { input: 9, output: 4, cacheRead: 5, cacheWrite: 2 },
    ],
  ])('tells what the prompt cache of the provider read and wrote: version %s', async (_version, told, tokens) => {
    await using stash = createStash()
    const { wrapGenerate } = cacheMiddleware(stash.aiResponse)
    const doGenerate = async () => ({ ...answerOf('', undefined), usage: told })
    for (let round = 0; round < 2; round++) await wrapGenerate({ doGenerate, params, model })
    const none = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }
    expect(heard).toMatchObject([
      { original: tokens, billed: tokens, saved: none },
      { original: tokens, billed: none, saved: tokens },
    ])
  })

  it.each(['generate', 'stream'] as const)(
    'is billed to who asked for it, though he leaves it to others: %s',
    async (kind) => {
      await using stash = createStash()
      const middleware = cacheMiddleware(stash.aiResponse)
      let answer!: () => void
      const held = new Promise<void>((resolve) => {
        answer = resolve
      })
      const ask = async (abortSignal?: AbortSignal) => {
        const prepared = await middleware.transformParams({
          params: { ...params, ...(abortSignal && { abortSignal }) },
        })
        const doGenerate = () => held.then(() => answerOf('', undefined))
        const doStream = () => held.then(() => streamed('', undefined))
        if (kind === 'generate') return middleware.wrapGenerate({ doGenerate, params: prepared, model })
        return partsOf((await middleware.wrapStream({ doStream, params: prepared, model })).stream)
      }
      const leaver = new AbortController()
      const left = ask(leaver.signal)
      const stays = ask()
      await new Promise(setImmediate)
      leaver.abort(new Error('left'))
      await expect(left).rejects.toThrow('left')
      answer()
      await stays
      const input = (account: 'billed' | 'saved') => heard.map((event) => event[account]?.input)
      expect([input('billed').sort(), input('saved').sort()]).toEqual([
        [0, 3],
        [0, 3],
      ])
    },
  )

  it('that is not kept is nobody\u2019s who asks when it is over, however soon; one that is kept is there by then', async () => {
    const stash = createStash()
    const middleware = cacheMiddleware(stash.aiResponse)
    let calls = 0
    for (const [finishReason, expected] of [
      ['length', ['miss', 'miss', 'miss']],
      ['stop', ['miss', 'hit', 'hit']],
    ] as const) {
      const doStream = async () => {
        calls++
        return { stream: streamOf([PARTS[0] as object, { type: 'finish', finishReason, usage }]) }
      }
      const statuses: string[] = []
      for (let round = 0; round < 3; round++) {
        const { stream } = await middleware.wrapStream({ doStream, params, model })
        const told = (await partsOf(stream)).at(-1) as { providerMetadata: { hopstash: { status: string } } }
        statuses.push(told.providerMetadata.hopstash.status)
      }
      expect(statuses).toEqual(expected)
    }
    expect(calls).toBe(4)
    await stash.close()
  })

  it.each(['clear', 'tags'] as const)(
    'begun before an invalidation is nobody\u2019s who comes after it: %s',
    async (how) => {
      const stash = createStash()
      const { wrapStream } = cacheMiddleware(stash.aiResponse, { tags: ['prompt:v1'] })
      let end!: () => void
      const held = new Promise<void>((resolve) => {
        end = resolve
      })
      let calls = 0
      const ask = async () => {
        const doStream = async () => {
          const said = { type: 'text-delta', id: '1', delta: `answer ${++calls}` }
          const slowly = async function* () {
            yield said
            await held
            yield PARTS[1]
          }
          return { stream: ReadableStream.from(slowly()) as unknown as ReadableStream }
        }
        const { stream } = await wrapStream({ doStream, params, model })
        return ((await partsOf(stream))[0] as { delta: string }).delta
      }
      const before = ask()
      await expect.poll(() => calls).toBe(1)
      if (how === 'clear') await stash.aiResponse.clear()
      else await stash.invalidateTags(['prompt:v1'])
      const after = ask()
      setTimeout(end)
      expect([await before, await after, await ask()]).toEqual(['answer 1', 'answer 2', 'answer 2'])
      await stash.close()
    },
  )

  it.each(['his signal', 'the stream'] as const)(
    'goes on for whoever has joined it, though an answer is kept for him, when who wanted a newer one leaves by %s',
    async (how) => {
      const stash = createStash()
      const middleware = cacheMiddleware(stash.aiResponse)
      const signals: (AbortSignal | undefined)[] = []
      const ask = async (headers: Record<string, string>, source: () => ReadableStream, abortSignal?: AbortSignal) => {
        const given = { ...params, headers, ...(abortSignal && { abortSignal }) }
        const prepared: { abortSignal?: AbortSignal } = await middleware.transformParams({ params: given })
        const doStream = async () => {
          signals.push(prepared.abortSignal)
          return { stream: source() }
        }
        return (await middleware.wrapStream({ doStream, params: prepared as never, model })).stream
      }
      await partsOf(await ask({}, () => streamOf(PARTS)))
      let end!: () => void
      const held = new Promise<void>((resolve) => {
        end = resolve
      })
      const slowly = async function* () {
        yield { ...PARTS[0], delta: 'newer' }
        await held
        yield PARTS[1]
      }
      const leaver = new AbortController()
      const source = () => ReadableStream.from(slowly()) as unknown as ReadableStream
      const first = await ask({ 'x-hopstash': 'max-age=0' }, source, leaver.signal)
      const joined = partsOf(await ask({}, () => streamOf([])))
      if (how === 'his signal') leaver.abort(new Error('left'))
      else await first.cancel()
      end()
      expect((await joined)[0]).toMatchObject({ delta: 'newer' })
      expect(signals.map((signal) => signal?.aborted)).toEqual([false, false])
      await stash.close()
    },
  )

  it.each(['his signal', 'the stream'] as const)(
    'is not what another has left by %s in the same moment: who comes then has a call of his own',
    async (how) => {
      // So many turns later: the namespace takes some of them to give the call up.
      for (let turns = 0; turns < 8; turns++) {
        const stash = createStash()
        const middleware = cacheMiddleware(stash.aiResponse)
        let calls = 0
        const ask = async (abortSignal?: AbortSignal) => {
          const prepared: { abortSignal?: AbortSignal } = await middleware.transformParams({
            params: { ...params, ...(abortSignal && { abortSignal }) },
          })
          const doStream = async () => ({ stream: ++calls === 1 ? endless(prepared.abortSignal) : streamOf(PARTS) })
          return (await middleware.wrapStream({ doStream, params: prepared as never, model })).stream
        }
        const leaver = new AbortController()
        const left = (await ask(leaver.signal)).getReader()
        await left.read()
        if (how === 'his signal') leaver.abort(new Error('left'))
        else void left.cancel()
        for (let turn = 0; turn < turns; turn++) await Promise.resolve()
        expect(await partsOf(await ask())).toHaveLength(PARTS.length)
        expect(calls).toBe(2)
        await stash.close()
      }
    },
  )

  it.each<[string, object]>([
    ['by a model that tells none', {}],
    ['by one whose stream was cut behind its reason to finish', { usage: { inputTokens: undefined } }],
    ['by one of version 3', { usage: { inputTokens: { total: undefined }, outputTokens: {} } }],
  ])('is whole without its usage, %s: it is kept, and nobody is told that it cost nothing', async (_whose, told) => {
    const stash = createStash()
    const middleware = cacheMiddleware(stash.aiResponse)
    const finish = { type: 'finish', finishReason: 'stop', ...told }
    const doStream = async () => ({ stream: streamOf([PARTS[0] as object, finish]) })
    for (const status of ['miss', 'hit']) {
      const { stream } = await middleware.wrapStream({ doStream, params, model })
      expect((await partsOf(stream)).at(-1)).toMatchObject({ ...told, providerMetadata: { hopstash: { status } } })
    }
    const nothing = { unstored: undefined, original: undefined, billed: undefined, saved: undefined }
    expect(heard).toMatchObject([nothing, nothing])
    expect(stash.aiResponse.stats().size).toBe(1)
    await stash.close()
  })

  it('is its caller\u2019s: he may change it, in the middle of a stream, too, and changes what is kept no more', async () => {
    const stash = createStash()
    const middleware = cacheMiddleware(stash.aiResponse)
    const constant = answerOf('', undefined)
    const ask = () => middleware.wrapGenerate({ doGenerate: async () => constant, params, model })
    const [first, second] = await Promise.all([ask(), ask()])
    for (const answer of [first, second, await ask()]) {
      expect(answer.content).toEqual([{ type: 'text', text: 'hi' }])
      Object.assign(answer.content[0] as object, { text: 'changed' })
      Object.assign(answer.usage, { inputTokens: 100 })
      // What a model holds on to is its own.
      if (answer === first) Object.assign(constant, answerOf('', undefined))
    }
    const asked = { doStream: async () => streamed('', undefined), params, model }
    for (let round = 0; round < 3; round++) {
      const { stream } = await middleware.wrapStream(asked)
      for await (const part of stream as unknown as AsyncIterable<{ delta?: string }>) {
        if (part.delta === undefined) continue
        expect(part.delta).toBe('x')
        part.delta = 'changed'
      }
    }
    await stash.close()
  })
})

async function partsOf(stream: ReadableStream): Promise<unknown[]> {
  const parts: unknown[] = []
  for await (const part of stream as unknown as AsyncIterable<unknown>) parts.push(part)
  return parts
}
