import { describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../../src/index.js'
import { defineHop, pipeline, provider } from '../../../src/pipeline/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { fakeRecords } from './fake-records.js'
import { deaf, httpError, resolveAfter } from './support.js'

const fail = (): never => {
  throw httpError(404)
}

describe('queueMs of a report', () => {
  it('is how long a hop waited in line, also where it was cut there', async () => {
    const clock = createFakeClock()
    const p = pipeline<unknown>('p', { clock })
      .hop('a', { concurrency: 1, run: () => resolveAfter(clock, 20_000, 1) })
      .assemble(({ a }) => a)
    const first = p.run(1)
    const cut = p.run(1, { deadline: '5s' })
    await clock.advance(20_000)
    expect((await cut).report.hops.a).toMatchObject({
      reason: 'deadline',
      queueMs: 4800,
      durationMs: 4800,
      attempts: [],
    })
    expect((await first).report.hops.a.queueMs).toBe(0)
  })

  it('counts the line of every other provider that was asked', async () => {
    const clock = createFakeClock()
    const busy = (name: string) => provider(name, () => resolveAfter(clock, 1000, 'x').then(fail))
    const p = pipeline<unknown>('p', { clock, defaults: { concurrency: 1, timeout: '1m' } })
      .hop('a', { run: fail, fallback: [busy('one'), busy('two'), 'last' as never] })
      .assemble(({ a }) => a)
    const runs = [p.run(1), p.run(1)]
    await clock.advance(5000)
    const [first, second] = await Promise.all(runs)
    expect(first?.report.hops.a).toMatchObject({ source: 'default', queueMs: 0, durationMs: 2000 })
    expect(second?.report.hops.a).toMatchObject({ source: 'default', queueMs: 1000, durationMs: 3000 })
    expect(second?.report.hops.a.attempts.map(({ provider: name }) => name)).toEqual([null, 'one', 'two'])
  })

  it('says nothing of a refresh that goes on behind an answer', async () => {
    const clock = createFakeClock()
    const kept = namespace({ ttl: '1m', jitter: 0, staleWhileRevalidate: '1h' })
    const stash = createStash({ store: 'memory', clock, namespaces: { kept } })
    const hop = defineHop({
      name: 'a',
      concurrency: 1,
      cache: { in: stash.kept },
      call: ({ input }: { input: number }) => resolveAfter(clock, 5000, input),
    })
    const p = pipeline<number>('p', { clock })
      .hop('a', hop, {})
      .assemble(({ a }) => a)
    const first = p.run(1)
    await clock.advance(5000)
    await first
    await clock.advance(120_000)
    const other = p.run(2)
    const stale = await p.run(1)
    await clock.advance(20_000)
    await other
    expect(stale.report.hops.a).toMatchObject({ source: 'stale', queueMs: 0, durationMs: 0, attempts: [] })
    await stash.close()
  })
})

describe('degraded of a report', () => {
  const begun = (clock = createFakeClock()) =>
    pipeline<unknown>('p', { clock, deadline: '1s' })
      .hop('substitute', { run: fail, fallback: [1 as never] })
      .hop('optional', { optional: true, run: fail })

  it('names what a failed run had a substitute for, and not what failed it', async () => {
    const p = begun()
      .hop('required', { run: fail })
      .assemble(() => 1)
    expect((await p.run(1)).report).toMatchObject({ status: 'failed', degraded: ['substitute', 'optional'] })
  })

  it('does not name the hop that used up the deadline of a run', async () => {
    const clock = createFakeClock()
    const p = begun(clock)
      .hop('required', { run: deaf })
      .assemble(() => 1)
    const run = p.run(1)
    await clock.advance(1000)
    expect((await run).report).toMatchObject({
      status: 'timeout',
      degraded: ['substitute', 'optional'],
      error: { hop: 'required', reason: 'deadline' },
    })
  })
})

describe('attempts of a report', () => {
  it('that were cut by the deadline timed out, with a cache and without', async () => {
    for (const cached of [false, true]) {
      const clock = createFakeClock()
      const cache = cached ? { in: fakeRecords(clock) } : undefined
      const p = pipeline<unknown>('p', { clock, deadline: '1s' })
        .hop('a', { cache, run: deaf, fallback: ['last'] })
        .assemble(({ a }) => a)
      const run = p.run(1)
      await clock.advance(1000)
      expect((await run).report.hops.a).toMatchObject({ reason: 'deadline', attempts: [{ outcome: 'timeout' }] })
    }
  })

  it('end no later than their hop, on a clock that goes on while a run is cancelled', async () => {
    const fake = createFakeClock()
    let read = 0
    const clock = { ...fake, now: () => fake.now() + read++ }
    const controller = new AbortController()
    const p = pipeline<unknown>('p', { clock })
      .hop('a', { run: deaf })
      .assemble(({ a }) => a)
    const run = p.run(1, { signal: controller.signal })
    controller.abort()
    const { startMs, durationMs, attempts } = (await run).report.hops.a
    expect(attempts).toHaveLength(1)
    for (const attempt of attempts) {
      expect(attempt.startMs + attempt.durationMs).toBeLessThanOrEqual((startMs ?? 0) + durationMs)
    }
  })
})
