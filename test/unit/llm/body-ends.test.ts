import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BodyEnds, END_BYTES } from '../../../src/llm/body-ends.js'
import type { LlmRequest } from '../../../src/llm/wire-format.js'
import { openaiChat } from '../../../src/llm/wire-openai-chat.js'

const request: LlmRequest = { method: 'POST', url: new URL('http://model/'), headers: new Headers(), body: {} }
const bytes = (text: string) => new TextEncoder().encode(text)

function endsOf(body: Uint8Array, sizes: readonly number[]): BodyEnds {
  const ends = new BodyEnds(new Uint8Array())
  for (let at = 0, turn = 0; at < body.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    ends.add(body.subarray(at, at + size))
    at += size
  }
  return ends
}

it('tells the same however the body was cut into chunks', () => {
  const body = bytes(`{"model":"gpt-5","choices":["${'€'.repeat(60_000)}"],"usage":{"prompt_tokens":7}}`)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3 * END_BYTES }), { minLength: 1, maxLength: 5 }), (sizes) => {
      const { model, usage } = endsOf(body, sizes).judge(openaiChat, request, 'application/json')
      expect([model, usage?.input]).toEqual(['gpt-5', 7])
    }),
    { numRuns: 50 },
  )
})

it('holds no more of a body in single bytes than its ends', () => {
  const body = bytes(`{"model":"m",${' '.repeat(3 * END_BYTES)}"usage":{"prompt_tokens":3,"completion_tokens":4}}`)
  expect(endsOf(body, [1]).judge(openaiChat, request, 'application/json').usage).toMatchObject({ input: 3, output: 4 })
})

it.each([
  ['what an answer says of usage in its text', '"text":"\\"usage\\":{\\"prompt_tokens\\":9}"}'],
  ['an object that was cut', '"usage":{"prompt_tokens":9'],
  ['braces in a text', '"usage":{"prompt_tokens":9,"note":"}'],
  ['no object', '"usage":null}'],
])('takes no usage out of %s', (_, end) => {
  const ends = new BodyEnds(bytes('{"model":"m",'))
  ends.add(bytes(end))
  expect(ends.judge(openaiChat, request, 'application/json')).toMatchObject({ model: 'm', usage: undefined })
})

it('says that the last event has come only where it has', () => {
  const chunk = 'data: {"model":"m","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n'
  const open = new BodyEnds(bytes(chunk))
  open.add(bytes(chunk))
  expect(open.judge(openaiChat, request, 'text/event-stream').unstorable).toBe('cut')
  open.add(bytes('data: [DONE]\n\n'))
  expect(open.judge(openaiChat, request, 'text/event-stream').unstorable).toBeUndefined()
})
