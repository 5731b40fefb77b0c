import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { serve } from '@hono/node-server'
import express, { type Express } from 'express'
// @ts-expect-error An alias of an older major, whose types nobody declares.
import express4 from 'express-4'
import fastify from 'fastify'
import { Hono } from 'hono'
import { afterEach, describe, expect, it } from 'vitest'
import { createStash, type Stash } from '../../src/cache/stash.js'
import { cacheResponse } from '../../src/integrations/express/cache-response.js'
import { cacheReply } from '../../src/integrations/fastify/cache-reply.js'
import { cacheRoute } from '../../src/integrations/hono/cache-route.js'
import { cachedRoute } from '../../src/routes/cached-route.js'
import type { RouteOptions } from '../../src/routes/route-options.js'
import { createFakeClock, type FakeClock } from '../../src/testing/fake-clock.js'

type Options = Pick<RouteOptions<never>, 'ttl' | 'staleWhileRevalidate' | 'staleIfError' | 'maxBodyBytes'> & {
  readonly vary?: string[]
}

/** What the handler of a route does, in words every framework understands. */
interface Plan {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body: string | Buffer
  readonly isStream?: boolean
  readonly fails?: boolean
  readonly wait?: Promise<void>
}

interface App {
  readonly url: string
  calls(): number
  readonly stash: Stash
  readonly clock: FakeClock
}

type Mount = (options: Options, stash: App['stash'], plan: (call: number) => Plan) => Promise<string>

