// Embeddings: each text is kept under its own key, so a batch asks only for the texts that nobody has.
import assert from 'node:assert/strict'
import { createStash } from 'hopstash'
import { cachedFetch, type FetchLike } from 'hopstash/llm'

const asked: string[][] = []
/** Stands for the provider. */
const provider: FetchLike = async (_url, init) => {
  const { input } = JSON.parse(String(init?.body)) as { input: string[] }
  asked.push(input)
  const data = input.map((text, index) => ({ object: 'embedding', index, embedding: [text.length, index] }))
  return Response.json({ object: 'list', model: 'small', data, usage: { prompt_tokens: 3, total_tokens: 3 } })
}

const stash = createStash()
const fetch = cachedFetch(stash.aiResponse, { fetch: provider })
async function embed(input: string[]): Promise<number[][]> {
  const response = await fetch('https://api.openai.com/v1/embeddings', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'text-embedding-3-small', input }),
  })
  const { data } = (await response.json()) as { data: { embedding: number[] }[] }
  return data.map(({ embedding }) => embedding)
}

await embed(['a resume', 'a job ad'])
const again = await embed(['another ad', 'a job ad', 'a resume'])
assert.deepEqual(asked, [['a resume', 'a job ad'], ['another ad']])
assert.deepEqual(
  again.map(([length]) => length),
  [10, 8, 8],
)
const { misses, original, billed, saved } = fetch.stats()
console.log(`${misses} requests: ${original.input} tokens in all, ${billed.input} paid, ${saved.input} saved`)
await stash.close()
