// A chat server that streams: everyone who asks the same at the same time watches one call to the model, and who closes
// the window stops nothing for the others. The last one to leave stops the call.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createStash } from 'hopstash'
import { startChatServer } from './chat-server.js'
import { startModel } from './model.js'

const model = await startModel()
const stash = createStash()
const server = startChatServer({ modelUrl: model.url, answers: stash.aiResponse }).listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/chat`

const ask = (question: string, signal?: AbortSignal) =>
  fetch(url, { method: 'POST', body: question, ...(signal !== undefined && { signal }) })

// Twenty people ask; five of them leave before the end.
const impatient = new AbortController()
const watching = Array.from({ length: 15 }, async () => (await ask('Why is the sky blue?')).text())
const leaving = Array.from({ length: 5 }, async () => (await ask('Why is the sky blue?', impatient.signal)).text())
const left = Promise.allSettled(leaving)
await model.words(3)
impatient.abort()
const answers = await Promise.all(watching)
await left
console.log(answers[0])
assert.equal(new Set(answers).size, 1)
assert.equal(model.calls, 1)

// Who comes later gets it at once.
const later = await ask('Why is the sky blue?')
console.log(later.headers.get('cache-status'))
assert.match(later.headers.get('cache-status') ?? '', /^hopstash; hit/)
assert.equal(await later.text(), answers[0])

// Everyone leaves: the call to the model ends, and nothing half is kept.
const alone = new AbortController()
const gone = ask('Why is grass green?', alone.signal).then((response) => response.text())
await model.words(2)
alone.abort()
await gone.catch(() => {})
await model.stopped()
assert.equal(model.calls, 2)
assert.equal((await (await ask('Why is grass green?')).text()).endsWith('.'), true)
assert.equal(model.calls, 3)

server.close()
server.closeAllConnections()
await model.close()
await stash.close()
