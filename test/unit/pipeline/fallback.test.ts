import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { replayMiss } from '../../../src/errors/load-error.js'
import { defineHop, pipeline, provider, staleFor } from '../../../src/pipeline/index.js'
import { createFakeClock, type FakeClock } from '../../../src/testing/fake-clock.js'
import { fakeRecords } from './fake-records.js'
import { deaf, httpError, script } from './support.js'

const down = <T>(): Promise<T> => Promise.reject(httpError(503))

function single(clock: FakeClock, fallback: readonly unknown[], more: object = {}) {
  const hop = defineHop({ name: 'a', call: down<unknown>, fallback, timeout: '1s', ...more })
  return pipeline<unknown>('p', { clock })
    .hop('a', hop, {})
    .assemble(({ a }) => a)
}

describe('a fallback', () => {
  it('gives a value, degraded, with its source and the reason kept', async () => {
    const run = await single(createFakeClock(), [{ skills: [] }]).run(1)
    expect(run).toMatchObject({ status: 'degraded', output: { skills: [] } })
    expect(run.report.hops.a).toMatchObject({ status: 'degraded', source: 'default', reason: 'error' })
    expect(run.report.degraded).toEqual(['a'])
  })

  it('gives each run a value of its own', async () => {
    const given = { skills: ['x'] }
    const p = single(createFakeClock(), [given])
    given.skills.push('changed by the caller')
    const first = (await p.run(1)).output as typeof given
    first.skills.push('changed by a run')
    expect((await p.run(1)).output).toEqual({ skills: ['x'] })
  })

  it('may be a value that holds itself', async () => {
    const given: { list: unknown[]; self?: unknown } = { list: [] }
    given.self = given
    given.list.push(given.list, given)
    const p = single(createFakeClock(), [given])
    const output = (await p.run(1)).output as typeof given
    expect(output).not.toBe(given)
    expect([output.self, output.list[0], output.list[1]]).toEqual([output, output.list, output])
    expect((await p.run(1)).output).not.toBe(output)
  })

  it('may be a function, which sees why', async () => {
    const p = single(createFakeClock(), [
      ({ input, reason, error }: { input: unknown; reason: string; error: { status: number } }) => [
        input,
        reason,
        error.status,
      ],
    ])
    const run = await p.run('in')
    expect(run.output).toEqual(['in', 'error', 503])
    expect(run.report.hops.a?.source).toBe('function')
  })

  it('is followed by the next one when it throws, rejects or does not settle', async () => {
    const clock = createFakeClock()
    const throws = () => {
      throw new Error('no')
    }
    const run = single(clock, [throws, () => Promise.reject(new Error('no')), deaf, 'last']).run(1)
    await clock.advance(1000)
    expect(await run).toMatchObject({ output: 'last' })
    expect(clock.pendingTimers()).toBe(0)
  })

  it('is not asked where a recording is missing: nothing goes out, and nothing hides it', async () => {
    const missing = fakeRecords(createFakeClock())
    const records = { ...missing.records(''), load: () => Promise.reject(replayMiss('general', undefined, undefined)) }
    const calls: string[] = []
    const p = pipeline('p')
      .hop('a', {
        run: async (): Promise<unknown> => calls.push('live'),
        cache: { in: { ...missing, records: () => records as never }, key: () => 'k' },
        fallback: [
          provider('other', async () => calls.push('another provider')),
          () => calls.push('function'),
          'value',
        ],
      })
      .assemble(({ a }) => a)
    const run = await p.run(1)
    expect(run.status).toBe('failed')
    expect(run.report.hops.a).toMatchObject({ status: 'failed', error: { code: 'ERR_REPLAY_MISS' } })
    expect(calls).toEqual([])
  })

  it('that fails to the end leaves the hop failed for its first reason', async () => {
    const run = await single(createFakeClock(), [() => Promise.reject(new Error('other'))]).run(1)
    expect(run.report.hops.a).toMatchObject({ status: 'failed', reason: 'error', error: { status: 503 } })
  })

  it('may be another provider, whose answer passes the contract and is named', async () => {
    const other = script([{ text: 'azure' }])
    const p = single(createFakeClock(), [provider('azure', other.call as never)], {
      output: z.object({ text: z.string() }),
    })
    const run = await p.run('in')
    expect(run.output).toEqual({ text: 'azure' })
    expect(other.seen[0]?.input).toBe('in')
    expect(run.report.hops.a).toMatchObject({
      status: 'degraded',
      source: 'provider:azure',
      attempts: [
        { n: 1, provider: null, outcome: 'error' },
        { n: 1, provider: 'azure', outcome: 'ok' },
      ],
    })
  })

  it('asks a provider once, within the attempt timeout, and reports each that failed', async () => {
    const clock = createFakeClock()
    const garbled = script([{ wrong: 1 }])
    const p = single(clock, [provider('slow', deaf), provider('garbled', garbled.call as never), 'last'], {
      output: z.object({ text: z.string() }).or(z.string()),
      retry: { attempts: 3, backoff: 0 },
    })
    const run = p.run(1)
    await clock.advance(1000)
    const { report, output } = await run
    expect(output).toBe('last')
    expect(garbled.seen).toHaveLength(1)
    const others = report.hops.a?.attempts.filter((attempt) => attempt.provider !== null)
    expect(others).toMatchObject([
      { provider: 'slow', outcome: 'timeout' },
      { provider: 'garbled', code: 'ERR_CONTRACT' },
    ])
  })

  it('is not tried for a caller who has left', async () => {
    const clock = createFakeClock()
    const controller = new AbortController()
    let called = false
    const hop = defineHop({ name: 'a', call: deaf<boolean>, fallback: [() => (called = true)] })
    const p = pipeline<unknown>('p', { clock })
      .hop('a', hop, {})
      .assemble(() => 1)
    const run = p.run(1, { signal: controller.signal })
    controller.abort()
    expect((await run).status).toBe('cancelled')
    expect(called).toBe(false)
  })

  it('is told to stop when the run ends first', async () => {
    const clock = createFakeClock()
    let stopped = false
    const fallback = ({ signal }: { signal: AbortSignal }) => {
      signal.addEventListener('abort', () => (stopped = true))
      return deaf()
    }
    const controller = new AbortController()
    const run = single(clock, [fallback]).run(1, { signal: controller.signal })
    await clock.settle()
    controller.abort()
    expect((await run).status).toBe('cancelled')
    expect(stopped).toBe(true)
    expect(clock.pendingTimers()).toBe(0)
  })
})

