// A Hono back end: a cached feed that goes stale gracefully, and the admin handler, on any platform with fetch.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { Hono } from 'hono'
import { createStash } from 'hopstash'
import { adminHandler } from 'hopstash/admin'
import { cacheRoute } from 'hopstash/integrations/hono'

const TOKEN = 'only-for-this-example'
const stash = createStash()
let calls = 0
let isDown = false

const app = new Hono()
app.get(
  '/api/jobs',
  cacheRoute({ in: stash.jobFeed, ttl: 50, staleIfError: '1h', tags: ['feed'] }, async (context) => {
    calls++
    if (isDown) return context.text('the database is away', 503)
    await sleep(20)
    return context.json([{ id: 'j1', call: calls }])
  }),
)
const admin = adminHandler(stash, { token: TOKEN })
app.all('/api/cache/*', (context) => admin(context.req.raw))

// Here without a server; `serve({ fetch: app.fetch })` of @hono/node-server is one, `export default app` another.
const ask = async (path: string, init?: RequestInit) => {
  const response = await app.request(path, init)
  const text = await response.text()
  console.log(path.padEnd(16), response.status, response.headers.get('cache-status') ?? '-', text.slice(0, 60))
  return { status: response.status, text }
}

// A hundred at once, one call.
const bodies = await Promise.all(Array.from({ length: 100 }, async () => (await app.request('/api/jobs')).text()))
assert.deepEqual([new Set(bodies).size, calls], [1, 1])

// It has expired, and the handler fails: the old answer goes out instead.
await sleep(80)
isDown = true
assert.deepEqual(await ask('/api/jobs'), { status: 200, text: bodies[0] })
assert.equal(calls, 2)

// Deleted is deleted: nothing old stands in for it.
await stash.invalidateTags(['feed'])
assert.equal((await ask('/api/jobs')).status, 503)
isDown = false
await ask('/api/jobs')

const stats = await ask('/api/cache/stats', { headers: { authorization: `Bearer ${TOKEN}` } })
console.log('joined others:', JSON.parse(stats.text).caches.job_feed_cache.coalesced)
await stash.close()
