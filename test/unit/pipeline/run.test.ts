import { describe, expect, it } from 'vitest'
import { defineHop, fromGraph, pipeline } from '../../../src/pipeline/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { deaf, failAfter, httpError, resolveAfter, slow } from './support.js'

const identity = ({ input }: { input: unknown }): unknown => input

describe('scheduling', () => {
  it('starts a hop when its own needs are ready, so that a run takes its critical path', async () => {
    const clock = createFakeClock()
    const hop = (name: string, ms: number) => slow(clock, name, ms, name)
    const none = { input: identity }
    const p = pipeline<unknown>('diamond', { clock })
      .hop('a', hop('a', 20), none)
      .hop('b', hop('b', 20), { needs: ['a'], ...none })
      .hop('c', hop('c', 100), { needs: ['a'], ...none })
      .hop('d', hop('d', 100), { needs: ['b'], ...none })
      .hop('e', hop('e', 20), { needs: ['b', 'c'], ...none })
      .hop('z', hop('z', 20), { needs: ['d', 'e'], ...none })
      .assemble(({ z }) => z)
    const run = p.run(undefined)
    await clock.advance(160)
    const { report } = await run
    // In waves, each as long as its slowest, it would be 20 + 100 + 100 + 20.
    expect(report.durationMs).toBe(160)
    expect(report.criticalPath).toEqual(['a', 'b', 'd', 'z'])
  })

  it('does not let a slow sibling hold up a chain', async () => {
    const clock = createFakeClock()
    const p = pipeline<unknown>('waves', { clock })
      .hop('fast', slow(clock, 'fast', 20, 1), { input: identity })
      .hop('slow', slow(clock, 'slow', 100, 1), { input: identity })
      .hop('afterFast', slow(clock, 'afterFast', 100, 1), { needs: ['fast'], input: identity })
      .hop('afterSlow', slow(clock, 'afterSlow', 20, 1), { needs: ['slow'], input: identity })
      .assemble(() => 'done')
    const run = p.run(undefined)
    await clock.advance(120)
    expect((await run).report.durationMs).toBe(120)
  })

  it('runs 10,000 synchronous hops in a chain without filling the stack', async () => {
    const one = defineHop({ name: 'one', call: () => 1 })
    const graph = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, i) => [`h${i}`, { hop: one, needs: i === 0 ? [] : [`h${i - 1}`] }]),
    )
    const run = await fromGraph('long', graph).run(undefined)
    expect(run.status).toBe('ok')
  })

  it('hands a hop the values of its needs and nothing else', async () => {
    const seen: unknown[] = []
    const p = pipeline<{ n: number }>('needs')
      .hop('a', { run: () => 1 })
      .hop('b', { run: () => 2 })
      .hop('c', { needs: ['b'], run: (values) => seen.push(values) })
      .assemble(({ a, b }) => a + b)
    const run = await p.run({ n: 7 })
    expect(seen).toEqual([{ input: { n: 7 }, b: 2 }])
    expect(run.output).toBe(3)
  })

  it('accepts a pipeline without hops', async () => {
    expect(
      await pipeline<number>('empty')
        .assemble(({ input }) => input + 1)
        .run(1),
    ).toMatchObject({ status: 'ok', output: 2 })
  })
})

