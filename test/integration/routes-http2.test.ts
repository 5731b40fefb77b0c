import { type ClientHttp2Session, connect, createServer, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { adminHandler } from '../../src/admin/handler.js'
import { nodeHandler } from '../../src/admin/node.js'
import { createStash } from '../../src/cache/stash.js'
import { cachedRoute } from '../../src/routes/cached-route.js'

type Listener = Parameters<ReturnType<typeof cachedRoute>>

let server: Http2Server | undefined
let client: ClientHttp2Session | undefined
afterEach(() => {
  client?.destroy()
  server?.close()
})

/** Serves over HTTP/2; the objects of its compatibility layer are what a host has to hand on. */
async function open(listener: (request: Listener[0], response: Listener[1]) => void): Promise<typeof ask> {
  server = createServer((request, response) => listener(request as never, response as never))
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return ask
}

function ask(
  headers: Record<string, string>,
  body?: string,
): Promise<{ headers: Record<string, unknown>; text: string }> {
  const stream = (client as ClientHttp2Session).request(headers, { endStream: body === undefined })
  if (body !== undefined) stream.end(body)
  return new Promise((resolve, reject) => {
    let text = ''
    let head: Record<string, unknown> = {}
    stream.setEncoding('utf8')
    stream.on('response', (fields) => {
      head = fields
    })
    stream.on('data', (chunk) => {
      text += chunk
    })
    stream.on('end', () => resolve({ headers: head, text }))
    stream.on('error', reject)
  })
}

it('caches routes over HTTP/2', async () => {
  const route = cachedRoute({ in: createStash({ store: 'memory' }).jobFeed })
  let calls = 0
  const get = await open((request, response) => {
    route(request, response, () => {
      response.setHeader('content-type', 'text/plain')
      response.end(`call ${++calls}`)
    })
  })
  const [first, again] = [await get({ ':path': '/a' }), await get({ ':path': '/a' })]
  expect([first.text, again.text, calls]).toEqual(['call 1', 'call 1', 1])
  expect(again.headers).toMatchObject({ ':status': 200, 'content-type': 'text/plain', age: '0' })
  const { etag } = again.headers as { etag: string }
  expect((await get({ ':path': '/a', 'if-none-match': etag })).headers[':status']).toBe(304)
  expect((await get({ ':path': '/a', ':method': 'HEAD' })).headers[':status']).toBe(200)
  expect((await get({ ':path': '/a', ':authority': 'other.example' })).text).toBe('call 2')
  expect((await get({ ':path': '/a' }, 'a body')).headers['cache-status']).toContain('body')
})

it('reads the body of a change over HTTP/2, which no field tells of', async () => {
  const stash = createStash({ store: 'memory' })
  await stash.job.set('j1', 1)
  const post = await open(nodeHandler(adminHandler(stash, { authorize: () => true })))
  const headers = { ':method': 'POST', ':path': '/clear', 'content-type': 'application/json' }
  expect((await post(headers, '{"cache_type":"template"}')).headers[':status']).toBe(200)
  expect(stash.job.peek('j1')).toBe(1)
  const origin = `http://127.0.0.1:${((server as Http2Server).address() as AddressInfo).port}`
  expect((await post({ ':method': 'POST', ':path': '/clear', origin })).headers[':status']).toBe(200)
  expect(stash.job.peek('j1')).toBeUndefined()
})
