import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineHop, type HopOptions, pipeline, resilient } from '../../../src/pipeline/index.js'
import type { FakeClock } from '../../../src/testing/fake-clock.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { deaf, httpError, resolveAfter, script } from './support.js'

type Options = Partial<HopOptions<unknown, unknown, unknown, unknown, undefined, unknown, undefined>>

const EXACT = { attempts: 3, backoff: 100, jitter: 'none' } as const

/** A pipeline of one hop `a`; its output is the hop's value. */
function single(clock: FakeClock, outcomes: readonly unknown[], options: Options = {}, pipelineOptions: object = {}) {
  const played = script(outcomes)
  const hop = defineHop({ name: 'a', call: played.call, ...(options as object) })
  const p = pipeline<unknown>('p', { clock, ...pipelineOptions })
    .hop('a', hop, {})
    .assemble(({ a }) => a)
  return { p, seen: played.seen }
}

async function finish<T>(clock: FakeClock, run: Promise<T>, ms = 60_000): Promise<T> {
  await clock.advance(ms)
  return run
}

describe('retry', () => {
  it('repeats a failed call and reports every attempt with the wait before it', async () => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, [httpError(503), new TypeError('not a network error'), 'answer'], {
      retry: EXACT,
    })
    const { report, output } = await finish(clock, p.run(1))
    expect(output).toBe('answer')
    expect(seen.map((context) => context.attempt)).toEqual([1, 2, 3])
    expect(report.hops.a).toMatchObject({ status: 'ok', source: 'live', reason: null, durationMs: 300 })
    expect(report.hops.a?.attempts).toMatchObject([
      { n: 1, startMs: 0, outcome: 'error', status: 503, waitMs: 0 },
      { n: 2, startMs: 100, outcome: 'error', status: null, waitMs: 100 },
      { n: 3, startMs: 300, outcome: 'ok', waitMs: 200 },
    ])
    expect(report.totals).toMatchObject({ attempts: 3, retries: 2 })
  })

  it('repeats after a thrown value that is no Error', async () => {
    const clock = createFakeClock()
    const fail = () => Promise.reject('just text')
    const { p } = single(clock, [fail, 'answer'], { retry: EXACT })
    expect((await finish(clock, p.run(1))).output).toBe('answer')
  })

  it('counts all calls: attempts 1 makes one', async () => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, [httpError(503)], { retry: { attempts: 1 } })
    await finish(clock, p.run(1))
    expect(seen).toHaveLength(1)
  })

  it.each([400, 401, 403, 404, 409, 422, 501])('does not repeat a %i', async (status) => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, [httpError(status)], { retry: EXACT })
    await finish(clock, p.run(1))
    expect(seen).toHaveLength(1)
  })

  it('believes an error that says whether it is retryable, and retryOn more', async () => {
    const clock = createFakeClock()
    const permanent = Object.assign(httpError(503), { retryable: false })
    const { p, seen } = single(clock, [permanent], { retry: EXACT })
    await finish(clock, p.run(1))
    expect(seen).toHaveLength(1)
    const insisting = single(clock, [permanent], { retry: { ...EXACT, retryOn: () => true } })
    await finish(clock, insisting.p.run(1))
    expect(insisting.seen).toHaveLength(3)
  })

  it.each([
    ['throws', () => JSON.parse('{')],
    ['answers later', () => Promise.resolve(true)],
    ['fails later', () => Promise.reject(new Error('in retryOn'))],
  ])('takes it for a no when retryOn %s', async (_, retryOn) => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, [httpError(503)], {
      retry: { ...EXACT, retryOn: retryOn as unknown as () => boolean },
    })
    const { report } = await finish(clock, p.run(1))
    expect(seen).toHaveLength(1)
    expect(report.hops.a?.attempts[0]?.status).toBe(503)
  })

  it('waits exactly as long as Retry-After asks, in seconds, milliseconds or until a date', async () => {
    const clock = createFakeClock({ wall: Date.UTC(2026, 0, 1) })
    const date = new Date(clock.wall() + 7000 + 4500).toUTCString()
    const outcomes = [
      httpError(429, { 'Retry-After': '3' }),
      httpError(429, { 'retry-after-ms': '1500' }),
      httpError(503, { 'retry-after': date }),
      'answer',
    ]
    const { p } = single(clock, outcomes, { retry: { attempts: 4 } })
    const { report } = await finish(clock, p.run(1))
    expect(report.hops.a?.attempts.map((attempt) => attempt.waitMs)).toEqual([0, 3000, 1500, 6500])
  })

  it('gives up at once when Retry-After is longer than it may be', async () => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, [httpError(429, { 'retry-after': '61' })], { retry: EXACT })
    const { report } = await p.run(1)
    expect(seen).toHaveLength(1)
    expect(report.hops.a).toMatchObject({ status: 'failed', reason: 'rate_limited', error: { status: 429 } })
  })

  it('does not wait for an attempt that could only come after the deadline', async () => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, [httpError(429, { 'retry-after': '5' })], { retry: EXACT })
    const { report, status } = await p.run(1, { deadline: '4s' })
    expect(seen).toHaveLength(1)
    expect(status).toBe('failed')
    expect(report.hops.a?.reason).toBe('rate_limited')
  })

  it('jitters fully: each wait is a random part of its bound', async () => {
    const waits = async (seed: number) => {
      const clock = createFakeClock({ seed })
      const { p } = single(clock, [httpError(500)], { retry: { attempts: 5, backoff: 1000 } })
      const { report } = await finish(clock, p.run(1))
      return report.hops.a?.attempts.map((attempt) => attempt.waitMs)
    }
    const [first, again, other] = [await waits(1), await waits(1), await waits(2)]
    expect(first).toEqual(again)
    expect(first).not.toEqual(other)
    for (const [i, wait] of (first ?? []).entries()) expect(wait).toBeLessThanOrEqual(1000 * 2 ** Math.max(0, i - 1))
  })

  it('repeats a hop that is not idempotent only if the upstream surely did nothing', async () => {
    const clock = createFakeClock()
    const refused = Object.assign(new Error('x'), { code: 'ECONNREFUSED' })
    const { p, seen } = single(clock, [refused, httpError(429), httpError(500), 'answer'], {
      idempotent: false,
      retry: { ...EXACT, attempts: 4 },
    })
    await finish(clock, p.run(1))
    expect(seen).toHaveLength(3)
  })

  it('keeps retries to a share of the traffic, and says so', async () => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, [httpError(503)], {
      retry: { attempts: 10, backoff: 1, jitter: 'none' },
      retryBudget: { ratio: 0.2, min: 2 },
    })
    const { report } = await finish(clock, p.run(1), 100)
    expect(seen).toHaveLength(3)
    expect(report.hops.a).toMatchObject({
      reason: 'retry_budget_exhausted',
      error: { code: 'ERR_RETRY_BUDGET_EXHAUSTED' },
    })
  })
})