describe('a failing hop', () => {
  const broken = defineHop({ name: 'broken', call: () => Promise.reject(httpError(500)) })

  it('fails the run when it is required, after its independent siblings have finished', async () => {
    const clock = createFakeClock()
    const p = pipeline<unknown>('p', { clock })
      .hop('broken', broken, { input: identity })
      .hop('sibling', slow(clock, 'sibling', 50, 'fine'), { input: identity })
      .hop('child', slow(clock, 'child', 50, 'fine'), { needs: ['broken'], input: identity })
      .assemble(() => 'output')
    const run = p.run(undefined)
    await clock.advance(50)
    const result = await run
    expect(result.status).toBe('failed')
    expect(result.output).toBeUndefined()
    expect(result.error).toMatchObject({ code: 'ERR_HOP_FAILED', context: { hop: 'broken', reason: 'error' } })
    expect(result.report.hops.broken).toMatchObject({ status: 'failed', reason: 'error', source: null })
    expect(result.report.hops.sibling).toMatchObject({ status: 'ok', source: 'live' })
    expect(result.report.hops.child).toMatchObject({ status: 'skipped', reason: 'upstream_failed', startMs: 0 })
  })

  it('only degrades the run when it is optional, and its dependents see undefined', async () => {
    const p = pipeline<unknown>('p')
      .hop('broken', broken, { optional: true, input: identity })
      .hop('child', { needs: ['broken'], run: ({ broken: value }) => [value] })
      .assemble(({ child }) => child)
    const run = await p.run(undefined)
    expect(run).toMatchObject({ status: 'degraded', output: [undefined] })
    expect(run.report.degraded).toEqual(['broken'])
    expect(run.report.hops.child).toMatchObject({ status: 'ok', tainted: true })
  })

  it('cancels what still runs with failFast', async () => {
    const clock = createFakeClock()
    let aborted: unknown
    const p = pipeline<unknown>('p', { clock, failFast: true })
      .hop('broken', defineHop({ name: 'broken', call: () => failAfter(clock, 10, httpError(500)) }), {
        input: identity,
      })
      .hop('sibling', {
        run: (_, { signal }) => {
          signal.addEventListener('abort', () => (aborted = true))
          return deaf()
        },
      })
      .assemble(() => 'output')
    const run = p.run(undefined)
    await clock.advance(10)
    const result = await run
    expect(result.status).toBe('failed')
    expect(result.report.durationMs).toBe(10)
    expect(result.report.hops.sibling).toMatchObject({ status: 'cancelled', reason: 'sibling_failed' })
    expect(aborted).toBe(true)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('is reported without the text of its error', async () => {
    const p = pipeline<unknown>('p')
      .hop('broken', broken, { input: identity })
      .assemble(() => 1)
    const { report, error } = await p.run(undefined)
    expect(report.hops.broken?.error).toEqual({ name: 'Error', code: null, status: 500, retryable: true })
    expect(JSON.stringify(report)).not.toContain('secret')
    expect(error?.message).not.toContain('secret')
  })

  it('fails when its own input function throws', async () => {
    const p = pipeline<unknown>('p')
      .hop('a', broken, {
        input: () => {
          throw new Error('bug')
        },
      })
      .assemble(() => 1)
    expect((await p.run(undefined)).report.hops.a).toMatchObject({ status: 'failed', reason: 'error', attempts: [] })
  })
})

describe('a hop that is left out', () => {
  const answer = defineHop({ name: 'answer', call: () => 42 })

  it.each(['when', 'input'] as const)('fails when its own %s is asynchronous: a promise is no answer', async (part) => {
    const clock = createFakeClock()
    let calls = 0
    const hop = defineHop({ name: 'a', call: () => ++calls })
    const wiring = { input: identity, [part]: async () => false }
    const p = pipeline<unknown>('p', { clock })
      .hop('a', hop, wiring as never)
      .assemble(() => 1)
    const { report } = await p.run(undefined)
    expect([report.hops.a?.status, report.hops.a?.reason, calls]).toEqual(['failed', 'error', 0])
  })

  it('is skipped when its condition is false, and the run stays ok', async () => {
    const p = pipeline<{ on: boolean }>('p')
      .hop('jobs', answer, { when: ({ input }) => input.on, input: identity })
      .hop('next', { needs: ['jobs'], run: ({ jobs }) => jobs ?? 'none' })
      .assemble(({ jobs, next }) => ({ next, ...(jobs !== undefined && { jobs }) }))
    const off = await p.run({ on: false })
    expect(off).toMatchObject({ status: 'ok', output: { next: 'none' } })
    expect(off.report.hops.jobs).toMatchObject({ status: 'skipped', reason: 'condition_false', tainted: false })
    expect(off.report.hops.next?.tainted).toBe(false)
    expect((await p.run({ on: true })).output).toEqual({ next: 42, jobs: 42 })
  })

  it('is skipped with reason disabled when it is switched off', async () => {
    const p = pipeline<unknown>('p')
      .hop('a', answer, { enabled: false, input: identity })
      .assemble(({ a }) => a)
    const run = await p.run(undefined)
    expect(run).toMatchObject({ status: 'ok', output: undefined })
    expect(run.report.hops.a).toMatchObject({ status: 'skipped', reason: 'disabled' })
  })
})

describe('the deadline of a run', () => {
  it('ends a deaf hop without a fallback, and the run with status timeout', async () => {
    const clock = createFakeClock()
    const p = pipeline<unknown>('p', { clock })
      .hop('deaf', { run: deaf })
      .assemble(() => 1)
    const run = p.run(undefined, { deadline: '1s' })
    await clock.advance(1000)
    const result = await run
    expect(result.status).toBe('timeout')
    expect(result.error?.code).toBe('ERR_RUN_DEADLINE')
    expect(result.report.durationMs).toBeLessThanOrEqual(1000)
    expect(result.report.hops.deaf).toMatchObject({ status: 'failed', reason: 'deadline' })
    expect(clock.pendingTimers()).toBe(0)
  })

  it('keeps a reserve in which fallbacks and assembly still give an output', async () => {
    const clock = createFakeClock()
    const p = pipeline<unknown>('p', { clock, deadline: '1s' })
      .hop('deaf', { run: deaf, fallback: ['default'] })
      .hop('next', { needs: ['deaf'], run: () => 'never called in time', fallback: [({ reason }) => reason] })
      .assemble(({ deaf: value, next }) => [value, next])
    const run = p.run(undefined)
    await clock.advance(950)
    const result = await run
    expect(result).toMatchObject({ status: 'degraded', output: ['default', 'deadline'] })
    expect(result.report.remainingMs).toBe(50)
  })

  it('takes the plain value when a fallback function does not settle before the very end', async () => {
    const clock = createFakeClock()
    const p = pipeline<unknown>('p', { clock, deadline: '1s', reserve: '100ms' })
      .hop('deaf', { run: deaf, fallback: [deaf, 'value'] })
      .assemble(({ deaf: value }) => value)
    const run = p.run(undefined)
    await clock.advance(999)
    expect(clock.pendingTimers()).toBeGreaterThan(0)
    await clock.advance(1)
    const result = await run
    expect(result).toMatchObject({ status: 'degraded', output: 'value' })
    expect(result.report.durationMs).toBe(1000)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('falls back once for an input that is still being checked, whatever the check says later', async () => {
    const clock = createFakeClock()
    const validate = () => resolveAfter(clock, 960, { issues: [{ message: 'late' }] })
    const late = { '~standard': { version: 1, vendor: 'test', validate } } as const
    let calls = 0
    const fallback = [() => resolveAfter(clock, 30, ++calls)]
    const hop = defineHop({ name: 'a', input: late, call: () => 0, fallback })
    const p = pipeline<unknown>('p', { clock, deadline: '1s' })
      .hop('a', hop, { input: identity })
      .assemble(({ a }) => a)
    const run = p.run(undefined)
    await clock.advance(1000)
    expect(await run).toMatchObject({ status: 'degraded', output: 1, report: { hops: { a: { reason: 'deadline' } } } })
    expect(calls).toBe(1)
  })

  it('bounds an assemble that never settles', async () => {
    const clock = createFakeClock()
    const p = pipeline<unknown>('p', { clock, deadline: '1s' }).assemble(deaf)
    const run = p.run(undefined)
    await clock.advance(1000)
    expect(await run).toMatchObject({ status: 'timeout', output: undefined, error: { code: 'ERR_RUN_DEADLINE' } })
  })

  it('is over at once when nothing is left of it', async () => {
    const clock = createFakeClock()
    let called = false
    const p = pipeline<unknown>('p', { clock })
      .hop('a', { run: () => (called = true), fallback: [false] })
      .assemble(({ a }) => a)
    const run = await p.run(undefined, { deadline: 0 })
    expect(run).toMatchObject({ status: 'degraded', output: false })
    expect(run.report.hops.a).toMatchObject({ reason: 'deadline', source: 'default' })
    expect(called).toBe(false)
  })
})

describe('a thrown error', () => {
  it.each(['at once', 'later'])('that cannot be read, thrown %s, is a failed attempt like any other', async (when) => {
    const clock = createFakeClock()
    const { proxy: error, revoke } = Proxy.revocable({}, {})
    revoke()
    let calls = 0
    const p = pipeline<unknown>('p', { clock })
      .hop('a', {
        retry: { attempts: 2, backoff: 0 },
        run: () => {
          if (++calls > 1) return 'answer'
          if (when === 'later') return Promise.reject(error)
          throw error
        },
      })
      .assemble(({ a }) => a)
    const run = p.run(1)
    await clock.advance(1)
    const { output, report } = await run
    expect(output).toBe('answer')
    expect(report.hops.a.attempts).toMatchObject([{ outcome: 'error', status: null }, { outcome: 'ok' }])
  })
})

describe('a caller who leaves', () => {
  it('ends the run at once with every hop cancelled', async () => {
    const clock = createFakeClock()
    const controller = new AbortController()
    const reasons: unknown[] = []
    const p = pipeline<unknown>('p', { clock })
      .hop('a', {
        run: (_, { signal }) => {
          signal.addEventListener('abort', () => reasons.push(signal.reason))
          return deaf()
        },
        fallback: ['never used'],
      })
      .hop('b', { needs: ['a'], run: () => 1 })
      .assemble(() => 1)
    const run = p.run(undefined, { signal: controller.signal })
    await clock.advance(10)
    controller.abort('gone')
    const result = await run
    expect(result).toMatchObject({
      status: 'cancelled',
      output: undefined,
      error: { code: 'ERR_RUN_CANCELLED', cause: 'gone' },
    })
    expect(result.report.hops.a).toMatchObject({
      status: 'cancelled',
      reason: 'aborted',
      attempts: [{ outcome: 'aborted' }],
    })
    expect(result.report.hops.b).toMatchObject({ status: 'cancelled', startMs: null })
    expect(reasons).toEqual(['gone'])
    expect(clock.pendingTimers()).toBe(0)
  })

  it('starts nothing when the signal has aborted already', async () => {
    let called = false
    const p = pipeline<unknown>('p')
      .hop('a', { run: () => (called = true) })
      .assemble(() => 1)
    const run = await p.run(undefined, { signal: AbortSignal.abort() })
    expect(run.status).toBe('cancelled')
    expect(run.report.totals).toMatchObject({ hops: 1, cancelled: 1 })
    expect(called).toBe(false)
  })

  it('leaves no listener on a signal that outlives many runs', async () => {
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = ((...args: Parameters<typeof add>) => ++listeners && add(...args)) as typeof add
    signal.removeEventListener = ((...args: Parameters<typeof add>) => {
      listeners--
      remove(...args)
    }) as typeof add
    const p = pipeline<unknown>('p')
      .hop('a', { run: () => 1 })
      .assemble(({ a }) => a)
    for (let i = 0; i < 100; i++) await p.run(undefined, { signal })
    expect(listeners).toBe(0)
  })
})

describe('assembly', () => {
  it('fails the run when it throws, synchronously or later', async () => {
    const boom = new Error('boom')
    const sync = pipeline<unknown>('p').assemble(() => {
      throw boom
    })
    const later = pipeline<unknown>('p').assemble(() => Promise.reject(boom))
    for (const p of [sync, later]) {
      expect(await p.run(undefined)).toMatchObject({
        status: 'failed',
        error: { code: 'ERR_ASSEMBLE_FAILED', cause: boom },
      })
    }
  })

  it('may be asynchronous and sees how each hop came to its value', async () => {
    const clock = createFakeClock()
    const p = pipeline<unknown>('p', { clock })
      .hop('a', { run: (): Promise<string> => Promise.reject(httpError(404)), fallback: ['x'] })
      .assemble((_, { status, source, reason }) => resolveAfter(clock, 5, [status.a, source.a, reason.a]))
    const run = p.run(undefined)
    await clock.advance(5)
    expect((await run).output).toEqual(['degraded', 'default', 'error'])
  })
})

describe('clients of one run', () => {
  const real = { ask: () => 'real' }
  const hop = defineHop({ name: 'hermes', client: real, call: ({ client }) => client.ask() })
  const p = pipeline<unknown>('p')
    .hop('hermes', hop, { input: identity })
    .assemble(({ hermes }) => hermes)

  it('replace the declared one', async () => {
    expect((await p.run(undefined)).output).toBe('real')
    expect((await p.run(undefined, { clients: { hermes: { ask: () => 'fake' } } })).output).toBe('fake')
    expect((await p.run(undefined)).output).toBe('real')
  })

  it('are refused under a name no hop has', async () => {
    const clients = { herms: real } as object
    await expect(p.run(undefined, { clients })).rejects.toThrow('Did you mean `hermes`?')
  })
})

describe('an onRun listener', () => {
  it('is told of every run, and its mistakes change nothing', async () => {
    const seen: string[] = []
    const onRun = (report: { status: string }): void => {
      seen.push(report.status)
      throw new Error('listener')
    }
    const p = pipeline<unknown>('p', { onRun })
      .hop('a', { run: () => 1 })
      .assemble(({ a }) => a)
    expect((await p.run(undefined)).output).toBe(1)
    expect(seen).toEqual(['ok'])
  })
})
