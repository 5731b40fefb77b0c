import { getEventListeners } from 'node:events'
import { createStash } from 'hopstash'
import { cacheMiddleware } from 'hopstash/integrations/ai-sdk'
import { describe, expect, it } from 'vitest'
import { recordOfResult } from '../../../src/integrations/ai-sdk/answer-record.js'

const model = { provider: 'test', modelId: 'small', specificationVersion: 'v3' }
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

  it('keeps no header of an answer that holds a secret', () => {
    const headers = { 'x-request-id': 'r', 'X-Auth-Token': 't', 'x-api-key': 'k', 'set-cookie': 'c' }
    const record = recordOfResult({ content: [], finishReason: 'stop', response: { headers } })
    expect(record.result.response).toEqual({ headers: { 'x-request-id': 'r' } })
  })
})

async function partsOf(stream: ReadableStream): Promise<unknown[]> {
  const parts: unknown[] = []
  for await (const part of stream as unknown as AsyncIterable<unknown>) parts.push(part)
  return parts
}