describe('attempt timeout', () => {
  it('abandons a deaf attempt, tells its signal, and makes the next', async () => {
    const clock = createFakeClock()
    const signals: AbortSignal[] = []
    const stuck = ({ signal }: { signal: AbortSignal }) => {
      signals.push(signal)
      return deaf()
    }
    const { p } = single(clock, [stuck, 'answer'], { timeout: '2s', retry: EXACT })
    const { report, output } = await finish(clock, p.run(1))
    expect(output).toBe('answer')
    expect(report.hops.a?.attempts).toMatchObject([
      { outcome: 'timeout', code: 'ERR_HOP_TIMEOUT', durationMs: 2000 },
      { outcome: 'ok' },
    ])
    expect(signals[0]?.aborted).toBe(true)
    expect(signals[0]?.reason).toMatchObject({ code: 'ERR_HOP_TIMEOUT' })
    expect(clock.pendingTimers()).toBe(0)
  })

  it('gives a signal that is asked for late as aborted as it is', async () => {
    const clock = createFakeClock()
    let late: boolean | undefined
    const look = async (context: { signal: AbortSignal }) => {
      await resolveAfter(clock, 3000, undefined)
      late = context.signal.aborted
    }
    const { p } = single(clock, [look], { timeout: '2s' })
    const { report } = await finish(clock, p.run(1))
    expect(report.hops.a).toMatchObject({ status: 'failed', reason: 'timeout' })
    expect(late).toBe(true)
  })

  it('swallows what an abandoned attempt still throws', async () => {
    const clock = createFakeClock()
    const lateThrow = () => resolveAfter(clock, 3000, undefined).then(() => Promise.reject(new Error('late')))
    const { p } = single(clock, [lateThrow], { timeout: '2s' })
    const run = await finish(clock, p.run(1))
    expect(run.status).toBe('failed')
  })

  it('starts after the permit, and the waiting is reported apart', async () => {
    const clock = createFakeClock()
    const hop = defineHop({ name: 'a', concurrency: 1, timeout: '1s', call: () => resolveAfter(clock, 900, 1) })
    const p = pipeline<unknown>('p', { clock })
      .hop('a', hop, {})
      .assemble(({ a }) => a)
    const runs = [p.run(1), p.run(1)]
    await clock.advance(1800)
    const second = await runs[1]
    expect(second).toMatchObject({ status: 'ok' })
    expect(second?.report.hops.a).toMatchObject({
      queueMs: 900,
      durationMs: 1800,
      attempts: [{ startMs: 900, durationMs: 900 }],
    })
  })

  it('is 30 s without defaults and 10 s with resilient', async () => {
    const clock = createFakeClock()
    const bare = single(clock, [deaf])
    expect((await finish(clock, bare.p.run(1))).report.hops.a?.durationMs).toBe(30_000)
    const safe = single(clock, [deaf], { retry: false }, { defaults: resilient })
    expect((await finish(clock, safe.p.run(1))).report.hops.a?.durationMs).toBe(10_000)
  })
})

