import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/llm/json-value.js'
import type { LlmRequest, WireFormat } from '../../../src/llm/wire-format.js'
import { formatOf, judgeAnswer } from '../../../src/llm/wire-formats.js'
import { anyJson } from '../../../src/llm/wire-json.js'
import { render } from '../../support/wire-answers.js'

const requestOf = (path: string, body: object): LlmRequest => ({
  method: 'POST',
  url: new URL(path, 'https://host'),
  headers: new Headers(),
  body: body as JsonObject,
})

describe('formats', () => {
  it.each([
    ['/v1/chat/completions', { messages: [] }, 'openai-chat'],
    ['/openai/deployments/d/chat/completions?api-version=1', { messages: [] }, 'openai-chat'],
    ['/v1/chat/completions', { prompt: 'x' }, undefined],
    ['/v1/responses', { model: 'm', input: 'x' }, 'openai-responses'],
    ['/surveys/7/responses', { input: 'x' }, undefined],
    ['/surveys/7/responses', { prompt: 'How was it?' }, undefined],
    ['/v1/responses', { prompt: { id: 'p' } }, 'openai-responses'],
    ['/v1/responses', { model: 'm', input: 'x', conversation: null, background: false }, 'openai-responses'],
    ['/v1/responses', { model: 'm', input: 'x', conversation: 'c' }, undefined],
    ['/v1/responses', { model: 'm', input: 'x', background: true }, undefined],
    ['/v1/responses/r/cancel', {}, undefined],
    ['/v1/messages', { max_tokens: 9, messages: [] }, 'anthropic-messages'],
    ['/sms/3/messages', { messages: [{ to: '+49', text: 'x' }] }, undefined],
    ['/v1/messages/count_tokens', { messages: [] }, undefined],
    ['/v1/messages/batches', { requests: [] }, undefined],
    ['/v1/threads/t/messages', { role: 'user', content: 'x' }, undefined],
    ['/v1beta/models/m:generateContent', { contents: [] }, 'gemini'],
    ['/v1beta/models/m:streamGenerateContent?alt=sse', { contents: [] }, 'gemini'],
    ['/v1beta/models/m:countTokens', { contents: [] }, undefined],
    ['/v1/embeddings', { input: 'x' }, 'openai-embeddings'],
    ['/v1/embeddings', { input: [1, 2] }, 'openai-embeddings'],
    ['/v1/embeddings', { input: [] }, undefined],
    ['/v1/embeddings', { input: ['x', 1] }, undefined],
    ['/v1/embeddings', { input: { text: 'x' } }, undefined],
    ['/v1/images/generations', { prompt: 'x' }, undefined],
  ])('%s with %j is %s', (path, body, name) => {
    expect(formatOf(requestOf(path, body))?.name).toBe(name)
  })
})

const chat = requestOf('/v1/chat/completions', { messages: [] })
const responses = requestOf('/v1/responses', { model: 'm', input: 'x' })
const anthropic = requestOf('/v1/messages', { max_tokens: 9, messages: [] })
const gemini = requestOf('/v1beta/models/m:generateContent', { contents: [] })

const judge = (request: LlmRequest, body: unknown) =>
  judgeAnswer(
    formatOf(request) as WireFormat,
    request,
    'application/json',
    typeof body === 'string' ? body : JSON.stringify(body),
  )
