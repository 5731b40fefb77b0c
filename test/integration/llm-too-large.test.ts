import { describe, expect, it } from 'vitest'
import { ASK, FORMATS, openWorld, post } from './llm-world.js'

const KB = 1024

const usageAsked = (ask: { path: string; body: object }) => ({
  ...ask,
  body: { ...ask.body, ...('messages' in ask.body && { stream_options: { include_usage: true } }) },
})

describe.each(FORMATS)('an answer over the bound, %s', (format) => {
  it.each([
    ['a stream', true, 300, 20],
    ['a stream of which the end alone is over the bound', true, 300, 160],
    ['one JSON document', false, 300, 20],
    ['a small stream over a small bound', true, 2, 0],
  ])('costs what it costs: %s', async (_, stream, kilobytes, bound) => {
    const { wire, open } = await openWorld()
    const text = 'word "usage":{"input_tokens":99999} '.repeat((kilobytes * KB) / 32)
    const tokens = { input: 1234, output: 567, read: 89 }
    const ask = format === 'openai-chat' && stream ? usageAsked(ASK[format]('hi', stream)) : ASK[format]('hi', stream)
    const [whole, bounded] = [open(), open({ maxSharedBytes: bound * KB })]
    const noStore = { 'x-hopstash': 'no-store' }
    wire.scripts.push({ text, tokens, chunks: 1000 }, { text, tokens, chunks: 1000 })
    const expected = await (await post(whole, wire, ask, { headers: noStore })).text()
    const got = await (await post(bounded, wire, ask)).text()
    expect(got.length).toBe(expected.length)
    expect(bounded.stats().unstored).toEqual({ 'too-large': 1 })
    expect(whole.stats().billed).toMatchObject({ calls: 1, input: expect.any(Number), output: 567 })
    expect(bounded.stats().billed).toEqual(whole.stats().billed)
    expect(Object.keys(bounded.stats().models)).toEqual(Object.keys(whole.stats().models))
    expect(bounded.stats().withoutUsage).toBe(0)
  })
})

it('a caller who joined before the bound was passed has saved what the call cost', async () => {
  const { wire, open } = await openWorld()
  const bounded = open({ maxSharedBytes: 10 * KB })
  const ask = ASK['anthropic-messages']('hi', true)
  wire.scripts.push({ text: 'word '.repeat(5000), chunks: 1000, tokens: { input: 1000, output: 1000 } })
  const [one, two] = await Promise.all([post(bounded, wire, ask), post(bounded, wire, ask)])
  const [mine, yours] = await Promise.all([one.text(), two.text()])
  expect(mine).toBe(yours)
  const { original, billed, saved } = bounded.stats()
  expect([original.calls, billed.calls, saved.calls]).toEqual([2, 1, 1])
  expect(saved.output).toBe(billed.output)
  expect(saved.money).toBeGreaterThan(0)
})

it('an SDK that hangs up at the last event of a stream over the bound is charged for it, and no failure', async () => {
  const { wire, open } = await openWorld()
  const ask = ASK['openai-chat']('hi', true)
  const body = `${'data: {"model":"gpt-5","choices":[{"index":0,"delta":{"content":"word"}}]}\n\n'.repeat(500)}${[
    'data: {"model":"gpt-5","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
    'data: {"model":"gpt-5","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":6}}',
    'data: [DONE]',
  ].join('\n\n')}\n\n`
  const upstream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(Buffer.from(body)),
  })
  const fetch = open({
    maxSharedBytes: 1 * KB,
    fetch: async () => new Response(upstream, { headers: { 'content-type': 'text/event-stream' } }),
  })
  const reader = ((await post(fetch, wire, ask)).body as ReadableStream<Uint8Array>).getReader()
  const { value } = await reader.read()
  expect(Buffer.from(value ?? []).toString()).toBe(body)
  await reader.cancel()
  await expect.poll(() => fetch.stats().unstored).toEqual({ 'too-large': 1 })
  expect(fetch.stats().billed).toMatchObject({ input: 5, output: 6 })
})
