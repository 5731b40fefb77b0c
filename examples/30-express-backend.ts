// An Express back end with everything mounted: routes, admin, dashboard, metrics, a pipeline, a graceful end.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import { createStash } from 'hopstash'
import { adminHandler } from 'hopstash/admin'
import { cacheResponse, expressHandler } from 'hopstash/integrations/express'
import { defineHop, pipeline, resilient } from 'hopstash/pipeline'

const TOKEN = process.env.ADMIN_TOKEN ?? 'only-for-this-example'
const stash = createStash()
let queries = 0

// What one request pays for: two modules, the second one kept.
const job = defineHop({
  name: 'job',
  call: async ({ input }: { input: { jobId: string } }) => ({ title: `Engineer ${input.jobId}` }),
})
const rating = defineHop({
  name: 'rating',
  cache: { in: stash.evaluation },
  call: async ({ input }: { input: { title: string } }) => {
    await sleep(50) // a model
    return { score: input.title.length }
  },
})
const evaluate = pipeline<{ jobId: string }>('evaluate', { defaults: resilient, deadline: '10s' })
  .hop('job', job, {})
  .hop('rating', rating, { needs: ['job'], input: ({ job }) => ({ title: job.title }) })
  .assemble(({ job, rating }) => ({ ...job, ...rating }))

const app = express().use(express.json())
app.get(
  '/api/jobs',
  cacheResponse({ in: stash.jobFeed, ttl: '5m', staleWhileRevalidate: '1m', tags: ['feed'], query: ['page'] }),
  (_request, response) => {
    response.json([{ id: 'j1', query: ++queries }])
  },
)
app.post('/api/ingest', async (_request, response) => {
  await stash.invalidateTags(['feed'])
  response.status(204).end()
})
app.post('/api/evaluations/:jobId', async (request, response) => {
  const run = await evaluate.run({ jobId: request.params.jobId })
  response.status(run.status === 'ok' ? 200 : 502).json(run.output ?? { error: run.status })
})
app.use('/api/cache', expressHandler(adminHandler(stash, { token: TOKEN, pipelines: [evaluate] })))

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
console.log(`The dashboard would be at ${origin}/api/cache/`)

// What is under way is answered; what is owed to a shared store is told to it.
const ended = new Promise<void>((resolve) => {
  process.once('SIGTERM', async () => {
    server.close()
    server.closeIdleConnections()
    await once(server, 'close')
    await stash.close()
    resolve()
  })
})

// A morning of its clients.
const ask = async (path: string, init?: RequestInit) => {
  const response = await fetch(origin + path, init)
  console.log(
    `${init?.method ?? 'GET'} ${path}`.padEnd(38),
    response.status,
    response.headers.get('cache-status') ?? '-',
  )
  return response
}
const first = await ask('/api/jobs?page=1')
await ask('/api/jobs?page=1&utm_source=mail')
assert.equal(queries, 1)
const etag = first.headers.get('etag') ?? ''
assert.equal((await ask('/api/jobs?page=1', { headers: { 'if-none-match': etag } })).status, 304)
await ask('/api/ingest', { method: 'POST' })
await ask('/api/jobs?page=1')
assert.equal(queries, 2)
for (let n = 0; n < 2; n++) await ask('/api/evaluations/j1', { method: 'POST' })

interface Stats {
  readonly caches: { readonly job_feed_cache: { readonly hit_rate: string } }
}
const headers = { authorization: `Bearer ${TOKEN}` }
assert.equal((await ask('/api/cache/stats')).status, 401)
const stats = (await (await ask('/api/cache/stats', { headers })).json()) as Stats
console.log(stats.caches.job_feed_cache.hit_rate, 'of the reads of the feed were hits')
const { runs } = (await (await ask('/api/cache/runs', { headers })).json()) as { runs: readonly unknown[] }
assert.equal(runs.length, 2)
const metrics = await (await ask('/api/cache/metrics', { headers })).text()
assert.match(metrics, /hopstash_pipeline_runs_total\{[^}]*\} 2/)

process.kill(process.pid, 'SIGTERM')
await ended
console.log('ended:', stash.health().status)
