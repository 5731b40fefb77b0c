// A script over a data set that is run again and again: the second run costs nothing, a third pays for what is new.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createStash } from 'hopstash'
import { cachedFetch, type FetchLike } from 'hopstash/llm'

const dataset = [
  { id: 'ad-1', text: 'Backend engineer, Node, ten years of Postgres.' },
  { id: 'ad-2', text: 'Nurse for a children’s hospital in Bern.' },
  { id: 'ad-3', text: 'Carpenter, stairs and roofs.' },
]

let paid = 0
/** Stands for the provider. */
const model: FetchLike = async (_url, init) => {
  paid++
  const { messages } = JSON.parse(String(init?.body)) as { messages: { content: string }[] }
  const score = /node/i.test(messages.at(-1)?.content ?? '') ? 9 : 2
  const message = { role: 'assistant', content: JSON.stringify({ score }) }
  return Response.json({ choices: [{ index: 0, finish_reason: 'stop', message }], usage: { total_tokens: 40 } })
}

/** What you would run with `node evaluate.ts`; `CACHE_URL=file:.cache` does the same as `store`. */
async function evaluate(folder: string, instruction: string): Promise<Map<string, number>> {
  const stash = createStash({ store: `file:${folder}` })
  const fetch = cachedFetch(stash.aiResponse, { fetch: model })
  const scores = new Map<string, number>()
  for (const { id, text } of dataset) {
    const messages = [
      { role: 'system', content: instruction },
      { role: 'user', content: text },
    ]
    const response = await fetch('https://api.openai.com/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer not-needed-here' },
      body: JSON.stringify({ model: 'gpt-5', temperature: 0, messages }),
    })
    const answer = (await response.json()) as { choices: { message: { content: string } }[] }
    scores.set(id, JSON.parse(answer.choices[0]?.message.content ?? '{}').score)
  }
  await stash.close()
  return scores
}

const folder = await mkdtemp(join(tmpdir(), 'hopstash-example-'))
const first = await evaluate(folder, 'Score the ad for a Node developer, 0 to 10.')
assert.equal(paid, 3)

const second = await evaluate(folder, 'Score the ad for a Node developer, 0 to 10.')
assert.equal(paid, 3) // nothing was paid for twice
assert.deepEqual(second, first)

dataset.push({ id: 'ad-4', text: 'Node, Node, Node.' })
await evaluate(folder, 'Score the ad for a Node developer, 0 to 10.')
assert.equal(paid, 4) // only the new one

await evaluate(folder, 'Score the ad for a Node developer, 0 to 100.')
assert.equal(paid, 8) // another prompt is another question

console.log(first)
await rm(folder, { recursive: true })
