import type { ServerResponse } from 'node:http'
import express, { type Express } from 'express'
// @ts-expect-error An alias of an older major, whose types nobody declares.
import express4 from 'express-4'
import fastify from 'fastify'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { createStash, type Stash } from '../../src/cache/stash.js'
import { cacheResponse } from '../../src/integrations/express/cache-response.js'
import { cacheReply } from '../../src/integrations/fastify/cache-reply.js'
import { cacheRoute } from '../../src/integrations/hono/cache-route.js'
import { cachedRoute } from '../../src/routes/cached-route.js'
import { closers, listen } from '../support/listening.js'

/** What happens to a request before its route, and in it; visits count from 1. */
interface Plan {
  cookies(visit: number): string[]
  handle(visit: number): { readonly status: number; readonly wait?: Promise<void> }
}

type Mount = (stash: Stash, plan: Plan) => Promise<string>

function mountExpress(make: () => Express): Mount {
  return (stash, plan) => {
    const app = make()
    let visits = 0
    app.use((_request, response, next) => {
      response.locals.visit = ++visits
      for (const cookie of plan.cookies(visits)) response.append('set-cookie', cookie)
      next()
    })
    app.get('/form', cacheResponse({ in: stash.general }), async (_request, response) => {
      const { visit } = response.locals
      const { status, wait } = plan.handle(visit)
      await wait
      response.status(status).send(`token ${visit}`)
    })
    return listen(app, '/form')
  }
}

const mounts: [string, Mount][] = [
  ['Express 5', mountExpress(() => express())],
  ['Express 4', mountExpress(() => express4() as unknown as Express)],
  [
    'node:http',
    (stash, plan) => {
      const route = cachedRoute({ in: stash.general })
      let visits = 0
      return listen((request, response) => {
        const visit = ++visits
        const cookies = plan.cookies(visit)
        if (cookies.length > 0) response.setHeader('Set-Cookie', cookies)
        route(request, response, async () => {
          const { status, wait } = plan.handle(visit)
          await wait
          response.writeHead(status).end(`token ${visit}`)
        })
      }, '/form')
    },
  ],
  [
    'Fastify 5',
    async (stash, plan) => {
      const app = fastify()
      const visitOf = new WeakMap<object, number>()
      let visits = 0
      app.addHook('onRequest', async (request, reply) => {
        visitOf.set(request.raw, ++visits)
        for (const cookie of plan.cookies(visits)) reply.header('set-cookie', cookie)
      })
      app.get('/form', { preHandler: cacheReply({ in: stash.general }) }, async (request, reply) => {
        const visit = visitOf.get(request.raw) ?? 0
        const { status, wait } = plan.handle(visit)
        await wait
        return reply.code(status).send(`token ${visit}`)
      })
      closers.push(() => app.close())
      return `${await app.listen({ port: 0, host: '127.0.0.1' })}/form`
    },
  ],
]

describe.each(mounts)('%s: cookies set before the route', (_name, mount) => {
  it('go out with a response that is not kept, each to its own visitor', async () => {
    const url = await mount(createStash({ store: 'memory' }), {
      cookies: (visit) => [`csrf=${visit}`, `sid=${visit}`],
      handle: () => ({ status: 200 }),
    })
    for (const visit of [1, 2]) {
      const response = await fetch(url)
      expect(await response.text()).toBe(`token ${visit}`)
      expect(response.headers.getSetCookie()).toEqual([`csrf=${visit}`, `sid=${visit}`])
      expect(response.headers.get('cache-status')).toBe('hopstash; fwd=bypass; detail="set-cookie"')
    }
  })

  it('leave a response without any to be kept', async () => {
    const url = await mount(createStash({ store: 'memory' }), {
      cookies: (visit) => (visit === 1 ? ['csrf=1'] : []),
      handle: () => ({ status: 200 }),
    })
    const bodies = []
    for (let n = 0; n < 3; n++) bodies.push(await (await fetch(url)).text())
    expect(bodies).toEqual(['token 1', 'token 2', 'token 2'])
  })

  it.each([200, 500])('reach nobody who waited for the response, whose status is %s', async (status) => {
    let release = (): void => {}
    const wait = new Promise<void>((resolve) => (release = resolve))
    let asked = 0
    const url = await mount(createStash({ store: 'memory' }), {
      cookies: (visit) => [`csrf=${++asked && visit}`],
      handle: () => ({ status, wait }),
    })
    const all = Array.from({ length: 3 }, () => fetch(url))
    await expect.poll(() => asked, { timeout: 10_000 }).toBe(3)
    await new Promise((resolve) => setTimeout(resolve, 20))
    release()
    const seen = await Promise.all(
      (await Promise.all(all)).map(async (response) => `${response.headers.getSetCookie()} ${await response.text()}`),
    )
    expect(seen.sort()).toEqual(['csrf=1 token 1', 'csrf=2 token 2', 'csrf=3 token 3'])
  })
})

