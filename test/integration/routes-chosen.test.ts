import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import express, { type Express } from 'express'
// @ts-expect-error An alias of an older major, whose types nobody declares.
import express4 from 'express-4'
import fastify from 'fastify'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { createStash } from '../../src/cache/stash.js'
import { cacheResponse } from '../../src/integrations/express/cache-response.js'
import { cacheReply } from '../../src/integrations/fastify/cache-reply.js'
import { cacheRoute } from '../../src/integrations/hono/cache-route.js'
import { cachedRoute } from '../../src/routes/cached-route.js'
import { closers, listen } from '../support/listening.js'

const MOBILE = { 'user-agent': 'Mobile' }
const isMobile = (agent: string | null | undefined): boolean => agent === 'Mobile'

/** What each is told, and whether it was kept. */
async function told(asked: Promise<Response>): Promise<string> {
  const response = await asked
  return `${await response.text()} ${response.headers.get('cache-status')?.match(/hit|miss/)}`
}

describe.each([
  ['Express 5', () => express()],
  ['Express 4', () => express4() as unknown as Express],
])('%s: requests of one address whose routes differ', (_name, make) => {
  it('are told apart where middleware has rewritten their address', async () => {
    const { jobFeed } = createStash({ store: 'memory' })
    const app = make()
    app.use((request, _response, next) => {
      if (isMobile(request.headers['user-agent'])) request.url = `/m${request.url}`
      next()
    })
    app.get('/page', cacheResponse({ in: jobFeed }), (_request, response) => void response.send('wide'))
    app.get('/m/page', cacheResponse({ in: jobFeed }), (_request, response) => void response.send('narrow'))
    const url = await listen(app, '/page?a=1')
    const all = [await told(fetch(url)), await told(fetch(url, { headers: MOBILE }))]
    all.push(await told(fetch(url)), await told(fetch(url, { headers: MOBILE })))
    expect(all).toEqual(['wide miss', 'narrow miss', 'wide hit', 'narrow hit'])
  })

  it('are the same behind the prefix of a router, in whatever order their parameters are', async () => {
    const { jobFeed } = createStash({ store: 'memory' })
    const app = make()
    app.use('/api', cacheResponse({ in: jobFeed }), (request, response) => void response.send(request.originalUrl))
    const origin = await listen(app)
    const all: string[] = []
    for (const path of ['/api?a=1&b=2', '/api?b=2&a=1', '/api/jobs?a=1&b=2', '/api/jobs?b=2&a=1'])
      all.push(await told(fetch(origin + path)))
    expect(all).toEqual(['/api?a=1&b=2 miss', '/api?a=1&b=2 hit', '/api/jobs?a=1&b=2 miss', '/api/jobs?a=1&b=2 hit'])
  })
})

describe.each([
  ['Express 5', () => express()],
  ['Express 4', () => express4() as unknown as Express],
])('%s: a query', (_name, make) => {
  it.each([
    'page[]=9',
    '[page]=9',
    'page%5Bx%5D=9',
    'page.x=9',
    `${'x=1&'.repeat(1000)}page=2`,
    `${'&'.repeat(1000)}page=2`,
  ])('that its parser reads in its own way does not poison another one: %.10s…', async (search) => {
    const app = make()
    app.set('query parser', 'extended')
    const { jobFeed } = createStash({ store: 'memory' })
    app.get('/jobs', cacheResponse({ in: jobFeed, query: ['page'] }), (request, response) => {
      response.json(request.query['page'] ?? 'first')
    })
    const url = await listen(app, '/jobs')
    await (await fetch(`${url}?${search}`)).text()
    const answers = await Promise.all(['', '?page=2'].map(async (own) => (await fetch(url + own)).json()))
    expect(answers).toEqual(['first', '2'])
  })
})