describe('concurrency', () => {
  it('refuses with queue_full what can neither run nor wait', async () => {
    const clock = createFakeClock()
    const { p } = single(clock, [() => resolveAfter(clock, 100, 1)], { concurrency: { limit: 1, queue: 1 } })
    const runs = [p.run(1), p.run(1), p.run(1)]
    const refused = await runs[2]
    expect(refused?.report.hops.a).toMatchObject({
      status: 'failed',
      reason: 'queue_full',
      attempts: [{ outcome: 'refused' }],
    })
    expect(refused?.report.totals.attempts).toBe(0)
    await clock.advance(200)
    expect((await Promise.all(runs)).map((run) => run.status)).toEqual(['ok', 'ok', 'failed'])
  })

  it('frees the place of a caller who leaves the queue, and the permit of an attempt that timed out', async () => {
    const clock = createFakeClock()
    const leaver = new AbortController()
    const { p, seen } = single(clock, [deaf, 'second'], { timeout: '1s', concurrency: { limit: 1, queue: 1 } })
    const first = p.run(1)
    const left = p.run(1, { signal: leaver.signal })
    leaver.abort()
    expect((await left).status).toBe('cancelled')
    const third = p.run(1)
    await clock.advance(1000)
    expect((await first).report.hops.a?.reason).toBe('timeout')
    expect(await third).toMatchObject({ status: 'ok', output: 'second' })
    expect(seen).toHaveLength(2)
  })

  it('is shared by hops with one upstream', async () => {
    const clock = createFakeClock()
    let running = 0
    let most = 0
    const call = async () => {
      most = Math.max(most, ++running)
      await resolveAfter(clock, 10, undefined)
      running--
    }
    const shared = { upstream: 'openai', concurrency: 1, call } as const
    const p = pipeline<unknown>('p', { clock })
      .hop('a', defineHop({ name: 'a', ...shared }), {})
      .hop('b', defineHop({ name: 'b', ...shared }), {})
      .assemble(() => 1)
    await finish(clock, p.run(1))
    expect(most).toBe(1)
  })
})

