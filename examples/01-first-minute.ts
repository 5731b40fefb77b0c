// One question is paid for once: equal inputs share a call, then its answer.
import assert from 'node:assert/strict'
import { createStash } from 'hopstash'

let calls = 0
async function callModel(request: { model: string; prompt: string }): Promise<string> {
  calls++
  return `${request.model} says hello to ${request.prompt}`
}

const stash = createStash()
const ask = (request: { model: string; prompt: string }) => stash.aiResponse.getOrSet(request, () => callModel(request))

const answers = await Promise.all([
  ask({ model: 'small', prompt: 'Ada' }),
  ask({ prompt: 'Ada', model: 'small' }), // the order of properties does not matter
])
console.log(answers, `${calls} call`)
assert.equal(calls, 1)
assert.equal(answers[0], answers[1])

await ask({ model: 'large', prompt: 'Ada' }) // another question
assert.equal(calls, 2)

const { hits, misses, coalesced } = stash.aiResponse.stats()
console.log({ hits, misses, coalesced })
assert.deepEqual({ hits, misses, coalesced }, { hits: 0, misses: 2, coalesced: 1 })
await stash.close()
