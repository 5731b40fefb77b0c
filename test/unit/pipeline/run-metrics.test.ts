import { describe, expect, it } from 'vitest'
import { defineHop, pipeline, provider } from '../../../src/pipeline/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { httpError, resolveAfter, script, slow } from './support.js'

const NOTHING_USED = { calls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 }
const NO_TIMES = { p50: undefined, p95: undefined, p99: undefined }

describe('the metrics of a pipeline', () => {
  it('are empty before its first run', () => {
    const p = pipeline<unknown>('p')
      .hop('a', { run: () => 1 })
      .assemble(() => 1)
    expect(p.metrics()).toEqual({
      pipeline: 'p',
      runs: {
        total: 0,
        status: { ok: 0, degraded: 0, failed: 0, cancelled: 0, timeout: 0 },
        durationMs: NO_TIMES,
      },
      hops: {
        a: {
          status: { ok: 0, degraded: 0, failed: 0, skipped: 0, cancelled: 0 },
          source: { live: 0, cache: 0, stale: 0, provider: 0, function: 0, default: 0 },
          retries: 0,
          usage: NOTHING_USED,
          durationMs: NO_TIMES,
        },
      },
      upstreams: { a: { breaker: 'closed', active: 0, queued: 0 } },
      usage: NOTHING_USED,
    })
  })

  it('count runs and hops by what they came to', async () => {
    const clock = createFakeClock()
    const retry = { attempts: 2, backoff: 1, jitter: 'none' } as const
    const flaky = script([httpError(500), 1, httpError(500), httpError(500), 1])
    const p = pipeline<boolean>('p', { clock })
      .hop('a', defineHop({ name: 'a', call: flaky.call, retry, fallback: [provider('other', () => 2)] }), {})
      .hop('b', { run: () => 1, when: ({ input }) => input })
      .assemble(() => 1)
    for (const input of [true, true, false]) {
      const run = p.run(input)
      await clock.advance(10)
      await run
    }
    await p.run(true, { signal: AbortSignal.abort() })
    const { runs, hops } = p.metrics()
    expect(runs).toMatchObject({ total: 4, status: { ok: 2, degraded: 1, cancelled: 1 } })
    expect(hops.a).toMatchObject({
      status: { ok: 2, degraded: 1, cancelled: 1 },
      source: { live: 2, provider: 1 },
      retries: 2,
    })
    expect(hops.b).toMatchObject({ status: { ok: 2, skipped: 1, cancelled: 1 }, source: { live: 2 } })
  })

  it('tell how long hops and runs took, not counting what was skipped', async () => {
    const clock = createFakeClock()
    const p = pipeline<boolean>('p', { clock })
      .hop('a', slow(clock, 'a', 100, 1), { when: ({ input }) => input })
      .hop('b', { run: () => resolveAfter(clock, 20, 1) })
      .assemble(() => 1)
    for (const input of [true, false, false, false]) {
      const run = p.run(input)
      await clock.advance(100)
      await run
    }
    const { runs, hops } = p.metrics()
    const near = (ms: number | undefined, of: number) => expect(Math.abs((ms ?? 0) / of - 1)).toBeLessThan(0.05)
    near(hops.a.durationMs.p50, 100)
    near(hops.b.durationMs.p99, 20)
    near(runs.durationMs.p50, 20)
    near(runs.durationMs.p99, 100)
  })

  it('add up what calls used, hop by hop and together', async () => {
    const p = pipeline<number>('p')
      .hop('a', { run: ({ input }) => input, usage: (input) => ({ inputTokens: input, costUsd: 0.5 }) })
      .hop('b', { run: (_, { usage }) => usage.add({ calls: 2, outputTokens: 7 }) })
      .hop('c', { run: () => 1 })
      .assemble(() => 1)
    for (const input of [10, 20]) await p.run(input)
    const { hops, usage } = p.metrics()
    expect(hops.a.usage).toEqual({ calls: 2, inputTokens: 30, outputTokens: 0, costUsd: 1 })
    expect(hops.b.usage).toEqual({ calls: 4, inputTokens: 0, outputTokens: 14, costUsd: 0 })
    expect(hops.c.usage).toEqual(NOTHING_USED)
    expect(usage).toEqual({ calls: 6, inputTokens: 30, outputTokens: 14, costUsd: 1 })
  })

  it('tell how those who are called do now', async () => {
    const clock = createFakeClock()
    const call = () => resolveAfter(clock, 10, 1)
    const down = defineHop({
      name: 'b',
      breaker: { consecutiveFailures: 1 },
      call: () => Promise.reject(httpError(500)),
      fallback: [provider('c', () => 1)],
    })
    const p = pipeline<unknown>('p', { clock })
      .hop('a', defineHop({ name: 'a', upstream: 'shared', concurrency: 1, call }), {})
      .hop('b', down, {})
      .assemble(() => 1)
    const runs = [p.run(1), p.run(1)]
    await clock.settle()
    expect(p.metrics().upstreams).toEqual({
      shared: { breaker: 'closed', active: 1, queued: 1 },
      b: { breaker: 'open', active: 0, queued: 0 },
      c: { breaker: 'closed', active: 0, queued: 0 },
    })
    await clock.advance(100)
    await Promise.all(runs)
    expect(p.metrics().upstreams.shared).toMatchObject({ active: 0, queued: 0 })
  })

  it('are a copy that later runs do not change', async () => {
    const p = pipeline<unknown>('p')
      .hop('a', { run: () => 1 })
      .assemble(() => 1)
    const before = p.metrics()
    await p.run(1)
    expect([before.runs.total, before.hops.a.status.ok]).toEqual([0, 0])
    expect([p.metrics().runs.total, p.metrics().hops.a.status.ok]).toEqual([1, 1])
  })
})
