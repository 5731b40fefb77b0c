import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { expect, it } from 'vitest'
import { createStash } from '../../src/cache/stash.js'
import { cacheResponse } from '../../src/integrations/express/cache-response.js'

const REQUESTS = process.env.SCALE === 'full' ? 100_000 : 2000
const PAGES = 20

it(`never mixes two users up in ${REQUESTS} requests, of whom some leave, in whatever order`, async () => {
  const stash = createStash({ store: 'memory' })
  const app = express()
  let calls = 0
  const route = cacheResponse({ in: stash.jobFeed, ttl: 300, staleWhileRevalidate: 300, vary: ['authorization'] })
  app.get('/page', route, (request, response) => {
    const call = ++calls
    const user = request.headers.authorization
    const answer = (): void => {
      if (call % 50 === 0) response.status(500)
      else if (call % 17 === 0) response.cookie('user', user as string)
      response.json({ user, n: request.query.n })
    }
    if (call % 3 === 0) answer()
    else setTimeout(answer, call % 7)
  })
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 100 })
  const wrong: string[] = []
  let answered = 0
  let next = 0

  const ask = (n: number): Promise<void> => {
    const user = n % 2 === 0 ? 'alice' : 'bob'
    const page = String((n * 7) % PAGES)
    return new Promise((resolve) => {
      const path = `/page?n=${page}`
      const client = get({ port, host: '127.0.0.1', path, agent, headers: { authorization: user } }, (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (text) => (body += text))
        response.on('end', () => {
          answered++
          const cookies = response.headers['set-cookie'] ?? []
          const isRight = body === JSON.stringify({ user, n: page })
          if (!isRight || cookies.some((cookie) => !cookie.includes(user))) wrong.push(`${user} ${page}: ${body}`)
        })
        response.on('close', resolve)
      })
      client.on('error', () => resolve())
      if (n % 11 === 0) setTimeout(() => client.destroy(), n % 5)
    })
  }
  const worker = async (): Promise<void> => {
    while (next < REQUESTS) await ask(next++)
  }
  await Promise.all(Array.from({ length: 50 }, worker))

  expect(wrong).toEqual([])
  expect(answered).toBeGreaterThan(REQUESTS * 0.85)
  expect(calls).toBeLessThan(answered)
  agent.destroy()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}, 600_000)

it('calls the handler once for 1,000 who ask at once for what has expired, though half of them leave', async () => {
  const stash = createStash({ store: 'memory' })
  const app = express()
  let calls = 0
  let release = (): void => {}
  app.get('/page', cacheResponse({ in: stash.jobFeed, ttl: 50 }), (_request, response) => {
    calls++
    if (calls === 1) response.send('first')
    else release = () => response.send('second')
  })
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/page`
  expect(await (await fetch(url)).text()).toBe('first')
  await new Promise((resolve) => setTimeout(resolve, 80))
  let arrived = 0
  server.on('request', () => arrived++)
  const leave = new AbortController()
  const all = Array.from({ length: 1000 }, (_, n) =>
    fetch(url, n % 2 === 0 ? { signal: leave.signal } : {}).then((response) => response.text()),
  )
  const settled = Promise.allSettled(all)
  while (arrived < 1000) await new Promise((resolve) => setTimeout(resolve, 10))
  leave.abort()
  await new Promise((resolve) => setTimeout(resolve, 50))
  release()
  const outcomes = await settled
  const bodies = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  expect([bodies.length, new Set(bodies), calls]).toEqual([500, new Set(['second']), 2])
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})