const judgeStream = (request: LlmRequest, ...events: (object | string)[]) =>
  judgeAnswer(
    formatOf(request) as WireFormat,
    request,
    'text/event-stream',
    events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`).join(''),
  )

describe('an answer that is no answer', () => {
  it.each([
    ['nothing', '', 'cut'],
    ['half of one', '{"choices":[{"fin', 'cut'],
    ['a page for people', '<html>', 'cut'],
    ['another kind of JSON', '[]', 'malformed'],
  ])('%s is never stored', (_, text, reason) => {
    for (const request of [chat, responses, anthropic]) expect(judge(request, text).unstorable).toBe(reason)
  })

  it('an error inside a good status is one', () => {
    expect(judge(chat, { error: { message: 'x' } }).unstorable).toBe('error')
    expect(judge(responses, { error: { message: 'x' } }).unstorable).toBe('error')
    expect(judge(responses, { status: 'failed', error: { message: 'x' } }).unstorable).toBe('error')
    expect(judge(anthropic, { type: 'error', error: {} }).unstorable).toBe('error')
    expect(judge(gemini, { error: { code: 503 } }).unstorable).toBe('error')
    expect(judge(gemini, [{ candidates: [] }, { error: {} }]).unstorable).toBe('error')
  })
})

describe('chat completions', () => {
  const answer = (message: object, finish_reason: unknown = 'stop') => ({
    choices: [{ index: 0, message, finish_reason }],
  })

  it.each([
    [answer({ content: 'x' }), undefined],
    [answer({ content: [{ type: 'text', text: 'x' }] }), undefined],
    [answer({ content: null, tool_calls: [{}] }, 'tool_calls'), undefined],
    [answer({ content: null, function_call: {} }, 'function_call'), undefined],
    [answer({ content: null, audio: { data: 'x' } }), undefined],
    [answer({ content: 'x' }, 'model_length'), 'truncated'],
    [answer({ content: 'x' }, 'insufficient_system_resource'), 'unknown-finish'],
    [answer({ content: 'x' }, 'toString'), 'unknown-finish'],
    [answer({ content: '', reasoning_content: 'thought' }), 'empty'],
    [answer({ content: 'x', refusal: 'no' }), 'refused'],
    [{ choices: [] }, 'empty'],
    [{ choices: 'x' }, 'malformed'],
    [{ detail: 'no such thing' }, 'malformed'],
    [{ object: 'error', message: 'x', code: 400 }, 'error'],
    [answer({ content: 'x' }, ''), 'unfinished'],
    [answer({ content: '', images: [{}] }), undefined],
    [{ choices: [{ message: { content: 'x' }, finish_reason: 'stop', error: { code: 502 } }] }, 'error'],
  ])('%j: %s', (body, reason) => {
    expect(judge(chat, body).unstorable).toBe(reason)
  })

  it('a stream needs a reason to finish for every choice, and [DONE]', () => {
    const delta = (index: number, content: string, finish_reason: string | null = null) => ({
      choices: [{ index, delta: { content }, finish_reason }],
    })
    expect(judgeStream(chat, delta(0, 'x'), delta(0, '', 'stop'), '[DONE]').unstorable).toBeUndefined()
    expect(judgeStream(chat, delta(0, 'x'), delta(0, '', 'stop')).unstorable).toBe('cut')
    expect(judgeStream(chat, delta(0, 'x'), '[DONE]').unstorable).toBe('unfinished')
    expect(judgeStream(chat, delta(0, 'x', 'stop'), delta(1, 'y'), '[DONE]').unstorable).toBe('unfinished')
    expect(judgeStream(chat, delta(0, 'x', 'stop'), 'no json', '[DONE]').unstorable).toBe('malformed')
    expect(judgeStream(chat, '[DONE]').unstorable).toBe('empty')
  })

  it('a stream that tells of an error has one, and its tokens count', () => {
    const usage = { prompt_tokens: 5, completion_tokens: 1 }
    const text = { model: 'm', choices: [{ index: 0, delta: { content: 'x' }, finish_reason: 'stop' }], usage }
    const told = { unstorable: 'error', model: 'm', usage: { input: 5, output: 1 } }
    expect(judgeStream(chat, text, { error: { code: 502 }, choices: [] }, '[DONE]')).toMatchObject(told)
    expect(judgeStream(chat, text, { object: 'error', message: 'x' }, '[DONE]')).toMatchObject(told)
    const named = `data: ${JSON.stringify(text)}\n\nevent: error\ndata: {"message":"x"}\n\ndata: [DONE]\n\n`
    expect(judgeAnswer(formatOf(chat) as WireFormat, chat, 'text/event-stream', named)).toMatchObject(told)
  })

  it('a chunk that knows nothing yet, or any more, takes nothing back', () => {
    const filters = { model: '', choices: [], prompt_filter_results: [{ prompt_index: 0 }] }
    const text = { model: 'gpt-5', choices: [{ index: 0, delta: { content: 'x' }, finish_reason: '' }] }
    const end = { model: 'gpt-5', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
    const late = { model: '', choices: [{ index: 0, finish_reason: '', content_filter_results: {} }], usage: null }
    const used = { model: 'gpt-5', choices: [], x_groq: { usage: { prompt_tokens: 5, completion_tokens: 1 } } }
    expect(judgeStream(chat, filters, text, end, used, late, '[DONE]')).toMatchObject({
      unstorable: undefined,
      model: 'gpt-5',
      finish: ['stop'],
      usage: { input: 5, output: 1 },
    })
  })

  it('cached prompt tokens are part of the prompt tokens', () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 7,
      prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 10 },
    }
    expect(judge(chat, { ...answer({ content: 'x' }), usage, model: 'm' })).toEqual({
      unstorable: undefined,
      model: 'm',
      finish: ['stop'],
      usage: { input: 100, output: 7, cacheRead: 60, cacheWrite: 10 },
    })
    expect(judge(chat, { ...answer({ content: 'x' }), usage: null }).usage).toBeUndefined()
    expect(
      judge(chat, { ...answer({ content: 'x' }), usage: { prompt_tokens: -5, completion_tokens: 'x' } }).usage,
    ).toEqual({ input: 0, output: 0, cacheRead: 0, cacheWrite: 0 })
  })
})

describe('responses', () => {
  const message = (...content: object[]) => ({ status: 'completed', output: [{ type: 'message', content }] })

  it.each([
    [message({ type: 'output_text', text: 'x' }), undefined],
    [message({ type: 'output_text', text: '' }), 'empty'],
    [message({ type: 'refusal', refusal: 'no' }), 'refused'],
    [{ status: 'completed', output: [{ type: 'reasoning' }] }, 'empty'],
    [{ status: 'completed', output: [{ type: 'reasoning' }, { type: 'function_call' }] }, undefined],
    [{ status: 'incomplete', incomplete_details: { reason: 'content_filter' } }, 'filtered'],
    [{ status: 'incomplete' }, 'unfinished'],
    [{ status: 'queued' }, 'unfinished'],
    [{ status: 'cancelled' }, 'error'],
    [{}, 'unfinished'],
  ])('%j: %s', (body, reason) => {
    expect(judge(responses, body).unstorable).toBe(reason)
  })

  it('a stream ends with the whole response', () => {
    const end = { type: 'response.completed', response: { ...message({ type: 'output_text', text: 'x' }), model: 'm' } }
    expect(judgeStream(responses, { type: 'response.created' }, end)).toMatchObject({
      unstorable: undefined,
      model: 'm',
    })
    expect(judgeStream(responses, { type: 'response.created' }).unstorable).toBe('cut')
    expect(judgeStream(responses, { type: 'error' }, end).unstorable).toBe('error')
  })

  it("a gateway's [DONE] behind the end changes nothing, and ends nothing", () => {
    const end = { type: 'response.completed', response: message({ type: 'output_text', text: 'x' }) }
    expect(judgeStream(responses, { type: 'response.created' }, end, '[DONE]').unstorable).toBeUndefined()
    expect(judgeStream(responses, { type: 'response.created' }, '[DONE]').unstorable).toBe('cut')
  })
})

describe('messages', () => {
  const answer = (content: object[], stop_reason: unknown = 'end_turn') => ({ type: 'message', content, stop_reason })

  it.each([
    [answer([{ type: 'text', text: 'x' }]), undefined],
    [answer([{ type: 'text', text: 'x' }], 'stop_sequence'), undefined],
    [answer([{ type: 'tool_use', input: {} }], 'tool_use'), undefined],
    [answer([{ type: 'thinking', thinking: 'x' }]), 'empty'],
    [answer([{ type: 'text', text: '' }]), 'empty'],
    [answer([{ type: 'text', text: 'x' }], 'constructor'), 'unknown-finish'],
    [answer([{ type: 'text', text: 'x' }], null), 'unfinished'],
    [{ type: 'completion' }, 'malformed'],
  ])('%j: %s', (body, reason) => {
    expect(judge(anthropic, body).unstorable).toBe(reason)
  })

  it('cached prompt tokens stand beside the input tokens', () => {
    const usage = { input_tokens: 30, output_tokens: 7, cache_read_input_tokens: 60, cache_creation_input_tokens: 10 }
    expect(judge(anthropic, { ...answer([{ type: 'text', text: 'x' }]), usage }).usage).toEqual({
      input: 100,
      output: 7,
      cacheRead: 60,
      cacheWrite: 10,
    })
  })

  it('a stream needs its reason and its end; counts at the end are totals', () => {
    const start = { type: 'message_start', message: { model: 'm', usage: { input_tokens: 30, output_tokens: 1 } } }
    const text = { type: 'content_block_delta', delta: { type: 'text_delta', text: 'x' } }
    const delta = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } }
    const stop = { type: 'message_stop' }
    expect(judgeStream(anthropic, start, text, delta, stop)).toEqual({
      unstorable: undefined,
      model: 'm',
      finish: ['end_turn'],
      usage: { input: 30, output: 7, cacheRead: 0, cacheWrite: 0 },
    })
    expect(judgeStream(anthropic, start, text, delta).unstorable).toBe('cut')
    expect(judgeStream(anthropic, start, text, stop).unstorable).toBe('unfinished')
    expect(judgeStream(anthropic, start, delta, stop).unstorable).toBe('empty')
    expect(judgeStream(anthropic, start, text, delta, stop, '[DONE]').unstorable).toBeUndefined()
    expect(judgeStream(anthropic, start, text, delta, '[DONE]').unstorable).toBe('cut')
    expect(judgeStream(anthropic, start, text, 'no json', delta, stop).unstorable).toBe('malformed')
  })

  it('a count of `null` is none, and an error takes no count back', () => {
    const usage = { input_tokens: 30, cache_read_input_tokens: 60, cache_creation_input_tokens: 10, output_tokens: 1 }
    const start = { type: 'message_start', message: { model: 'm', usage } }
    const text = { type: 'content_block_delta', delta: { type: 'text_delta', text: 'x' } }
    const none = { input_tokens: null, cache_read_input_tokens: null, cache_creation_input_tokens: null }
    const delta = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { ...none, output_tokens: 7 } }
    expect(judgeStream(anthropic, start, text, delta, { type: 'message_stop' })).toMatchObject({
      unstorable: undefined,
      usage: { input: 100, output: 7, cacheRead: 60, cacheWrite: 10 },
    })
    expect(judgeStream(anthropic, start, text, { type: 'error', error: {} })).toMatchObject({
      unstorable: 'error',
      model: 'm',
      usage: { input: 100, output: 1 },
    })
  })
})

describe('gemini', () => {
  const chunk = (parts: object[], finishReason?: string, index = 0) => ({
    candidates: [{ index, content: { parts }, ...(finishReason !== undefined && { finishReason }) }],
  })

  it.each([
    [chunk([{ text: 'x' }], 'STOP'), undefined],
    [chunk([{ functionCall: {} }], 'STOP'), undefined],
    [chunk([{ inlineData: {} }], 'STOP'), undefined],
    [chunk([{ text: 'x', thought: true }], 'STOP'), 'empty'],
    [chunk([{ text: 'x' }], 'RECITATION'), 'filtered'],
    [chunk([{ text: 'x' }], 'MALFORMED_FUNCTION_CALL'), 'error'],
    [chunk([{ text: 'x' }]), 'cut'],
    [{ promptFeedback: { blockReason: 'SAFETY' } }, 'filtered'],
    [{ ...chunk([{ text: 'x' }], 'STOP'), error: null, promptFeedback: { blockReason: null } }, undefined],
    [{}, 'cut'],
  ])('%j: %s', (body, reason) => {
    expect(judge(gemini, body).unstorable).toBe(reason)
  })

  it('an array of chunks is a stream, too; all candidates must be there', () => {
    const stream = requestOf('/m:streamGenerateContent', { contents: [], generationConfig: { candidateCount: 2 } })
    const whole = [chunk([{ text: 'x' }]), chunk([{ text: 'y' }], 'STOP'), chunk([{ text: 'z' }], 'STOP', 1)]
    expect(judge(stream, whole).unstorable).toBeUndefined()
    expect(judge(stream, whole.slice(0, 2)).unstorable).toBe('cut')
  })

  it('an array that was cut has cost what its last chunk told', () => {
    const usageMetadata = { promptTokenCount: 50, candidatesTokenCount: 5 }
    const chunks = [1, 2].map(() => ({ ...chunk([{ text: 'x' }]), usageMetadata, modelVersion: 'm' }))
    expect(judge(gemini, JSON.stringify(chunks).slice(0, -9))).toMatchObject({
      unstorable: 'cut',
      model: 'm',
      usage: { input: 50, output: 5 },
    })
  })

  it('thoughts are output, and the last totals count', () => {
    const usageMetadata = {
      promptTokenCount: 50,
      candidatesTokenCount: 5,
      thoughtsTokenCount: 20,
      cachedContentTokenCount: 40,
    }
    const body = [
      { ...chunk([{ text: 'x' }]), usageMetadata: { promptTokenCount: 50 } },
      { ...chunk([], 'STOP'), usageMetadata },
    ]
    expect(judge(gemini, body).usage).toEqual({ input: 50, output: 25, cacheRead: 40, cacheWrite: 0 })
  })
})

describe('other JSON a host takes in', () => {
  const other = requestOf('/rerank', { query: 'x' })

  it.each([
    ['{"a":1}', undefined],
    ['[1]', undefined],
    ['0', undefined],
    ['{"model":"m","error":null}', undefined],
    ['{}', 'empty'],
    ['[]', 'empty'],
    ['null', 'empty'],
    ['{"error":"x"}', 'error'],
    ['{"a":', 'cut'],
  ])('%s: %s', (text, reason) => {
    expect(judgeAnswer(anyJson, other, 'application/json', text).unstorable).toBe(reason)
  })

  it('an event stream without a known end is not stored', () => {
    const stream = (text: string) => judgeAnswer(anyJson, other, 'text/event-stream', text).unstorable
    expect(stream('data: {"a":1}\n\ndata: [DONE]\n\n')).toBeUndefined()
    expect(stream('data: {"a":1}\n\n')).toBe('cut')
    expect(stream('data: [DONE]\n\n')).toBe('empty')
    expect(stream('data: text\n\ndata: [DONE]\n\n')).toBeUndefined()
    expect(stream('data: {"error":"x"}\n\ndata: [DONE]\n\n')).toBe('error')
    expect(stream('event: error\ndata: x\n\ndata: [DONE]\n\n')).toBe('error')
  })
})

const FORMAT_REQUESTS = { 'openai-chat': chat, 'openai-responses': responses, 'anthropic-messages': anthropic, gemini }
const NAMES = Object.keys(FORMAT_REQUESTS) as (keyof typeof FORMAT_REQUESTS)[]

describe.each(NAMES)('any answer of %s', (name) => {
  const request = FORMAT_REQUESTS[name]
  const format = formatOf(request) as WireFormat
  const frame = { serial: 1, model: 'm', choices: 1, withUsage: true }

  it.each(['\n', '\r\n', '\r'])('cut at any place is not a good one (newline %j)', (newline) => {
    for (const said of [{}, { tool: { name: 't', args: { a: 'ü' } } }]) {
      const stream = render(name, said, frame, true)
      const json = render(name, said, frame, false)
      if (!('events' in stream) || !('json' in json)) throw new Error('the forms are mixed up')
      const text = stream.events.map((event) => `${event}\n\n`.replaceAll('\n', newline)).join('')
      expect(judgeAnswer(format, request, 'text/event-stream', text).unstorable).toBeUndefined()
      // The second half of a newline of two characters says nothing new.
      for (let end = 0; end <= text.length - newline.length; end++) {
        const { unstorable } = judgeAnswer(format, request, 'text/event-stream', text.slice(0, end))
        expect(unstorable, text.slice(0, end)).toBeDefined()
      }
      const whole = JSON.stringify(json.json)
      expect(judgeAnswer(format, request, 'application/json', whole).unstorable).toBeUndefined()
      for (let end = 0; end < whole.length; end++) {
        expect(judgeAnswer(format, request, 'application/json', whole.slice(0, end)).unstorable).toBeDefined()
      }
    }
  })

  it('of no sense at all is judged, and breaks nothing', () => {
    const nonsense = fc.oneof(
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(nonsense, { maxLength: 5 }), (texts) => {
        judgeAnswer(format, request, 'application/json', texts[0] ?? '')
        judgeAnswer(format, request, 'text/event-stream', texts.map((text) => `data: ${text}\n\n`).join(''))
      }),
      { numRuns: 300 },
    )
  })

  it('with a field changed into something else breaks nothing, either', () => {
    const json = render(name, {}, frame, false) as { json: object }
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(), (value, pick) => {
        const paths: (readonly (string | number)[])[] = []
        collectPaths(json.json, [], paths)
        const changed = withValueAt(json.json, paths[pick % paths.length] ?? [], value)
        judgeAnswer(format, request, 'application/json', JSON.stringify(changed))
      }),
      { numRuns: 300 },
    )
  })
})

function collectPaths(
  value: unknown,
  path: readonly (string | number)[],
  into: (readonly (string | number)[])[],
): void {
  into.push(path)
  if (typeof value !== 'object' || value === null) return
  for (const [name, inner] of Object.entries(value)) {
    collectPaths(inner, [...path, Array.isArray(value) ? Number(name) : name], into)
  }
}

function withValueAt(from: unknown, [name, ...rest]: readonly (string | number)[], value: unknown): unknown {
  if (name === undefined) return value
  const copy = Array.isArray(from) ? [...from] : { ...(from as object) }
  const at = copy as Record<string | number, unknown>
  at[name] = withValueAt(at[name], rest, value)
  return copy
}