describe('breaker', () => {
  const breaker = { consecutiveFailures: 2, openFor: '10s' } as const

  it('sends nothing once it is open, fails at once, and heals with a probe', async () => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, [httpError(500), httpError(500), 'answer'], { breaker })
    await p.run(1)
    await p.run(1)
    const refused = await p.run(1)
    expect(refused.report.hops.a).toMatchObject({ reason: 'breaker_open', error: { code: 'ERR_BREAKER_OPEN' } })
    expect(seen).toHaveLength(2)
    await clock.advance(10_000)
    expect((await p.run(1)).output).toBe('answer')
    expect((await p.run(1)).status).toBe('ok')
  })

  it('ends the retries of a hop', async () => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, [httpError(500)], { breaker, retry: { ...EXACT, attempts: 5 } })
    const { report } = await finish(clock, p.run(1), 1000)
    expect(seen).toHaveLength(2)
    expect(report.hops.a?.attempts.map(({ outcome }) => outcome)).toEqual(['error', 'error', 'refused'])
  })

  it('does not hide what the upstream said before the breaker opened', async () => {
    const clock = createFakeClock()
    const { p } = single(clock, [httpError(500)], { breaker, retry: { ...EXACT, attempts: 5 } })
    const { report } = await finish(clock, p.run(1), 1000)
    expect(report.hops.a).toMatchObject({ reason: 'error', error: { status: 500, retryable: true } })
    expect((await p.run(1)).report.hops.a).toMatchObject({ reason: 'breaker_open', error: { status: null } })
  })

  it('leaves the reason to the upstream also where the queue is full for a repetition', async () => {
    const clock = createFakeClock()
    const other = () => resolveAfter(clock, 500, 'other')
    const { p } = single(clock, [httpError(500), other], { concurrency: { limit: 1, queue: 0 }, retry: EXACT })
    const first = p.run(1)
    await clock.advance(50)
    const second = p.run(2)
    const third = await p.run(3)
    await clock.advance(1000)
    expect((await first).report.hops.a).toMatchObject({ reason: 'error', error: { status: 500 } })
    expect((await second).output).toBe('other')
    expect(third.report.hops.a).toMatchObject({ reason: 'queue_full', error: { status: null } })
  })

  it.each([401, 404, 429])('is not opened by a %i', async (status) => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, [httpError(status)], { breaker })
    for (let i = 0; i < 5; i++) await p.run(1)
    expect(seen).toHaveLength(5)
  })

  it('is not touched by callers who leave', async () => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, [deaf], { breaker })
    for (let i = 0; i < 5; i++) {
      const controller = new AbortController()
      const run = p.run(1, { signal: controller.signal })
      controller.abort()
      await run
    }
    expect(seen).toHaveLength(5)
  })

  it('is not opened by a fake client of one run', async () => {
    const hop = defineHop({
      name: 'a',
      breaker: { consecutiveFailures: 1 },
      client: { ask: (): number => 1 },
      call: ({ client }) => client.ask(),
    })
    const p = pipeline<unknown>('p')
      .hop('a', hop, {})
      .assemble(({ a }) => a)
    const ask = (): number => {
      throw new Error('fake')
    }
    expect((await p.run(1, { clients: { a: { ask } } })).status).toBe('failed')
    expect((await p.run(1)).status).toBe('ok')
  })
})

describe('contracts', () => {
  const schema = z.object({ text: z.string() })

  it('refuse an input without calling anybody, naming the path and not the value', async () => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, ['x'], { input: schema, retry: EXACT })
    const { report, error } = await p.run({ text: 'very private'.length })
    expect(seen).toHaveLength(0)
    expect(report.hops.a).toMatchObject({ reason: 'contract_input', error: { code: 'ERR_CONTRACT' } })
    expect(String(error?.cause)).toContain('$.text')
  })

  it('give an answer that does not fit one second chance', async () => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, [{ text: 1 }], { output: schema, retry: { ...EXACT, attempts: 5 } })
    const { report } = await finish(clock, p.run(1))
    expect(seen).toHaveLength(2)
    expect(report.hops.a).toMatchObject({ status: 'failed', reason: 'contract_output' })
  })

  it('may be asynchronous and may transform', async () => {
    const clock = createFakeClock()
    const upper = z.string().transform(async (text) => text.toUpperCase())
    const { p } = single(clock, ['abc'], { output: upper })
    expect((await p.run(1)).output).toBe('ABC')
  })

  it('name no key of a record that may be somebody', async () => {
    const clock = createFakeClock()
    const { p } = single(clock, [{ 'ada@example.org': 'x' }], { output: z.record(z.string(), z.number()) })
    const { error } = await p.run(1)
    expect(String(error?.cause)).toContain('$.*')
    expect(String(error?.cause)).not.toContain('ada')
  })
})

