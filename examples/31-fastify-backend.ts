// A Fastify back end: a cached feed with 304s, a page for each user, and the admin handler.
import assert from 'node:assert/strict'
import fastify from 'fastify'
import { createStash } from 'hopstash'
import { adminHandler } from 'hopstash/admin'
import { cacheReply, fastifyHandler } from 'hopstash/integrations/fastify'

const TOKEN = 'only-for-this-example'
const stash = createStash()
let calls = 0

const app = fastify()
app.get('/api/jobs', { preHandler: cacheReply({ in: stash.jobFeed, ttl: '5m', tags: ['feed'] }) }, async () => [
  { id: 'j1', call: ++calls },
])

// Of one user: kept under who it is, never shown to another one, and erased with `stash.forget(user)`.
const userOf = (request: { readonly headers: { readonly authorization?: string | undefined } }) =>
  request.headers.authorization
const perUser = cacheReply({ in: stash.general, ttl: '1m', vary: userOf, name: 'matches' })
app.get('/api/matches', { preHandler: perUser }, async (request) => ({ user: userOf(request), call: ++calls }))

const admin = fastifyHandler(adminHandler(stash, { token: TOKEN }))
app.all('/api/cache', admin)
app.all('/api/cache/*', admin)
app.addHook('onClose', () => stash.close())

const origin = await app.listen({ port: 0, host: '127.0.0.1' })
const ask = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(origin + path, { headers })
  const text = await response.text()
  const { status } = response
  console.log(path.padEnd(16), status, response.headers.get('cache-status') ?? '-', text.slice(0, 60))
  return { status, text, etag: response.headers.get('etag') ?? '' }
}

const { text, etag } = await ask('/api/jobs')
assert.equal((await ask('/api/jobs')).text, text)
assert.equal((await ask('/api/jobs', { 'if-none-match': etag })).status, 304)
assert.equal(calls, 1)

for (const user of ['ada', 'bob', 'ada', 'bob'])
  assert.equal(JSON.parse((await ask('/api/matches', { authorization: user })).text).user, user)
assert.equal(calls, 3)
await stash.forget('ada')
await ask('/api/matches', { authorization: 'ada' })
assert.equal(calls, 4)

const stats = await ask('/api/cache/stats', { authorization: `Bearer ${TOKEN}` })
assert.equal(JSON.parse(stats.text).caches.job_feed_cache.hits, 2)
await app.close()
