import express, { type Express, Router } from 'express'
// @ts-expect-error An alias of an older major, whose types nobody declares.
import express4 from 'express-4'
import fastify from 'fastify'
import { Hono } from 'hono'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createStash } from '../../src/cache/stash.js'
import { cacheResponse } from '../../src/integrations/express/cache-response.js'
import { cacheReply } from '../../src/integrations/fastify/cache-reply.js'
import { cacheRoute } from '../../src/integrations/hono/cache-route.js'
import { closers, listen } from '../support/listening.js'

const said: string[] = []
beforeEach(() => {
  vi.spyOn(process, 'emitWarning').mockImplementation(((message: string) => said.push(message)) as never)
})
afterEach(() => {
  vi.restoreAllMocks()
  said.splice(0)
})

const headers = { authorization: 'Bearer s3cret' }
const PATH = '/accounts/s3cret'

const route = () => cacheResponse({ in: createStash({ store: 'memory' }).general })
const ask: [string, string, () => Promise<Response>][] = [
  ...(
    [
      ['Express 5', () => express()],
      ['Express 4', () => express4()],
    ] as [string, () => Express][]
  ).map(([name, make]): [string, string, () => Promise<Response>] => [
    name,
    'GET /accounts/:id',
    async () => {
      const app = make()
      app.get('/accounts/:id', route(), (_request, response) => void response.send('a'))
      return fetch(`${await listen(app)}${PATH}`, { headers })
    },
  ]),
  [
    'Express 5, in a router whose place may hold more than a pattern',
    'GET */posts',
    async () => {
      const router = Router({ mergeParams: true }).get('/posts', route(), (_request, response) => {
        response.send('a')
      })
      return fetch(`${await listen(express().use('/accounts/:id', router))}${PATH}/posts`, { headers })
    },
  ],
  [
    'Fastify 5',
    'GET /accounts/:id',
    async () => {
      const app = fastify()
      const preHandler = cacheReply({ in: createStash({ store: 'memory' }).general })
      app.get('/accounts/:id', { preHandler }, async () => 'a')
      closers.push(() => app.close())
      return fetch(`${await app.listen({ port: 0, host: '127.0.0.1' })}${PATH}`, { headers })
    },
  ],
  [
    'Hono 4',
    'GET /accounts/:id',
    async () => {
      const app = new Hono()
      app.use(async (_context, next) => next())
      app.get('/accounts/:id', cacheRoute({ in: createStash({ store: 'memory' }).general }), (context) =>
        context.text('a'),
      )
      return app.request(PATH, { headers })
    },
  ],
  [
    'Hono 4, one handler',
    'GET /accounts/:id',
    async () => {
      const app = new Hono()
      const options = { in: createStash({ store: 'memory' }).general }
      app.get(
        '/accounts/:id',
        cacheRoute(options, (context) => context.text('a')),
      )
      return app.request(PATH, { headers })
    },
  ],
]

it.each(ask)('%s: a warning names the route by its pattern, %s', async (_name, pattern, answer) => {
  const response = await answer()
  expect([await response.text(), response.headers.get('cache-status')]).toEqual([
    'a',
    'hopstash; fwd=bypass; detail="credentials"',
  ])
  expect(said.map((message) => message.slice(0, message.indexOf(' and passes')))).toEqual([
    `The cached route \`${pattern}\` was asked with \`authorization\``,
  ])
  expect(said.join()).not.toContain('s3cret')
})