describe('auth', () => {
  it('is asked for each attempt, to refresh once after a 401, and is in no report', async () => {
    const clock = createFakeClock()
    const asked: boolean[] = []
    const auth = ({ refresh }: { refresh: boolean }) => {
      asked.push(refresh)
      return refresh ? 'new secret' : 'old secret'
    }
    const { p, seen } = single(clock, [httpError(401), 'answer'], { auth, retry: EXACT })
    const run = await finish(clock, p.run(1))
    expect(run.output).toBe('answer')
    expect(seen.map((context) => context.auth)).toEqual(['old secret', 'new secret'])
    expect(asked).toEqual([false, true])
    expect(JSON.stringify(run)).not.toContain('secret')
  })

  it('gives up with reason auth after a second 401', async () => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, [httpError(401)], { auth: () => 'x', retry: { ...EXACT, attempts: 5 } })
    const { report } = await finish(clock, p.run(1))
    expect(seen).toHaveLength(2)
    expect(report.hops.a?.reason).toBe('auth')
  })

  it('may be asynchronous, and its own failure has reason auth', async () => {
    const clock = createFakeClock()
    const good = single(clock, ['answer'], { auth: async () => 'token' })
    expect((await good.p.run(1)).output).toBe('answer')
    expect(good.seen[0]?.auth).toBe('token')
    const bad = single(clock, ['answer'], { auth: () => Promise.reject(new Error('vault down')) })
    expect((await bad.p.run(1)).report.hops.a?.reason).toBe('auth')
  })
})

describe('the context of a call', () => {
  it('tells what is left of attempt and run', async () => {
    const clock = createFakeClock()
    const left: number[] = []
    const look = async (context: { remainingMs: number }) => {
      left.push(context.remainingMs)
      await resolveAfter(clock, 400, undefined)
      left.push(context.remainingMs)
    }
    const { p } = single(clock, [look], { timeout: '2s' })
    await finish(clock, p.run(1), 400)
    await finish(clock, p.run(1, { deadline: '1s' }), 400)
    expect(left).toEqual([2000, 1600, 950, 550])
  })

  it('has one idempotency key for all attempts, another for each run and hop', async () => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, [httpError(500), 'x'], { retry: EXACT })
    await finish(clock, p.run(1))
    await finish(clock, p.run(1))
    const [first, second, third] = seen.map((context) => context.idempotencyKey)
    expect(first).toBe(second)
    expect(first).not.toBe(third)
  })

  it('has the same idempotency key for a run that is delivered again, without showing the caller its own', async () => {
    const clock = createFakeClock()
    const { p, seen } = single(clock, [httpError(404), 'x'])
    await p.run(1, { idempotencyKey: 'order of ada' })
    await p.run(1, { idempotencyKey: 'order of ada' })
    await p.run(1, { idempotencyKey: 'another' })
    const [first, second, third] = seen.map((context) => context.idempotencyKey)
    expect(first).toBe(second)
    expect(first).not.toBe(third)
    expect(first).not.toContain('ada')
  })

  it('adds up usage, and not what comes after the end', async () => {
    const clock = createFakeClock()
    let late: (() => void) | undefined
    const work = (context: { usage: { add(usage: object): void } }) => {
      context.usage.add({ inputTokens: 10, outputTokens: 5, costUsd: 0.01 })
      context.usage.add({ inputTokens: 1, outputTokens: Number.NaN })
      late = () => context.usage.add({ inputTokens: 1000 })
      return 1
    }
    const { p } = single(clock, [work])
    const run = await p.run(1)
    late?.()
    expect(run.report.hops.a?.usage).toEqual({ calls: 2, inputTokens: 11, outputTokens: 5, costUsd: 0.01 })
    expect(run.report.totals).toMatchObject({ tokens: 16, costUsd: 0.01 })
  })

  it('logs with pipeline, run and hop', async () => {
    const clock = createFakeClock()
    const entries: unknown[][] = []
    const log = (context: { log: { warn(message: string, fields?: object): void } }) =>
      context.log.warn('odd', { n: 1 })
    const { p } = single(clock, [log], {}, { logger: (...entry: unknown[]) => entries.push(entry) })
    const { report } = await p.run(1)
    expect(entries).toEqual([['warn', 'odd', { pipeline: 'p', hop: 'a', run: report.runId, n: 1 }]])
  })
})
