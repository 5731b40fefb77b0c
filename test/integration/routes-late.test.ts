import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
// @ts-expect-error An alias of an older major, whose types nobody declares.
import express4 from 'express-4'
import { expect, it } from 'vitest'
import { namespace } from '../../src/cache/presets.js'
import { createStash } from '../../src/cache/stash.js'
import { cacheResponse } from '../../src/integrations/express/cache-response.js'

it.each([
  ['Express 5', express],
  ['Express 4', express4 as typeof express],
])('%s: a handler that outlives its time limit writes to nobody, and ends nothing', async (_name, make) => {
  const stash = createStash({ store: 'memory', namespaces: { slow: namespace<unknown, string>({ hardTimeout: 50 }) } })
  const app = make()
  app.set('env', 'test')
  let late: unknown = 'nothing yet'
  app.get('/slow', cacheResponse({ in: stash.slow }), async (_request, response) => {
    await sleep(200)
    try {
      response.status(200).json({ late: true })
      late = undefined
    } catch (error) {
      late = error
    }
  })
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/slow`)
    expect([answer.status, await answer.text()]).not.toContain('late')
    expect(answer.status).toBe(500)
    await expect.poll(() => late, { timeout: 5000 }).toBeUndefined()
  } finally {
    server.closeAllConnections()
    server.close()
    await stash.close()
  }
})

it.each([
  ['Express 5, at once', express, false],
  ['Express 5, a promise', express, true],
  ['Express 4, at once', express4 as typeof express, false],
])('%s: a handler that throws once it has answered has answered, as without a cache', async (_name, make, isAsync) => {
  const stash = createStash({ store: 'memory' })
  const app = make()
  app.set('env', 'test')
  const answer = (response: { json(body: object): unknown }): never => {
    response.json({ answer: 42 })
    throw new Error('late')
  }
  app.get('/late', cacheResponse({ in: stash.general }), (_request, response) =>
    isAsync ? Promise.resolve().then(() => answer(response)) : answer(response),
  )
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/late`
    for (let n = 0; n < 3; n++) expect(await (await fetch(url)).json()).toEqual({ answer: 42 })
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
