// The AI SDK over the cache: the same middleware for versions 5, 6 and 7. In your project the two packages are called
// `ai` and `@ai-sdk/openai`.
import assert from 'node:assert/strict'
import { generateText, streamText, wrapLanguageModel } from 'ai-6'
import { createOpenAI } from 'ai-openai-3'
import { createStash } from 'hopstash'
import { cacheMiddleware } from 'hopstash/integrations/ai-sdk'
import { directives } from 'hopstash/llm'

let paid = 0
/** Stands for the provider. */
const provider: typeof fetch = async (_url, init) => {
  const { stream } = JSON.parse(String(init?.body)) as { stream?: boolean }
  const content = `answer ${++paid}`
  const usage = { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 }
  const base = { id: `chatcmpl-${paid}`, created: 0, model: 'gpt-5' }
  if (stream !== true) {
    const choices = [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }]
    return Response.json({ ...base, object: 'chat.completion', choices, usage })
  }
  const chunks = [
    { ...base, choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason: null }] },
    { ...base, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage },
  ]
  const body = [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]'].map((data) => `data: ${data}\n\n`).join('')
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

const stash = createStash()
const model = wrapLanguageModel({
  model: createOpenAI({ apiKey: 'not-needed-here', fetch: provider }).chat('gpt-5'),
  middleware: cacheMiddleware(stash.aiResponse, { ttl: '1h' }),
})

const first = await generateText({ model, prompt: 'Say hello' })
const second = await generateText({ model, prompt: 'Say hello' })
assert.equal(second.text, first.text)
assert.equal(second.providerMetadata?.hopstash?.status, 'hit')

const another = await generateText({ model, prompt: 'Say hello', headers: directives({ sample: 1 }) })
assert.notEqual(another.text, first.text) // a second opinion, kept under its own number

const streams = [1, 2, 3].map(() => streamText({ model, prompt: 'Tell a story' }))
const stories = await Promise.all(streams.map(({ text }) => text))
assert.deepEqual(new Set(stories).size, 1) // three readers, one call

const { saved } = stash.aiResponse.stats()
console.log(`${paid} calls paid, ${saved.calls} saved: ${saved.ms.toFixed(0)} ms, ${saved.tokens} tokens`)
assert.equal(paid, 3)
await stash.close()
