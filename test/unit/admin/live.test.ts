import { channel } from 'node:diagnostics_channel'
import { expect, it } from 'vitest'
import { adminHandler } from '../../../src/admin/handler.js'
import { createStash } from '../../../src/cache/stash.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const headers = { authorization: 'Bearer a-long-secret-token' }

function setUp() {
  const clock = createFakeClock()
  const stash = createStash({ store: 'memory' })
  const handler = adminHandler(stash, { token: 'a-long-secret-token', clock })
  const open = (signal?: AbortSignal) =>
    handler(new Request('http://localhost/live', { headers, ...(signal !== undefined && { signal }) }))
  return { clock, stash, open }
}

async function pictureFrom(reader: ReadableStreamDefaultReader<Uint8Array>) {
  const { value } = await reader.read()
  const text = new TextDecoder().decode(value)
  expect(text).toMatch(/^data: .*\n\n$/)
  return JSON.parse(text.slice('data: '.length))
}

it('sends the whole picture at once and every second, with the keys read meanwhile', async () => {
  const { clock, stash, open } = setUp()
  const response = await open()
  expect(response.headers.get('content-type')).toMatch('text/event-stream')
  expect(response.headers.get('cache-control')).toBe('no-store, no-transform')
  const reader = response.body!.getReader()
  expect((await pictureFrom(reader)).stats.totals.hits).toBe(0)
  await stash.job.getOrSet('secret-key', () => 1)
  await stash.job.getOrSet('secret-key', () => 1)
  await clock.advance(1000)
  const second = await pictureFrom(reader)
  expect(second.stats.totals.hits).toBe(1)
  expect(second.top_keys).toMatchObject([{ namespace: 'job', reads: 2, hits: 1 }])
  expect(JSON.stringify(second)).not.toContain('secret-key')
  await reader.cancel()
})

it('leaves nothing behind when its reader leaves, however it does', async () => {
  const { clock, open } = setUp()
  const controller = new AbortController()
  const aborted = await open(controller.signal)
  const cancelled = await open()
  const expired = await open()
  expect(channel('hopstash:cache').hasSubscribers).toBe(true)
  controller.abort()
  await cancelled.body!.cancel()
  const reader = expired.body!.getReader()
  await reader.read()
  await clock.advance(11 * 60_000)
  for (let isOpen = true; isOpen; ) isOpen = !(await reader.read()).done
  expect(channel('hopstash:cache').hasSubscribers).toBe(false)
  expect(clock.pendingTimers()).toBe(0)
  await aborted.body!.cancel()
})

it('keeps nothing for a reader that does not read', async () => {
  const { clock, open } = setUp()
  const response = await open()
  await clock.advance(60_000)
  const reader = response.body!.getReader()
  const { value } = await reader.read()
  expect(value).toBeDefined()
  const next = reader.read()
  await clock.advance(1000)
  const late = JSON.parse(new TextDecoder().decode((await next).value).slice('data: '.length))
  expect(Date.parse(late.at)).toBeGreaterThan(0)
  await reader.cancel()
})

it('has a bound of streams, and takes new ones when others end', async () => {
  const { open } = setUp()
  const responses = await Promise.all(Array.from({ length: 16 }, () => open()))
  expect((await open()).status).toBe(503)
  await responses[0]!.body!.cancel()
  const again = await open()
  expect(again.status).toBe(200)
  for (const response of [...responses.slice(1), again]) await response.body!.cancel()
})
