import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import { expect, it, vi } from 'vitest'
import { adminHandler } from '../../src/admin/handler.js'
import { nodeHandler } from '../../src/admin/node.js'
import { createStash } from '../../src/cache/stash.js'
import { expressHandler } from '../../src/integrations/express/express-handler.js'
import { cacheReply } from '../../src/integrations/fastify/cache-reply.js'
import { fastifyHandler } from '../../src/integrations/fastify/fastify-handler.js'
import { closers, listenOnPort } from '../support/listening.js'

const token = 'correct-horse-battery'
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
it.each(['content-length: 200000\r\n\r\n', 'transfer-encoding: chunked\r\n\r\n30d40\r\n'])(
  'tells a client that its body is too long, and lives on while the rest comes (%j)',
  async (length) => {
    const port = await listenOnPort(nodeHandler(adminHandler(createStash({ store: 'memory' }), { token })))
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    const head = `POST /invalidate HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\n`
    socket.write(`${head}content-type: application/json\r\n${length}`)
    for (let n = 0; n < 20; n++) {
      socket.write('a'.repeat(10_000))
      await new Promise((resolve) => setImmediate(resolve))
    }
    const [status] = await new Promise<string[]>((resolve) =>
      socket.once('data', (data) => resolve(data.toString().split('\r\n'))),
    )
    expect(status).toContain(' 413 ')
    socket.destroy()
    expect((await fetch(`http://127.0.0.1:${port}/stats`, { headers })).status).toBe(200)
  },
)

it('clears nothing where a middleware has read the body and left nothing of it', async () => {
  const stash = createStash({ store: 'memory' })
  const app = express()
  app.use((request, _response, next) => {
    request.on('data', () => undefined).on('end', () => next())
  })
  app.use('/cache', expressHandler(adminHandler(stash, { token })))
  const port = await listenOnPort(app)
  await stash.job.set('j1', 1)
  const body = '{"cache_type":"template"}'
  const response = await fetch(`http://127.0.0.1:${port}/cache/clear`, { method: 'POST', headers, body })
  expect([response.status, stash.job.peek('j1')]).toEqual([400, 1])
})

it('hands what cannot be sent to the error handling of Express', async () => {
  const app = express()
  app.set('env', 'test')
  const locked = async (): Promise<Response> => {
    const response = new Response('a')
    response.body?.getReader()
    return response
  }
  app.use(expressHandler(locked))
  expect((await fetch(`http://127.0.0.1:${await listenOnPort(app)}`)).status).toBe(500)
})

it('lives on where a handler throws or answers at once, though it is typed as a promise', async () => {
  const broken = (): never => {
    throw new Error('broken')
  }
  const prompt = (() => new Response('at once')) as unknown as () => Promise<Response>
  const asked = async (handler: () => Promise<Response>): Promise<string> =>
    fetch(`http://127.0.0.1:${await listenOnPort(nodeHandler(handler))}`)
      .then((response) => response.text())
      .catch((error: Error) => error.name)
  expect([await asked(broken), await asked(prompt)]).toEqual(['TypeError', 'at once'])
})

it('keeps the header fields that hooks of Fastify have set', async () => {
  const app = fastify()
  closers.push(() => app.close())
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('x-frame-options', 'DENY')
  })
  app.all('/cache/*', fastifyHandler(adminHandler(createStash({ store: 'memory' }), { token })))
  const { statusCode, headers: sent } = await app.inject({ url: '/cache/stats', headers })
  expect([statusCode, sent['x-frame-options']]).toEqual([200, 'DENY'])
})

it('runs the hooks of Fastify for a kept answer, but those that make an answer', async () => {
  const app = fastify()
  closers.push(() => app.close())
  const hooks: string[] = []
  app.addHook('onRequest', async () => void hooks.push('onRequest'))
  app.addHook('onSend', async (_request, reply) => {
    hooks.push('onSend')
    reply.header('x-frame-options', 'DENY')
  })
  app.addHook('onResponse', async () => void hooks.push('onResponse'))
  const stash = createStash({ store: 'memory' })
  app.get('/jobs', { preHandler: cacheReply({ in: stash.jobFeed }) }, async () => {
    hooks.push('handler')
    return [{ id: 'j1' }]
  })
  const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/jobs`
  for (const expected of [
    ['onRequest', 'handler', 'onSend', 'onResponse'],
    ['onRequest', 'onResponse'],
  ]) {
    hooks.length = 0
    const response = await fetch(url)
    expect([await response.json(), response.headers.get('x-frame-options')]).toEqual([[{ id: 'j1' }], 'DENY'])
    await vi.waitUntil(() => hooks.includes('onResponse'))
    expect(hooks).toEqual(expected)
  }
})

it('answers 400 to what no Request can hold, in every framework', async () => {
  const handler = adminHandler(createStash({ store: 'memory' }), { token })
  const app = fastify()
  app.addHttpMethod('TRACE')
  closers.push(() => app.close())
  app.route({ method: 'TRACE', url: '/stats', handler: fastifyHandler(handler) })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const ports = [
    (app.server.address() as AddressInfo).port,
    await listenOnPort(express().use(expressHandler(handler))),
    await listenOnPort(nodeHandler(handler)),
  ]
  for (const port of ports) {
    const socket = connect(port, '127.0.0.1')
    socket.end('TRACE /stats HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
    const [head] = await once(socket, 'data')
    expect(String(head)).toMatch(/^HTTP\/1\.1 400 /)
  }
})
