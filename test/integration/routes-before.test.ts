import { get, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import express from 'express'
import { Hono } from 'hono'
import { every } from 'hono/combine'
import { cors } from 'hono/cors'
import { describe, expect, it } from 'vitest'
import { createStash } from '../../src/cache/stash.js'
import { cacheResponse } from '../../src/integrations/express/cache-response.js'
import { cacheRoute } from '../../src/integrations/hono/cache-route.js'
import { cachedRoute } from '../../src/routes/cached-route.js'
import { createFakeClock } from '../../src/testing/fake-clock.js'
import { closers, listen } from '../support/listening.js'

type WriteHead = (...given: unknown[]) => ServerResponse

it('sends every field of a kept answer through a `writeHead` that knows no list of names and values', async () => {
  const route = cachedRoute({ in: createStash({ store: 'memory' }).general })
  const url = await listen((request, response) => {
    const writeHead = response.writeHead as WriteHead
    // As older middleware does it: what is given is set by name, and a list is taken for one of pairs.
    response.writeHead = (status: unknown, fields: unknown) => {
      if (Array.isArray(fields)) for (const pair of fields) response.setHeader(pair[0], pair[1])
      else for (const [name, value] of Object.entries(fields ?? {})) response.setHeader(name, value as string)
      return writeHead.call(response, status)
    }
    route(request, response, () => response.writeHead(200, { 'content-type': 'text/plain', 'x-own': 'a' }).end('same'))
  }, '/')
  const first = await fetch(url)
  const again = await fetch(url)
  expect([await first.text(), await again.text()]).toEqual(['same', 'same'])
  for (const response of [first, again]) {
    const names = ['content-type', 'content-length', 'x-own']
    expect(names.map((name) => response.headers.get(name))).toEqual(['text/plain', '4', 'a'])
  }
  expect(again.headers.get('cache-status')).toMatch(/^hopstash; hit/)
})

it('leaves who has wrapped `end` to set fields, as where a body is made longer or encoded', async () => {
  const route = cachedRoute({ in: createStash({ store: 'memory' }).general })
  const url = await listen((request, response) => {
    const end = response.end as (body: unknown) => ServerResponse
    response.end = ((body: unknown) => {
      const longer = `${body}, and more`
      response.setHeader('content-length', longer.length)
      return end.call(response, longer)
    }) as typeof response.end
    route(request, response, () => response.end('own'))
  }, '/')
  for (const happened of ['fwd=uri-miss', 'hit']) {
    const response = await fetch(url)
    expect(await response.text()).toBe('own, and more')
    expect(response.headers.get('cache-status')).toContain(happened)
  }
})

it('keeps no answer whose cookie only a client that has left would have got', async () => {
  let release = (): void => {}
  let visits = 0
  let hasLeft = false
  const route = cachedRoute({ in: createStash({ store: 'memory' }).general })
  const url = await listen((request, response) => {
    const visit = ++visits
    const writeHead = response.writeHead as WriteHead
    response.writeHead = (...given: unknown[]) => {
      response.setHeader('set-cookie', `sid=${visit}`)
      return writeHead.apply(response, given)
    }
    response.once('close', () => (hasLeft = true))
    route(request, response, async () => {
      if (visit === 1) await new Promise<void>((resolve) => (release = resolve))
      response.end(`token ${visit}`)
    })
  }, '/')
  const leaver = get(url)
  leaver.on('error', () => {})
  await expect.poll(() => visits, { timeout: 10_000 }).toBe(1)
  leaver.destroy()
  await expect.poll(() => hasLeft, { timeout: 10_000 }).toBe(true)
  release()
  const next = await fetch(url)
  expect([next.headers.get('set-cookie'), await next.text()]).toEqual(['sid=2', 'token 2'])
})

it('names the field by which a redirect of Express varies, and keeps it where the route varies by it', async () => {
  const stash = createStash({ store: 'memory' })
  const app = express()
  let calls = 0
  for (const [path, vary] of [
    ['/old', []],
    ['/old-by-accept', ['accept']],
  ] as const)
    app.get(path, cacheResponse({ in: stash.general, vary }), (_request, response) => {
      calls++
      response.redirect(301, '/new')
    })
  const url = await listen(app, '/')
  const ask = (path: string, accept: string) => fetch(`${url}${path}`, { redirect: 'manual', headers: { accept } })
  for (let n = 0; n < 2; n++)
    expect((await ask('old', 'text/html')).headers.get('cache-status')).toBe(
      'hopstash; fwd=bypass; detail="vary: accept"',
    )
  expect(calls).toBe(2)
  const bodies = []
  for (const accept of ['text/html', 'text/plain', 'text/html', 'text/plain']) {
    const response = await ask('old-by-accept', accept)
    expect([response.status, response.headers.get('location'), response.headers.get('vary')?.toLowerCase()]).toEqual([
      301,
      '/new',
      'accept',
    ])
    bodies.push(await response.text())
  }
  expect([calls, bodies.slice(2), new Set(bodies).size]).toEqual([4, bodies.slice(0, 2), 2])
})

describe('what varies before the route', () => {
  const mounts: [string, (vary: readonly string[]) => Promise<(language: string) => Promise<Response>>][] = [
    [
      'Express',
      async (vary) => {
        const app = express()
        app.use((request, response, next) => {
          response.setHeader('vary', 'Origin, Accept-Encoding')
          response.vary('Accept-Language').locals.language = request.headers['accept-language']
          next()
        })
        const route = cacheResponse({ in: createStash({ store: 'memory' }).general, vary })
        app.get('/', route, (_request, response) => void response.send(response.locals.language))
        const url = await listen(app, '/')
        return (language) => fetch(url, { headers: { 'accept-language': language } })
      },
    ],
    [
      'Hono',
      async (vary) => {
        const app = new Hono<{ Variables: { language: string } }>()
        app.use(async (context, next) => {
          context.header('vary', 'Origin')
          context.header('vary', 'Accept-Language', { append: true })
          context.set('language', context.req.header('accept-language') ?? '')
          await next()
        })
        const route = cacheRoute({ in: createStash({ store: 'memory' }).general, vary })
        app.get('/', route, (context) => context.text(context.get('language')))
        return async (language) => app.request('/', { headers: { 'accept-language': language } })
      },
    ],
  ]
  it.each(mounts)('is judged, but for what another coding or site does not change (%s)', async (_name, mount) => {
    const statuses = []
    for (const vary of [[], ['accept-language']]) {
      const ask = await mount(vary)
      for (const language of ['de', 'fr', 'de']) {
        const response = await ask(language)
        expect(await response.text()).toBe(language)
        statuses.push(response.headers.get('cache-status')?.replace(/hit; ttl=\d+|fwd=uri-miss; collapsed/, 'shared'))
      }
    }
    const unkept = 'hopstash; fwd=bypass; detail="vary: accept-language"'
    const miss = 'hopstash; fwd=uri-miss'
    expect(statuses).toEqual([unkept, unkept, unkept, miss, miss, 'hopstash; shared'])
  })
})

describe('Hono: fields from before the route', () => {
  const origins = ['https://a.example', 'https://b.example', 'https://a.example']

  it('stay those of each request, as `cors` and a request id set them', async () => {
    const app = new Hono()
    let requests = 0
    let calls = 0
    app.use(cors({ origin: (origin) => origin }))
    app.use(async (context, next) => {
      context.header('x-request-id', String(++requests))
      context.header('vary', 'Accept-Encoding', { append: true })
      await next()
    })
    app.get('/jobs', cacheRoute({ in: createStash({ store: 'memory' }).general, vary: ['accept'] }), (context) => {
      context.header('x-own', 'a')
      return context.text(`call ${++calls}`)
    })
    const seen = []
    for (const origin of origins) {
      const response = await app.request('/jobs', { headers: { origin } })
      const names = ['access-control-allow-origin', 'x-request-id', 'x-own']
      seen.push([await response.text(), ...names.map((name) => response.headers.get(name))])
      const vary = (response.headers.get('vary') ?? '').split(', ').map((name) => name.toLowerCase())
      expect(vary.toSorted()).toEqual(['accept', 'accept-encoding', 'origin'])
    }
    expect(seen).toEqual(origins.map((origin, index) => ['call 1', origin, String(index + 1), 'a']))
  })

  it('do not cut what middleware around the route has made longer', async () => {
    const app = new Hono()
    app.use(async (context, next) => {
      await next()
      context.res = new Response(`${await context.res.text()}, and more`, context.res)
    })
    app.get('/jobs', cacheRoute({ in: createStash({ store: 'memory' }).general }), (context) => context.text('own'))
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
    await new Promise((resolve) => server.once('listening', resolve))
    closers.push(() => new Promise((resolve) => server.close(resolve)))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jobs`
    for (const happened of ['fwd=uri-miss', 'hit']) {
      const response = await fetch(url)
      expect([await response.text(), response.headers.get('content-length')]).toEqual(['own, and more', '13'])
      expect(response.headers.get('cache-status')).toContain(happened)
    }
  })

  it('judge what is kept, where they are cookies, and go out once', async () => {
    const app = new Hono()
    let requests = 0
    app.use(async (context, next) => {
      if (++requests !== 3) context.header('set-cookie', `sid=${requests}`, { append: true })
      await next()
    })
    app.get('/form', cacheRoute({ in: createStash({ store: 'memory' }).general }), (context) =>
      context.text(`token ${requests}`),
    )
    const seen = []
    for (let n = 0; n < 4; n++) {
      const response = await app.request('/form')
      seen.push([response.headers.getSetCookie(), await response.text()])
    }
    expect(seen).toEqual([
      [['sid=1'], 'token 1'],
      [['sid=2'], 'token 2'],
      [[], 'token 3'],
      [['sid=4'], 'token 3'],
    ])
  })

  it('are seen where the route is the first of several that were made one', async () => {
    const app = new Hono()
    let requests = 0
    app.use(async (context, next) => {
      context.header('x-request-id', String(++requests))
      await next()
      context.header('set-cookie', `sid=${requests}`, { append: true })
    })
    app.get(
      '/form',
      every(cacheRoute({ in: createStash({ store: 'memory' }).general }), async (_context, next) => next()),
      (context) => context.text(`token ${requests}`),
    )
    for (const n of [1, 2]) {
      const response = await app.request('/form')
      const names = ['x-request-id', 'set-cookie']
      expect([await response.text(), ...names.map((name) => response.headers.get(name))]).toEqual([
        `token ${n}`,
        String(n),
        `sid=${n}`,
      ])
    }
  })

  it('around one handler, too, whose errors go to the error handling of Hono', async () => {
    const app = new Hono()
    let calls = 0
    app.onError((error, context) => context.text(error.message, 500))
    const route = cacheRoute({ in: createStash({ store: 'memory' }).general }, (context) => {
      calls++
      if (context.req.query('fail') !== undefined) throw new TypeError('broken')
      return context.text('same')
    })
    app.get('/jobs', route)
    const first = await app.request('/jobs')
    const again = await app.request('/jobs')
    expect([await first.text(), await again.text(), calls]).toEqual(['same', 'same', 1])
    expect(again.headers.get('cache-status')).toMatch(/^hopstash; hit/)
    const passed = await app.request('/jobs', { headers: { authorization: 'Bearer a' } })
    expect([await passed.text(), passed.headers.get('cache-status')]).toEqual([
      'same',
      'hopstash; fwd=bypass; detail="credentials"',
    ])
    const failed = await app.request('/jobs?fail')
    expect([failed.status, await failed.text()]).toEqual([500, 'broken'])
    const head = await app.request('/jobs', { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '4'])
  })

  it('answers what is fresh without a promise, around one handler without other middleware', async () => {
    const app = new Hono()
    app.get(
      '/jobs',
      cacheRoute({ in: createStash({ store: 'memory' }).general }, (context) => context.text('same')),
    )
    await app.request('/jobs')
    const answer = app.fetch(new Request('http://localhost/jobs'))
    expect(answer).toBeInstanceOf(Response)
    expect(await (answer as Response).text()).toBe('same')
  })
})

it('Hono: lets middleware around the route end before the handler is asked again behind an old answer', async () => {
  const clock = createFakeClock()
  const stash = createStash({ store: 'memory', clock })
  const app = new Hono()
  const errors: string[] = []
  const events: string[] = []
  let calls = 0
  app.onError((error, context) => {
    errors.push(error.message)
    return context.text('broken', 500)
  })
  app.use(async (context, next) => {
    await next()
    await new Promise((resolve) => setTimeout(resolve, 20))
    events.push('around')
    context.header('x-late', 'a')
  })
  app.get('/jobs', cacheRoute({ in: stash.general, ttl: '1m', staleWhileRevalidate: '1h' }), (context) => {
    events.push(`call ${++calls}`)
    return context.text(`call ${calls}`)
  })
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  closers.push(() => new Promise((resolve) => server.close(resolve)))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jobs`
  await (await fetch(url)).text()
  await clock.advance(61_000)
  const stale = await fetch(url)
  expect([stale.status, await stale.text(), stale.headers.get('x-late')]).toEqual([200, 'call 1', 'a'])
  await expect.poll(() => calls, { timeout: 10_000 }).toBe(2)
  expect([events, errors]).toEqual([['call 1', 'around', 'around', 'call 2'], []])
})
