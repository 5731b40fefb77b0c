import { expect, it } from 'vitest'
import { callOf } from '../../../src/llm/llm-call.js'

it.each([
  ['http://model.internal/v1/chat/completions', 'model.internal:80'],
  ['http://model.internal:8080/v1/chat/completions', 'model.internal:8080'],
  ['https://api.openai.com/v1/chat/completions', 'api.openai.com'],
])('a call to %s goes to %s', (address, host) => {
  const request = { url: new URL(address), body: { model: 'm' } }
  expect(callOf(request as never, 'openai-chat')).toMatchObject({ model: 'm', host })
})

it('tells a name of a model, and no text that stands in its place', () => {
  const request = { url: new URL('https://a/v1/chat/completions'), body: { model: 'x'.repeat(5000) } }
  expect(callOf(request as never, 'openai-chat').model).toHaveLength(120)
})
