// One line around an SDK: answers are kept, streams too; nothing cut off is; and the books tell what was saved.
import assert from 'node:assert/strict'
import Anthropic from '@anthropic-ai/sdk'
import { createStash } from 'hopstash'
import { cachedFetch, directives } from 'hopstash/llm'

const stash = createStash()
let calls = 0
const fetch = cachedFetch(stash.aiResponse, { fetch: model, prices: { 'claude-demo': { input: 3, output: 15 } } })
const anthropic = new Anthropic({ apiKey: 'not needed here', fetch })

const ask = { model: 'claude-demo', max_tokens: 100, messages: [{ role: 'user' as const, content: 'Name a colour.' }] }

const first = await anthropic.messages.create(ask)
const second = await anthropic.messages.create(ask)
assert.deepEqual(second, first)
assert.equal(calls, 1)

// A stream is another answer; ten readers at once share one call to the model.
const texts = await Promise.all(Array.from({ length: 10 }, () => anthropic.messages.stream(ask).finalText()))
assert.equal(new Set(texts).size, 1)
assert.equal(calls, 2)

// Five answers to one prompt, each of them stable.
const sample = (index: number) => anthropic.messages.create(ask, { headers: directives({ sample: index }) })
const colours = await Promise.all([0, 1, 2, 3, 4].map(sample))
assert.deepEqual(await Promise.all([0, 1, 2, 3, 4].map(sample)), colours)
assert.equal(calls, 6)

// An answer that was cut off at the token limit reaches its caller, and nobody else.
const short = { ...ask, max_tokens: 1 }
assert.equal((await anthropic.messages.create(short)).stop_reason, 'max_tokens')
await anthropic.messages.create(short)
assert.equal(calls, 8)

const { hits, joined, unstored, original, billed, saved } = fetch.stats()
console.log({ hits, joined, unstored })
console.log(
  `without the cache $${original.money.toFixed(3)}, paid $${billed.money.toFixed(3)}, saved $${saved.money.toFixed(3)}`,
)
assert.deepEqual({ hits, joined, unstored }, { hits: 7, joined: 9, unstored: { truncated: 2 } })
assert.ok(saved.money > billed.money)
await stash.close()

/** Stands in for the model: says another colour each time. */
async function model(_url: unknown, init?: RequestInit): Promise<Response> {
  const { max_tokens, stream } = JSON.parse(String(init?.body))
  calls++
  const text = ['red', 'green', 'blue', 'pink', 'grey', 'teal', 'navy', 'gold'][calls % 8] ?? ''
  const usage = { input_tokens: 200, output_tokens: 10 }
  const stop_reason = max_tokens === 1 ? 'max_tokens' : 'end_turn'
  const base = { id: `msg_${calls}`, type: 'message', role: 'assistant', model: 'claude-demo', stop_sequence: null }
  if (stream !== true) return Response.json({ ...base, content: [{ type: 'text', text }], stop_reason, usage })
  const events = [
    { type: 'message_start', message: { ...base, content: [], stop_reason: null, usage } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 10 } },
    { type: 'message_stop' },
  ]
  const body = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}
