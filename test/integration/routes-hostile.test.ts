import { get as httpGet, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import express, { type Express, type RequestHandler } from 'express'
// @ts-expect-error An alias of an older major, whose types nobody declares.
import express4 from 'express-4'
import { describe, expect, it } from 'vitest'
import { createStash } from '../../src/cache/stash.js'
import { cacheResponse, type ExpressRequest } from '../../src/integrations/express/cache-response.js'
import type { RouteOptions } from '../../src/routes/route-options.js'
import { listen } from '../support/listening.js'

/** Status and body; how it failed where there was no response. */
async function answerOf(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(30_000) })
    return `${response.status} ${await response.text()}`
  } catch (error) {
    return (error as Error).name
  }
}

/** A client that asks and then leaves: politely, or with a reset. */
async function leaving(url: string, isReset: boolean, whenAsked: () => boolean): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(`GET ${new URL(url).pathname} HTTP/1.1\r\nhost: ${new URL(url).host}\r\n\r\n`)
  await waitFor(whenAsked)
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve())
    if (isReset) socket.resetAndDestroy()
    else socket.destroy()
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
}

async function waitFor(isDone: () => boolean): Promise<void> {
  for (let n = 0; n < 2000 && !isDone(); n++) await new Promise((resolve) => setTimeout(resolve, 10))
  if (!isDone()) throw new Error('it did not happen')
}

const majors: [string, () => Express][] = [
  ['Express 5', () => express()],
  ['Express 4', () => express4() as unknown as Express],
]