const closers: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function listen(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function mountExpress(make: () => Express): Mount {
  return async (options, stash, plan) => {
    const app = make()
    let calls = 0
    let requests = 0
    app.set('env', 'test')
    app.use((_request, response, next) => {
      response.setHeader('x-request-id', String(++requests))
      next()
    })
    app.get('/jobs', cacheResponse({ in: stash.jobFeed, ...options }), async (_request, response, next) => {
      const { status = 200, headers = {}, body, isStream, fails, wait } = plan(++calls)
      await wait
      if (fails) {
        next(new Error('broken'))
        return
      }
      response.status(status).set(headers)
      if (isStream) await pipeline(Readable.from([body]), response)
      else response.send(body)
    })
    return listen(app)
  }
}

const frameworks: [string, Mount][] = [
  ['Express 5', mountExpress(() => express())],
  ['Express 4', mountExpress(() => express4() as unknown as Express)],
  [
    'node:http',
    (options, stash, plan) => {
      const route = cachedRoute({ in: stash.jobFeed, ...options })
      let calls = 0
      let requests = 0
      return listen((request, response) => {
        response.setHeader('x-request-id', String(++requests))
        route(request, response, async (error) => {
          if (error !== undefined) {
            response.writeHead(500).end()
            return
          }
          const { status = 200, headers = {}, body, isStream, fails, wait } = plan(++calls)
          await wait
          if (fails) response.writeHead(500).end('broken')
          else if (isStream) {
            response.writeHead(status, headers)
            await pipeline(Readable.from([body]), response)
          } else response.writeHead(status, headers).end(body)
        })
      })
    },
  ],
  [
    'Fastify 5',
    async (options, stash, plan) => {
      const app = fastify()
      let calls = 0
      let requests = 0
      app.addHook('onRequest', async (_request, reply) => {
        reply.header('x-request-id', String(++requests))
      })
      app.get('/jobs', { preHandler: cacheReply({ in: stash.jobFeed, ...options }) }, async (_request, reply) => {
        const { status = 200, headers = {}, body, isStream, fails, wait } = plan(++calls)
        await wait
        if (fails) throw new Error('broken')
        return reply
          .code(status)
          .headers(headers)
          .send(isStream ? Readable.from([body]) : body)
      })
      closers.push(() => app.close())
      return app.listen({ port: 0, host: '127.0.0.1' })
    },
  ],
  [
    'Hono 4',
    async (options, stash, plan) => {
      const app = new Hono()
      let calls = 0
      let requests = 0
      app.use(async (context, next) => {
        await next()
        context.header('x-request-id', String(++requests))
      })
      app.get('/jobs', cacheRoute({ in: stash.jobFeed, ...options }), async (context) => {
        const { status = 200, headers = {}, body, isStream, fails, wait } = plan(++calls)
        await wait
        if (fails) throw new Error('broken')
        const content = isStream ? (ReadableStream.from([Buffer.from(body)]) as ReadableStream) : (body as string)
        return context.body(content, status as 200, headers)
      })
      app.onError((_error, context) => context.text('broken', 500))
      const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
      await new Promise((resolve) => server.once('listening', resolve))
      closers.push(() => new Promise((resolve) => server.close(resolve)))
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    },
  ],
]

describe.each(frameworks)('%s', (_name, mount) => {
  async function start(plan: (call: number) => Plan, options: Options = {}): Promise<App & { get: Get }> {
    const clock = createFakeClock()
    const stash = createStash({ store: 'memory', clock })
    let calls = 0
    const url = `${await mount(options, stash, (call) => {
      calls = call
      return plan(call)
    })}/jobs`
    const get: Get = (headers = {}, method = 'GET') => fetch(url, { method, headers })
    return { url, stash, clock, get, calls: () => calls }
  }
  type Get = (headers?: Record<string, string>, method?: string) => Promise<Response>
  const text = { 'content-type': 'text/plain; charset=utf-8' }

  it('answers again without the handler, with the fields of this request and not of the first', async () => {
    const { get, calls } = await start((call) => ({ body: `call ${call}`, headers: { ...text, 'x-own': 'a' } }))
    const first = await get()
    const again = await get()
    expect([await first.text(), await again.text(), calls()]).toEqual(['call 1', 'call 1', 1])
    expect([first.headers.get('x-request-id'), again.headers.get('x-request-id')]).toEqual(['1', '2'])
    for (const name of ['content-type', 'content-length', 'x-own'])
      expect([name, again.headers.get(name)]).toEqual([name, first.headers.get(name)])
    expect([first.headers.get('cache-status'), again.headers.get('age')]).toEqual(['hopstash; fwd=uri-miss', '0'])
  })

  it('answers 304 from then on, and HEAD without a body', async () => {
    const { get, calls } = await start(() => ({ body: 'same', headers: text }))
    const etag = (await get()).headers.get('etag') ?? ''
    expect(etag).toMatch(/^(?:W\/)?".+"$/)
    const unchanged = await get({ 'if-none-match': etag })
    expect([unchanged.status, await unchanged.text()]).toEqual([304, ''])
    const head = await get({}, 'HEAD')
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '4', ''])
    expect(calls()).toBe(1)
  })

  it('calls the handler once for all who ask at once, also when it has expired', async () => {
    let release = (): void => {}
    const { get, calls, clock } = await start(
      () => ({ body: 'a', headers: text, wait: new Promise<void>((resolve) => (release = resolve)) }),
      { ttl: '1m' },
    )
    for (const expected of [1, 2]) {
      const all = Promise.all(Array.from({ length: 50 }, () => get()))
      await waitFor(() => calls() === expected)
      await new Promise((resolve) => setTimeout(resolve, 50))
      release()
      expect(new Set(await Promise.all((await all).map((response) => response.text())))).toEqual(new Set(['a']))
      expect(calls()).toBe(expected)
      await clock.advance(61_000)
    }
  })

  it('sends the old response at once, and keeps what the handler makes behind it, streamed or not', async () => {
    for (const isStream of [false, true]) {
      const { get, calls, clock } = await start((call) => ({ body: `call ${call}`, headers: text, isStream }), {
        ttl: '1m',
        staleWhileRevalidate: '1m',
      })
      await get()
      await clock.advance(70_000)
      const stale = await get()
      expect([await stale.text(), stale.headers.get('age')]).toEqual(['call 1', '70'])
      await waitFor(() => calls() === 2)
      await waitFor(async () => (await (await get()).text()) === 'call 2')
      const fresh = await get()
      expect([fresh.headers.get('content-type'), fresh.headers.get('age'), calls()]).toEqual([
        text['content-type'],
        '0',
        2,
      ])
    }
  })

  it('keeps bytes as they are, from streams, too', async () => {
    const body = Buffer.from(Array.from({ length: 70_000 }, (_, n) => n % 256))
    const { get, calls } = await start(() => ({ body, isStream: true, headers: { 'content-type': 'image/png' } }))
    for (let n = 0; n < 2; n++) expect(Buffer.from(await (await get()).arrayBuffer()).equals(body)).toBe(true)
    expect(calls()).toBe(1)
  })

  it('streams what is too long, whole, and keeps nothing of it', async () => {
    const body = Buffer.alloc(200_000, 'a')
    const { get, calls } = await start(() => ({ body, isStream: true, headers: text }), { maxBodyBytes: 1000 })
    for (let n = 0; n < 2; n++) expect((await (await get()).text()).length).toBe(200_000)
    expect(calls()).toBe(2)
  })

  it('keeps no error and no cookie, and gives each client its own', async () => {
    const { get, calls } = await start((call) =>
      call <= 2 ? { body: '', fails: true } : { body: 'a', headers: { ...text, 'set-cookie': `sid=${call}` } },
    )
    expect([(await get()).status, (await get()).status]).toEqual([500, 500])
    const cookies = await Promise.all([get(), get(), get()])
    expect(new Set(cookies.map((response) => response.headers.get('set-cookie'))).size).toBe(3)
    expect(calls()).toBe(5)
  })

  it('sends the old response where the handler fails', async () => {
    const { get, clock } = await start((call) => ({ body: 'a', headers: text, fails: call > 1 }), {
      ttl: '1m',
      staleIfError: '1h',
    })
    await get()
    await clock.advance(70_000)
    const response = await get()
    expect([response.status, await response.text()]).toEqual([200, 'a'])
  })

  it('never mixes users up', async () => {
    const { get, calls } = await start((call) => ({ body: `call ${call}`, headers: text }), { vary: ['authorization'] })
    const first = await Promise.all(['a', 'b'].map(async (user) => (await get({ authorization: user })).text()))
    const again = await Promise.all(['a', 'b'].map(async (user) => (await get({ authorization: user })).text()))
    expect([again, new Set(first).size, calls()]).toEqual([first, 2, 2])
    const closed = await start((call) => ({ body: `call ${call}`, headers: text }))
    await closed.get({ authorization: 'a' })
    expect((await closed.get({ authorization: 'b' })).headers.get('cache-status')).toContain('credentials')
    expect(closed.calls()).toBe(2)
  })
})

async function waitFor(isDone: () => boolean | Promise<boolean>): Promise<void> {
  for (let n = 0; n < 2000; n++) {
    if (await isDone()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('it did not happen')
}