describe('what is made from a degraded value', () => {
  it('is known to dependents, and tainted through any number of hops', async () => {
    const p = pipeline<unknown>('p')
      .hop('a', { run: down<number>, fallback: [0] })
      .hop('b', { needs: ['a'], run: ({ a }) => a + 1 })
      .hop('c', { needs: ['b'], run: ({ b }) => b + 1 })
      .hop('other', { run: () => 1 })
      .assemble(({ c }) => c)
    const { report, output } = await p.run(1)
    expect(output).toBe(2)
    expect(report.hops.b).toMatchObject({ status: 'ok', tainted: true })
    expect(report.hops.c).toMatchObject({ status: 'ok', tainted: true })
    expect(report.hops.other).toMatchObject({ status: 'ok', tainted: false })
  })

  it('can be told from a fresh one by the wiring', async () => {
    const echo = defineHop({ name: 'echo', call: ({ input }: { input: unknown }) => input })
    const p = pipeline<unknown>('p')
      .hop('a', { run: down<number>, fallback: [0] })
      .hop('b', echo, { needs: ['a'], input: ({ a }, { status, source, reason }) => [a, status.a, source.a, reason.a] })
      .assemble(({ b }) => b)
    expect((await p.run(1)).output).toEqual([0, 'degraded', 'default', 'error'])
  })

  it('is not cached, through any number of levels', async () => {
    const clock = createFakeClock()
    const records = fakeRecords(clock)
    let up = false
    let calls = 0
    const p = pipeline<unknown>('p', { clock })
      .hop('a', { run: async () => (up ? 1 : Promise.reject(httpError(503))), fallback: [0] })
      .hop('b', { needs: ['a'], run: ({ a }) => a + 1 })
      .hop('c', {
        needs: ['b'],
        run: ({ b }) => [calls++, b + 1][1] as number,
        cache: { in: records, key: () => 'same' },
      })
      .assemble(({ c }) => c)
    expect((await p.run(1)).output).toBe(2)
    expect(records.stored).toEqual([])
    up = true
    expect((await p.run(1)).output).toBe(3)
    expect(records.stored).toEqual([{ raw: 3, tainted: false }])
    expect((await p.run(1)).output).toBe(3)
    expect(calls).toBe(2)
  })
})

describe('staleFor', () => {
  const setUp = () => {
    const clock = createFakeClock()
    const records = fakeRecords(clock)
    const played = script([{ text: 'good' }, httpError(500)])
    const hop = defineHop({
      name: 'a',
      output: z.object({ text: z.string() }),
      call: played.call,
      cache: { in: records, ttl: '1m' },
      fallback: [staleFor('1d'), { text: 'default' }],
    })
    const p = pipeline<unknown>('p', { clock })
      .hop('a', hop, {})
      .assemble(({ a }) => a)
    return { clock, records, p, played }
  }

  it('serves the last good value of the cache, degraded, with its age', async () => {
    const { clock, p } = setUp()
    await p.run('in')
    await clock.advance(120_000)
    const run = await p.run('in')
    expect(run).toMatchObject({ status: 'degraded', output: { text: 'good' } })
    expect(run.report.hops.a).toMatchObject({
      source: 'stale',
      reason: 'error',
      cache: { status: 'stale', ageMs: 120_000 },
    })
  })

  it('goes on to the next step when the value is too old, or of another input', async () => {
    const { clock, p } = setUp()
    await p.run('in')
    expect((await p.run('other')).output).toEqual({ text: 'default' })
    await clock.advance(60_000 + 86_400_001)
    expect((await p.run('in')).output).toEqual({ text: 'default' })
  })

  it('passes the value through the contract again', async () => {
    const { clock, p, records } = setUp()
    await p.run('in')
    for (const [id, entry] of records.entries)
      records.entries.set(id, { ...entry, value: { raw: { text: 7 }, tainted: false } })
    await clock.advance(120_000)
    expect((await p.run('in')).report.hops.a).toMatchObject({ source: 'default', cache: { status: 'miss' } })
  })

  it('is refused without a cache', () => {
    const fallback = [staleFor('1d')] as unknown[]
    expect(() => defineHop({ name: 'a', call: deaf, fallback: fallback as never[] })).toThrow(
      'A stale value comes from the hop cache.',
    )
  })

  it('does not hold the run when the store does not answer', async () => {
    const clock = createFakeClock()
    const stuck = {
      name: 'stuck',
      records: () => ({ load: down, stale: deaf, hit: () => undefined, hitOf: () => () => undefined }),
    }
    const hop = defineHop({
      name: 'a',
      call: down<string>,
      timeout: '1s',
      cache: { in: stuck },
      fallback: [staleFor('1d'), 'x'],
    })
    const p = pipeline<unknown>('p', { clock })
      .hop('a', hop, {})
      .assemble(({ a }) => a)
    const run = p.run('in')
    await clock.advance(1000)
    expect((await run).output).toBe('x')
    expect(clock.pendingTimers()).toBe(0)
  })
})