describe.each(majors)('%s', (_name, make) => {
  async function start(
    handler: RequestHandler,
    options: Partial<RouteOptions<ExpressRequest>> = {},
    before: RequestHandler = (_request, _response, next) => next(),
  ): Promise<{ url: string; calls(): number }> {
    const app = make()
    const stash = createStash({ store: 'memory' })
    let calls = 0
    app.set('env', 'test')
    const counted: RequestHandler = (request, response, next) => {
      calls++
      return handler(request, response, next)
    }
    app.get('/jobs', before, cacheResponse({ in: stash.jobFeed, ...options }) as unknown as RequestHandler, counted)
    return { url: await listen(app, '/jobs'), calls: () => calls }
  }

  it('sends what was ended first, where a handler ends twice', async () => {
    const { url, calls } = await start((_request, response) => {
      response.json({ a: 1 })
      response.end()
      response.write('more', () => undefined)
    })
    for (let n = 0; n < 2; n++) expect(await answerOf(url)).toBe('200 {"a":1}')
    expect(calls()).toBe(1)
  })

  const halves: [string, RequestHandler][] = [
    [
      'throws after it has written',
      (_request, response) => {
        response.write('half')
        throw new Error('broken')
      },
    ],
    [
      'hands on an error after it has written',
      (_request, response, next) => {
        response.write('half')
        setTimeout(() => next(new Error('broken')), 10)
      },
    ],
    [
      'destroys its response',
      (_request, response) => {
        response.write('half')
        response.destroy()
      },
    ],
    [
      'sends a stream that breaks',
      (_request, response) => {
        const broken = Readable.from(
          (async function* () {
            yield 'half'
            throw new Error('disk')
          })(),
        )
        pipeline(broken, response).catch(() => undefined)
      },
    ],
  ]
  it.each(halves)('neither hangs nor keeps half a response where a handler %s', async (_what, handler) => {
    const { url, calls } = await start(handler)
    for (let n = 1; n <= 2; n++) {
      expect(await answerOf(url)).toBe('TypeError')
      expect(calls()).toBe(n)
    }
    const [first] = await Promise.all([answerOf(url), answerOf(url)])
    expect(first).not.toContain('Timeout')
  })

  const unfit: [string, RequestHandler][] = [
    ['a header that cannot be sent', (_request, response) => void response.setHeader('x-name', 'Ж').end('a')],
    ['a header that is undefined', (_request, response) => void response.writeHead(200, [['x', undefined]] as never)],
    ['a status that is none', (_request, response) => void Object.assign(response, { statusCode: 99 }).end('a')],
    ['a body that is none', (_request, response) => void response.end(42)],
  ]
  it.each(unfit)('lets the handler throw at %s, as without a cache, and lives on', async (_what, handler) => {
    const { url, calls } = await start(handler)
    for (let n = 1; n <= 2; n++) {
      expect(await answerOf(url)).toMatch(/^500 /)
      expect(calls()).toBe(n)
    }
  })

  it('sends every line of a header, and leaves what varied before it', async () => {
    const { url } = await start(
      (_request, response) => void response.setHeader('link', ['<a>', '<b>']).end('a'),
      { vary: ['accept-language'] },
      (_request, response, next) => {
        response.setHeader('vary', 'Origin')
        next()
      },
    )
    for (let n = 0; n < 2; n++) {
      const { headers } = await fetch(url)
      expect([headers.get('link'), headers.get('vary')]).toEqual(['<a>, <b>', 'origin, accept-language'])
    }
  })

  it.each([
    ['cache-control', 'private, no-store'],
    ['expires', '0'],
  ])('neither overrides nor keeps what was forbidden to keep before the route (%s)', async (name, value) => {
    const { url, calls } = await start(
      (_request, response) => void response.end('a'),
      {},
      (_request, response, next) => {
        response.setHeader(name, value)
        next()
      },
    )
    for (let n = 0; n < 2; n++) expect((await fetch(url)).headers.get(name)).toBe(value)
    expect(calls()).toBe(2)
  })

  it('reads every field of `Cache-Control`', async () => {
    const { url, calls } = await start(
      (_request, response) => void response.setHeader('cache-control', ['public', 'max-age=0']).end('a'),
    )
    for (let n = 1; n <= 2; n++) expect([await answerOf(url), calls()]).toEqual(['200 a', n])
  })

  it.each(['x-sum', undefined])(
    'sends trailers, and keeps nothing that has some (announced: %s)',
    async (announced) => {
      const { url, calls } = await start((_request, response) => {
        if (announced !== undefined) response.setHeader('trailer', announced)
        response.write('a')
        response.addTrailers({ 'x-sum': String(calls()) })
        response.end()
      })
      for (let n = 1; n <= 2; n++) {
        const response = await new Promise<IncomingMessage>((resolve) => httpGet(url, resolve))
        await response.resume().toArray()
        expect(response.trailers).toEqual({ 'x-sum': String(n) })
      }
    },
  )

  it('keeps nothing shorter than it said it was', async () => {
    const { url, calls } = await start((_request, response) => void response.setHeader('content-length', '10').end('a'))
    for (const expected of [1, 2]) {
      const leave = new AbortController()
      const asked = fetch(url, { signal: leave.signal })
        .then((response) => response.text())
        .catch(() => undefined)
      await waitFor(() => calls() === expected)
      await new Promise((resolve) => setTimeout(resolve, 100))
      leave.abort()
      await asked
    }
  })

  it('sends events as they come, each reader its own', async () => {
    const { url, calls } = await start((_request, response) => {
      response.set('content-type', 'text/event-stream').flushHeaders()
      response.write('data: 1\n\n')
    })
    for (let n = 1; n <= 2; n++) {
      const response = await fetch(url)
      const reader = (response.body as ReadableStream<Uint8Array>).getReader()
      expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: 1\n\n')
      expect([response.headers.get('cache-status'), calls()]).toEqual(['hopstash; fwd=bypass; detail="stream"', n])
      await reader.cancel()
    }
  })

  it('lives on where a timeout of the host answers first', async () => {
    let call = 0
    let release = (): void => {}
    const released = new Promise<void>((resolve) => (release = resolve))
    const { url, calls } = await start(
      (_request, response) => void released.then(() => response.cookie('id', String(++call)).end('a')),
      { query: [] },
      (request, response, next) => {
        if (request.query.impatient) setTimeout(() => response.headersSent || response.status(503).end('late'), 30)
        next()
      },
    )
    const first = answerOf(url)
    await waitFor(() => calls() === 1)
    expect(await answerOf(`${url}?impatient=1`)).toBe('503 late')
    release()
    expect(await first).toBe('200 a')
    expect(await answerOf(url)).toBe('200 a')
  })

  it.each([false, true])('hides from the handler that a client has left (reset: %s): others wait', async (isReset) => {
    const seen: string[] = []
    let release = (): void => {}
    const { url, calls } = await start((request, response) => {
      for (const event of ['aborted', 'close', 'error']) request.on(event, () => seen.push(`request ${event}`))
      for (const event of ['close', 'error']) response.on(event, () => seen.push(`response ${event}`))
      release = () => {
        seen.push(...(request.destroyed || request.aborted || response.destroyed || response.closed ? ['flag'] : []))
        response.send(`seen ${seen}`)
      }
    })
    let asked = 0
    const others = leaving(url, isReset, () => calls() === 1).then(() => {
      asked = calls()
      const waiting = Promise.all([answerOf(url), answerOf(url)])
      setTimeout(release, 50)
      return waiting
    })
    expect(await others).toEqual(['200 seen ', '200 seen '])
    expect([asked, calls()]).toEqual([1, 1])
  })

  it.each([1000, 10_000_000])(
    'ends a stream whose client has left, whatever is kept (%s bytes)',
    async (maxBodyBytes) => {
      let outcome = 'running'
      let release = (): void => {}
      const { url, calls } = await start(
        async (_request, response) => {
          await new Promise<void>((resolve) => (release = resolve))
          const chunks = Readable.from(Array.from({ length: 50 }, () => 'a'.repeat(20_000)))
          await pipeline(chunks, response).then(
            () => (outcome = 'whole'),
            () => (outcome = 'ended'),
          )
        },
        { maxBodyBytes },
      )
      await leaving(url, false, () => calls() === 1)
      release()
      await waitFor(() => outcome !== 'running')
      expect(outcome).toBe(maxBodyBytes === 1000 ? 'ended' : 'whole')
      if (maxBodyBytes > 1000) expect((await answerOf(url)).length).toBe('200 '.length + 1_000_000)
      expect(calls()).toBe(1)
    },
  )

  it('answers no site with the pages of another', async () => {
    const { url } = await start((request, response) => void response.send(`http://${request.headers.host}/`))
    const ask = (host: string) =>
      new Promise((resolve, reject) => {
        httpGet(url, { headers: { host } }, (message) => {
          message.setEncoding('utf8').once('data', resolve)
        }).once('error', reject)
      })
    for (const host of ['evil.example', 'good.example', 'evil.example', 'good.example/jobs'])
      expect(await ask(host)).toBe(`http://${host}/`)
  })

  it('tells queries apart that are no text', async () => {
    const { url, calls } = await start((request, response) => void response.send(request.url))
    for (const search of ['?q=%ff', '?q=%fe', '?q=%EF%BF%BD'])
      for (let n = 0; n < 2; n++) expect(await answerOf(url + search)).toBe(`200 /jobs${search}`)
    expect(calls()).toBe(3)
  })
})
