import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import express, { type Express } from 'express'
// @ts-expect-error An alias of an older major, whose types nobody declares.
import express4 from 'express-4'
import fastify from 'fastify'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { type AdminHandler, adminHandler } from '../../src/admin/handler.js'
import { nodeHandler } from '../../src/admin/node.js'
import { createStash } from '../../src/cache/stash.js'
import { expressHandler } from '../../src/integrations/express/express-handler.js'
import { fastifyHandler } from '../../src/integrations/fastify/fastify-handler.js'
import { closers, listenOnPort } from '../support/listening.js'

const TOKEN = 'correct-horse-battery'
const AUTH = { authorization: `Bearer ${TOKEN}` }
const mounts: readonly (readonly [string, (handler: AdminHandler) => Promise<number>])[] = [
  ['node:http', (handler) => listenOnPort(nodeHandler(handler))],
  ['Express 4', (handler) => listenOnPort((express4() as Express).use('/api/v1/cache', expressHandler(handler)))],
  ['Express 5', (handler) => listenOnPort(express().use('/api/v1/cache', expressHandler(handler)))],
  [
    'Express 5 behind express.json()',
    (handler) => listenOnPort(express().use(express.json()).use('/api/v1/cache', expressHandler(handler))),
  ],
  [
    'Fastify 5',
    async (handler) => {
      const app = fastify()
      app.all('/api/v1/cache', fastifyHandler(handler))
      app.all('/api/v1/cache/*', fastifyHandler(handler))
      closers.push(() => app.close())
      await app.listen({ port: 0, host: '127.0.0.1' })
      return (app.server.address() as AddressInfo).port
    },
  ],
  [
    'Hono 4',
    (handler) => {
      const app = new Hono()
      app.all('/api/v1/cache/*', (context) => handler(context.req.raw))
      return new Promise((resolve) => {
        const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => resolve(port))
        closers.push(() => server.close())
      })
    },
  ],
]

describe.each(mounts)('the admin handler in %s', (_name, mount) => {
  it('shows its page, answers with the token alone, and carries out changes with and without a body', async () => {
    const stash = createStash({ store: 'memory' })
    const key = { templateId: 't1', resume: {}, resumeId: '42' }
    const base = `http://127.0.0.1:${await mount(adminHandler(stash, { token: TOKEN }))}/api/v1/cache`
    const ask = (method: string, path: string, headers: Record<string, string> = AUTH, body?: string) =>
      fetch(`${base}${path}`, { method, headers, ...(body !== undefined && { body }) })
    const page = await ask('GET', '/', {})
    expect([page.status, page.headers.get('content-security-policy')]).toEqual([
      200,
      expect.stringContaining("default-src 'none'"),
    ])
    expect((await ask('GET', '/stats', {})).status).toBe(401)
    await stash.template.getOrSet(key, () => 'page')
    const stats = (await (await ask('GET', '/stats')).json()) as { caches: Record<string, { size: number }> }
    expect(stats.caches.template_cache?.size).toBe(1)
    const json = { ...AUTH, 'content-type': 'application/json' }
    expect((await ask('POST', '/invalidate', json, '{"tags":["resume:42"]}')).status).toBe(200)
    expect(stash.template.peek(key)).toBeUndefined()
    await stash.template.getOrSet(key, () => 'page')
    await stash.job.set('j1', { title: 'x' })
    expect((await ask('POST', '/clear?cache_type=template')).status).toBe(200)
    expect([stash.template.peek(key), stash.job.peek('j1')]).toEqual([undefined, { title: 'x' }])
    expect((await ask('GET', '/metrics')).headers.get('content-type')).toContain('text/plain')
    const head = await ask('HEAD', '/stats')
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect((await ask('DELETE', '/stats')).status).toBe(405)
    const live = await ask('GET', '/live')
    const reader = live.body?.getReader()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toMatch(/^data: \{"at"/)
    await reader?.cancel()
  })
})
