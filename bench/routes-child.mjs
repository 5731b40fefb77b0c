// One server of one framework, with its route cached or constant; tells its processor time when it is asked.
import { createServer } from 'node:http'
import { importHopstash } from './build.mjs'

const [framework, form] = process.argv.slice(2)
const BODY = JSON.stringify({ jobs: Array.from({ length: 20 }, (_, n) => ({ id: String(n), title: `Engineer ${n}` })) })
const TYPE = 'application/json; charset=utf-8'
const ETAG = '"lhFPzJaR8QEfDlFFbEgUylqTVWg"'
const FIELDS = {
  'content-type': TYPE,
  etag: ETAG,
  'cache-control': 'no-cache',
  'content-length': String(Buffer.byteLength(BODY)),
  'cache-status': 'hopstash; hit; ttl=299',
  age: '0',
}
const { createStash } = await importHopstash()
const stash = createStash({ store: 'memory' })
const cached = form === 'cached'

const servers = {
  async express() {
    const { default: express } = await import('express')
    const { cacheResponse } = await importHopstash('integrations/express')
    const app = express()
    const handler = (_request, response) => response.type('json').send(BODY)
    if (cached) app.get('/jobs', cacheResponse({ in: stash.jobFeed }), handler)
    else app.get('/jobs', handler)
    return createServer(app)
  },
  async fastify() {
    const { default: fastify } = await import('fastify')
    const { cacheReply } = await importHopstash('integrations/fastify')
    const app = fastify()
    const handler = (_request, reply) => reply.type(TYPE).send(BODY)
    app.get('/jobs', cached ? { preHandler: cacheReply({ in: stash.jobFeed }) } : {}, handler)
    await app.ready()
    return app.server
  },
  async hono() {
    const { Hono } = await import('hono')
    const { createAdaptorServer } = await import('@hono/node-server')
    const { cacheRoute } = await importHopstash('integrations/hono')
    const app = new Hono()
    const handler = (context) => context.body(BODY, 200, { 'content-type': TYPE })
    if (cached) app.get('/jobs', cacheRoute({ in: stash.jobFeed }, handler))
    else if (form === 'middleware') app.get('/jobs', cacheRoute({ in: stash.jobFeed }), handler)
    else if (form === 'bare') app.get('/jobs', bareMiddleware, handler)
    else app.get('/jobs', handler)
    return createAdaptorServer({ fetch: app.fetch })
  },
  async 'node:http'() {
    const { cachedRoute } = await importHopstash('routes')
    const route = cachedRoute({ in: stash.jobFeed })
    const handler = (response) => response.setHeader('content-type', TYPE).end(BODY)
    return createServer((request, response) => {
      if (cached) route(request, response, () => handler(response))
      else handler(response)
    })
  },
}

// What no cache in front of a Hono handler can do without: the fields it must look at, and those of its answer.
async function bareMiddleware({ req: { raw } }) {
  const { headers } = raw
  if (['range', 'transfer-encoding', 'content-length', 'authorization', 'cookie'].some((name) => headers.has(name)))
    return
  if (headers.get('if-none-match') === ETAG) return
  return new Response(BODY, { status: 200, headers: FIELDS })
}

const server = await servers[framework]()
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send({ cpuMs: (user + system) / 1000 })
})
process.on('disconnect', () => process.exit())
