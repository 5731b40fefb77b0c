import { describe, expect, it } from 'vitest'
import { namespace } from '../../src/cache/presets.js'
import { createStash } from '../../src/cache/stash.js'
import { cachedFetch } from '../../src/llm/cached-fetch.js'
import type { CachedFetchOptions } from '../../src/llm/fetch-options.js'
import { createFakeClock } from '../../src/testing/fake-clock.js'
import { ASK, gate, openWorld, post, until } from './llm-world.js'

const ask = ASK['openai-chat']('hello')
const stream = ASK['openai-chat']('hello', true)
const retry = { 'x-stainless-retry-count': '1' }

describe('a failed call', () => {
  it('of 50 callers reaches them all with status, body and headers; their retries share one more call', async () => {
    const { wire, fetch } = await openWorld()
    wire.scripts.push({ status: 500, headers: { 'retry-after': '1', 'x-ratelimit-remaining': '0' } })
    const failures = await Promise.all(Array.from({ length: 50 }, () => post(fetch, wire, ask)))
    expect(new Set(failures.map(({ status }) => status))).toEqual(new Set([500]))
    expect(failures[49]?.headers.get('retry-after')).toBe('1')
    expect(await failures[49]?.text()).toBe(await failures[0]?.text())
    expect(wire.requests).toHaveLength(1)
    const again = await Promise.all(Array.from({ length: 50 }, () => post(fetch, wire, ask, { headers: retry })))
    expect(new Set(again.map(({ status }) => status))).toEqual(new Set([200]))
    expect(wire.requests).toHaveLength(2)
    const late = await post(fetch, wire, ask, { headers: retry })
    expect(await late.text()).toBe(await again[0]?.text())
    expect(wire.requests).toHaveLength(2)
  })

  it('is not joined by a retry while its error body still comes', async () => {
    const { wire, open } = await openWorld()
    const end = gate()
    let calls = 0
    let isRead = false
    const upstream = async () => {
      if (++calls > 1) return Response.json({ choices: [{ finish_reason: 'stop', message: { content: 'fine' } }] })
      const body = new ReadableStream({
        async pull(controller) {
          isRead = true
          await end.passed
          controller.enqueue(new TextEncoder().encode('{"error":{}}'))
          controller.close()
        },
      })
      return new Response(body, { status: 503 })
    }
    const failing = open({ fetch: upstream })
    const first = post(failing, wire, ask)
    await until(() => isRead)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect((await post(failing, wire, ask, { headers: retry })).status).toBe(200)
    end.open()
    expect((await first).status).toBe(503)
    expect(calls).toBe(2)
  })

  it('with a wrong key is not handed to callers with another', async () => {
    const { wire, fetch } = await openWorld()
    wire.scripts.push({ status: 401 })
    const [wrong, right] = await Promise.all([
      post(fetch, wire, ask, { headers: { authorization: 'Bearer wrong' } }),
      post(fetch, wire, ask, { headers: { authorization: 'Bearer right' } }),
    ])
    expect([wrong.status, right.status]).toEqual([401, 200])
    expect(wire.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer wrong', 'Bearer right'])
  })

  it('with a wrong key: those with the right one try again in one call', async () => {
    const { wire, fetch } = await openWorld()
    wire.scripts.push({ status: 429 })
    const as = (key: string) => post(fetch, wire, ask, { headers: { authorization: `Bearer ${key}` } })
    const responses = await Promise.all([as('spent'), ...Array.from({ length: 30 }, () => as('good'))])
    expect(responses.map(({ status }) => status)).toEqual([429, ...Array.from({ length: 30 }, () => 200)])
    expect(wire.requests).toHaveLength(2)
  })

  it('without a body comes without one', async () => {
    const { wire, open } = await openWorld()
    const fetch = open({ fetch: async () => new Response(null, { status: 204 }) })
    const response = await post(fetch, wire, ask)
    expect([response.status, response.body]).toEqual([204, null])
  })

  it('of the network rejects as fetch does, and the next call is made', async () => {
    const { wire, open } = await openWorld()
    let calls = 0
    const fetch = open({
      fetch: async (input, init) => {
        if (++calls === 1) throw new TypeError('fetch failed')
        return globalThis.fetch(input, init)
      },
    })
    await expect(post(fetch, wire, ask)).rejects.toThrow(new TypeError('fetch failed'))
    expect((await post(fetch, wire, ask, { headers: retry })).status).toBe(200)
    expect(fetch.stats().unstored).toEqual({ network: 1 })
  })

  it('that an SDK gave up on after its timeout is not joined by its retry', async () => {
    const { wire, fetch } = await openWorld()
    wire.scripts.push({ holdAfter: { events: 0, until: gate().passed } })
    const [patient, hasty] = [new AbortController(), new AbortController()]
    const waits = post(fetch, wire, stream, { signal: patient.signal })
    const leaves = post(fetch, wire, stream, { signal: hasty.signal })
    await until(() => wire.requests.length === 1)
    hasty.abort(new Error('timeout'))
    await leaves.then((response) => response.text()).catch(() => {})
    const again = await post(fetch, wire, stream, { headers: retry })
    expect(await again.text()).toContain('[DONE]')
    expect(wire.requests).toHaveLength(2)
    patient.abort()
    await waits.then((response) => response.text()).catch(() => {})
  })

  it('a retry never reads what was kept before the attempt it follows', async () => {
    const { wire, fetch } = await openWorld()
    const kept = await (await post(fetch, wire, ask)).text()
    const fresh = await (await post(fetch, wire, ask, { headers: retry })).text()
    expect(fresh).not.toBe(kept)
    expect(wire.requests).toHaveLength(2)
  })
})

describe('stale if error', () => {
  it.each([500, 503, 429])('status %i: yesterday\u2019s answer stands in for a model that is down', async (status) => {
    const { wire, fetch, clock } = await openStale()
    const old = await (await post(fetch, wire, ask)).text()
    await clock.advance(3_600_000)
    wire.scripts.push({ status })
    const stood = await post(fetch, wire, ask)
    expect(stood.status).toBe(200)
    expect(await stood.text()).toBe(old)
    expect(stood.headers.get('cache-status')).toBe('hopstash; hit; ttl=0')
    expect(stood.headers.get('age')).toBe('3600')
    expect(fetch.stats()).toMatchObject({ stale: 1, misses: 2 })
  })

  it('stands in when the network is gone, too, and for streams', async () => {
    const { wire, fetch, clock } = await openStale()
    const old = await (await post(fetch, wire, stream)).text()
    await clock.advance(3_600_000)
    await wire.close()
    expect(await (await post(fetch, wire, stream)).text()).toBe(old)
  })

  it('does not hide what the caller did wrong', async () => {
    const { wire, fetch, clock } = await openStale()
    await (await post(fetch, wire, ask)).text()
    await clock.advance(3_600_000)
    wire.scripts.push({ status: 400 })
    expect((await post(fetch, wire, ask)).status).toBe(400)
  })

  it('ends with its window, and is off where nobody asked for it', async () => {
    for (const [windows, laterMs] of [
      [{ staleIfError: '1h' }, 3_700_000],
      [{}, 61_000],
    ] as const) {
      const { wire, fetch, clock } = await openStale(windows)
      await (await post(fetch, wire, ask)).text()
      await clock.advance(laterMs)
      wire.scripts.push({ status: 503 })
      expect((await post(fetch, wire, ask)).status).toBe(503)
    }
  })

  it('while revalidating, callers get the old answer at once and the next ones the new', async () => {
    const { wire, fetch, clock, answers } = await openStale({ staleWhileRevalidate: '1d' })
    const old = await (await post(fetch, wire, ask)).text()
    await clock.advance(120_000)
    const stale = await Promise.all(Array.from({ length: 5 }, () => post(fetch, wire, ask)))
    for (const response of stale) expect(await response.text()).toBe(old)
    await until(() => answers.stats().inFlight === 0 && wire.requests.length === 2)
    expect(await (await post(fetch, wire, ask)).text()).not.toBe(old)
    expect(wire.requests).toHaveLength(2)
  })
})

async function openStale(windows: CachedFetchOptions = { staleIfError: '1d' }) {
  const { wire } = await openWorld()
  const clock = createFakeClock()
  const stash = createStash({ clock, namespaces: { answers: namespace<unknown, unknown>({ ttl: '1m', jitter: 0 }) } })
  return { wire, fetch: cachedFetch(stash.answers, windows), clock, answers: stash.answers }
}