it.each([
  ['Express 5', () => express()],
  ['Express 4', () => express4() as unknown as Express],
])('%s: keeps no response to which middleware of the route adds a cookie with its head', async (_name, make) => {
  const stash = createStash({ store: 'memory' })
  const app = make()
  let visits = 0
  const addCookie = (response: ServerResponse): void => {
    const writeHead = response.writeHead as (...given: unknown[]) => ServerResponse
    const cookie = `sid=${++visits}`
    response.writeHead = (...given: unknown[]) => {
      response.setHeader('set-cookie', cookie)
      return writeHead.apply(response, given)
    }
  }
  app.get(
    '/form',
    cacheResponse({ in: stash.general }),
    (_request, response, next) => {
      addCookie(response)
      next()
    },
    (request, response) => {
      if (request.query.streamed === undefined) response.send(`token ${visits}`)
      else response.type('text').write(`token ${visits}`, () => response.end())
    },
  )
  const url = await listen(app, '/form')
  const seen = []
  for (const query of ['', '', '?streamed', '?streamed']) {
    const response = await fetch(`${url}${query}`)
    seen.push(`${response.headers.get('set-cookie')} ${await response.text()}`)
  }
  expect(seen).toEqual([1, 2, 3, 4].map((visit) => `sid=${visit} token ${visit}`))
})

it('Hono 4: a handler that returns nothing fails as without a cache, also for those who waited', async () => {
  const stash = createStash({ store: 'memory' })
  const app = new Hono()
  const errors: string[] = []
  let calls = 0
  let release = (): void => {}
  const wait = new Promise<void>((resolve) => (release = resolve))
  app.onError((error, context) => {
    errors.push(error.message)
    return context.text('broken', 500)
  })
  app.get('/form', cacheRoute({ in: stash.general }), (async () => {
    calls++
    await wait
  }) as never)
  const all = Array.from({ length: 2 }, () => app.request('/form'))
  await new Promise((resolve) => setImmediate(resolve))
  release()
  const responses = [...(await Promise.all(all)), await app.request('/form')]
  expect(responses.map(({ status }) => status)).toEqual([500, 500, 500])
  expect(errors.map((message) => /^Context is not finalized/.test(message))).toEqual([true, true, true])
  const credentialed = await app.request('/form', { headers: { authorization: 'Bearer a' } })
  expect([credentialed.status, errors.at(-1)]).toEqual([500, errors[0]])
  expect(calls).toBe(3)
})

it('Hono 4: an old response stands in for a handler that returns nothing', async () => {
  const stash = createStash({ store: 'memory' })
  const app = new Hono()
  let calls = 0
  app.get('/form', cacheRoute({ in: stash.general, ttl: 1, staleIfError: '1h', staleWhileRevalidate: 0 }), ((context: {
    text(body: string): Response
  }) => (++calls === 1 ? context.text('old') : undefined)) as never)
  expect(await (await app.request('/form')).text()).toBe('old')
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(await (await app.request('/form')).text()).toBe('old')
  expect(calls).toBe(2)
})

it('all go out where a handler sets them by `setHeaders`', async () => {
  const route = cachedRoute({ in: createStash({ store: 'memory' }).general })
  const url = await listen((request, response) => {
    route(request, response, () => {
      const fields = new Headers({ 'x-own': 'c' })
      for (const cookie of ['a=1', 'b=2']) fields.append('set-cookie', cookie)
      response.setHeaders(fields)
      response.end('own')
    })
  }, '/')
  const { headers } = await fetch(url)
  expect([headers.getSetCookie(), headers.get('x-own')]).toEqual([['a=1', 'b=2'], 'c'])
})