it('node:http: are the same behind a prefix that nobody tells, in whatever order their parameters are', async () => {
  const route = cachedRoute({ in: createStash({ store: 'memory' }).jobFeed })
  const origin = await listen((request, response) => {
    Object.assign(request, { originalUrl: request.url, url: request.url?.replace(/^\/api/, '') })
    route(request, response, () => response.end(request.url))
  }, '/api/jobs')
  const all = [await told(fetch(`${origin}?a=1&b=2`)), await told(fetch(`${origin}?b=2&a=1`))]
  expect(all).toEqual(['/jobs?a=1&b=2 miss', '/jobs?a=1&b=2 hit'])
})

it('Fastify: answers of two versions of a route are told apart', async () => {
  const { jobFeed } = createStash({ store: 'memory' })
  const app = fastify()
  for (const version of ['1.0.0', '2.0.0'])
    app.get('/page', { constraints: { version }, preHandler: cacheReply({ in: jobFeed }) }, async () => version)
  app.get('/page', { preHandler: cacheReply({ in: jobFeed }) }, async () => 'none')
  const url = await listen((request, response) => void app.ready().then(() => app.routing(request, response)), '/page')
  const of = (version: string) => told(fetch(url, { headers: { 'accept-version': version } }))
  const all = [await of('1.x'), await of('2.x'), await told(fetch(url)), await of('1.x'), await of('2.x')]
  expect(all).toEqual(['1.0.0 miss', '2.0.0 miss', 'none miss', '1.0.0 hit', '2.0.0 hit'])
})

it('Fastify: answers of one version are told apart where the address was rewritten', async () => {
  const { jobFeed } = createStash({ store: 'memory' })
  const app = fastify({ rewriteUrl: ({ url = '', headers }) => (isMobile(headers['user-agent']) ? `/m${url}` : url) })
  for (const url of ['/page', '/m/page'])
    app.get(url, { constraints: { version: '1.0.0' }, preHandler: cacheReply({ in: jobFeed }) }, async () => url)
  const ask = async (headers: Record<string, string>) =>
    (await app.inject({ url: '/page?a=1', headers: { 'accept-version': '1.x', ...headers } })).body
  expect([await ask({}), await ask(MOBILE), await ask({}), await ask(MOBILE)]).toEqual([
    '/page',
    '/m/page',
    '/page',
    '/m/page',
  ])
})

it('Hono: routes that are found by more than the path are told apart', async () => {
  const { jobFeed } = createStash({ store: 'memory' })
  const getPath = ({ url, headers }: Request): string =>
    (isMobile(headers.get('user-agent')) ? '/m' : '') + new URL(url).pathname
  const app = new Hono({ getPath })
  app.get(
    '/page',
    cacheRoute({ in: jobFeed }, (context) => context.text('wide')),
  )
  app.get(
    '/m/page',
    cacheRoute({ in: jobFeed }, (context) => context.text('narrow')),
  )
  const ask = (headers: Record<string, string> = {}) => told(Promise.resolve(app.request('/page?a=1', { headers })))
  expect([await ask(), await ask(MOBILE), await ask(), await ask(MOBILE)]).toEqual([
    'wide miss',
    'narrow miss',
    'wide hit',
    'narrow hit',
  ])
})

it('Hono: apps that are mounted under several prefixes are told apart', async () => {
  const { jobFeed } = createStash({ store: 'memory' })
  const appOf = (version: string) =>
    new Hono().get(
      '/page',
      cacheRoute({ in: jobFeed }, (context) => context.text(version)),
    )
  const app = new Hono()
  for (const version of ['v1', 'v2']) app.mount(`/${version}`, appOf(version).fetch)
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  closers.push(() => new Promise((resolve) => server.close(resolve)))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const all: string[] = []
  for (const path of ['/v1/page?a=1&b=2', '/v2/page?a=1&b=2', '/v1/page?b=2&a=1', '/v2/page?b=2&a=1'])
    all.push(await told(fetch(origin + path)))
  expect(all).toEqual(['v1 miss', 'v2 miss', 'v1 hit', 'v2 hit'])
})
