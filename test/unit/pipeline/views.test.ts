import { describe, expect, it } from 'vitest'
import {
  defineHop,
  mermaid,
  pipeline,
  provider,
  publicReport,
  resilient,
  serverTiming,
  waterfall,
} from '../../../src/pipeline/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { fakeRecords } from './fake-records.js'
import { failAfter, httpError, resolveAfter, slow } from './support.js'

async function sample() {
  const clock = createFakeClock()
  const broken = defineHop({
    name: 'hermes',
    call: () => failAfter(clock, 20, httpError(500)),
    fallback: [provider('acme-internal', () => 'x')],
  })
  const p = pipeline<unknown>('analyze', { clock })
    .hop('loader', slow(clock, 'loader', 60, 1), {})
    .hop('hermes', broken, { needs: ['loader'] })
    .hop('jobs', slow(clock, 'jobs', 20, 1), { optional: true, when: () => false })
    .assemble(() => 'secret payload')
  const run = p.run('secret input')
  await clock.advance(80)
  return { p, report: (await run).report }
}

describe('the report', () => {
  it('is a JSON document with the same keys whatever happened', async () => {
    const { report } = await sample()
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
    expect(report).toMatchObject({
      schema: 'hop-run/1',
      pipeline: 'analyze',
      status: 'degraded',
      degraded: ['hermes'],
      startedAt: '2023-11-14T22:13:20.000Z',
      durationMs: 80,
      deadlineMs: null,
      remainingMs: null,
      criticalPath: ['loader', 'hermes'],
      error: null,
    })
    expect(report.runId).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/)
    const keys = Object.values(report.hops).map((hop) => Object.keys(hop).join())
    expect(new Set(keys).size).toBe(1)
  })

  it('tells when the run started and names it by that, whenever it is read', async () => {
    const fake = createFakeClock()
    let slept = 0
    const clock = { ...fake, wall: () => fake.wall() + slept }
    const p = pipeline<unknown>('p', { clock })
      .hop('a', slow(clock, 'a', 60, 1), {})
      .assemble(() => 1)
    const early = p.run(1)
    await fake.advance(60)
    const before = (await early).report.runId
    const late = p.run(1)
    const startedAt = new Date(clock.wall()).toISOString()
    await fake.advance(60)
    const result = await late
    slept = 3_600_000
    expect(result.report.startedAt).toBe(startedAt)
    expect(result.report.runId.slice(0, 8)).toBe(before.slice(0, 8))
  })

  it('holds no payload', async () => {
    expect(JSON.stringify((await sample()).report)).not.toContain('secret')
  })

  it('is part of the result as JSON', async () => {
    const run = await pipeline<unknown>('p')
      .assemble(() => 1)
      .run(1)
    expect(JSON.parse(JSON.stringify(run))).toMatchObject({ status: 'ok', output: 1, report: { status: 'ok' } })
  })
})

describe('the error of a run', () => {
  const failing = (options: object) =>
    pipeline<unknown>('p', { clock: createFakeClock(), ...options })
      .hop('fine', { run: () => 1 })
      .hop('hermes', { run: () => Promise.reject(httpError(404)) })
      .assemble(() => 1)

  it('names the hop that failed the run, and why it did, also to clients', async () => {
    const { report } = await failing({}).run(1)
    expect(report.error).toEqual({
      name: 'PipelineError',
      code: 'ERR_HOP_FAILED',
      status: 404,
      retryable: false,
      hop: 'hermes',
      reason: 'error',
    })
    expect(publicReport(report).error).toEqual({
      code: 'ERR_HOP_FAILED',
      retryable: false,
      hop: 'hermes',
      reason: 'error',
    })
  })

  it('is retryable where what the hop failed with is, and says how long the upstream asked to wait', async () => {
    const failed = async (error: unknown, over: object = {}) => {
      const p = pipeline<unknown>('p', { clock: createFakeClock() })
        .hop('a', { run: () => Promise.reject(error), ...over })
        .assemble(() => 1)
      await p.run(1)
      return (await p.run(1)).error
    }
    const limited = await failed(httpError(429, { 'retry-after': '90' }))
    expect(limited).toMatchObject({ code: 'ERR_HOP_FAILED', retryable: true, retryAfterMs: 90_000 })
    expect(await failed(httpError(400))).toMatchObject({ retryable: false, retryAfterMs: undefined })
    expect(await failed(httpError(500), { breaker: { consecutiveFailures: 1 } })).toMatchObject({
      retryable: true,
      context: { reason: 'breaker_open' },
    })
  })

  it('names the hop that was late, when the deadline passed', async () => {
    const clock = createFakeClock()
    const run = pipeline<unknown>('p', { clock, deadline: '1s' })
      .hop('slow', slow(clock, 'slow', 5000, 1), {})
      .assemble(() => 1)
      .run(1)
    await clock.advance(1000)
    expect((await run).report.error).toMatchObject({ code: 'ERR_RUN_DEADLINE', hop: 'slow', reason: 'deadline' })
  })

  it('names no hop where none failed the run', async () => {
    const thrower = pipeline<unknown>('p').assemble(() => {
      throw new Error('x')
    })
    expect((await thrower.run(1)).report.error).toMatchObject({ code: 'ERR_ASSEMBLE_FAILED', hop: null, reason: null })
    const left = await failing({}).run(1, { signal: AbortSignal.abort() })
    expect(left.report.error).toMatchObject({ code: 'ERR_RUN_CANCELLED', hop: null, reason: null })
  })
})

describe('the cache in the views', () => {
  it('is told apart: miss, coalesced, hit', async () => {
    const clock = createFakeClock()
    const hop = defineHop({ name: 'a', call: () => resolveAfter(clock, 10, 1), cache: { in: fakeRecords(clock) } })
    const p = pipeline<unknown>('p', { clock })
      .hop('a', hop, {})
      .assemble(() => 1)
    const runs = [p.run(1), p.run(1)]
    await clock.advance(10)
    const reports = [...(await Promise.all(runs)), await p.run(1)].map((run) => run.report)
    const statuses = ['miss', 'coalesced', 'hit']
    expect(reports.map((report) => publicReport(report).hops.a?.cache)).toEqual(statuses)
    expect(reports.map((report) => serverTiming(report).split('desc=').at(-1))).toEqual(statuses.map((s) => `"${s}"`))
    expect(reports.map((report) => /\(.*\)$/.exec(waterfall(report))?.[0])).toEqual(statuses.map((s) => `(cache ${s})`))
  })
})

describe('waterfall', () => {
  it('draws a line per hop', async () => {
    const { report } = await sample()
    expect(waterfall(report).split('\n')).toEqual([
      'analyze degraded in 80 ms, critical path loader -> hermes',
      `loader |${'='.repeat(30).padEnd(40)}|       60 ms ok`,
      `hermes |${`${' '.repeat(30)}${'~'.repeat(10)}`}|       20 ms degraded (from provider:acme-internal, reason error, 2 attempts)`,
      `jobs   |${'-'.padEnd(40)}|        0 ms skipped (reason condition_false)`,
    ])
  })

  it('draws a run that took no time', async () => {
    const run = await pipeline<unknown>('p', { clock: createFakeClock() })
      .hop('a', { run: () => 1 })
      .assemble(() => 1)
      .run(1)
    expect(waterfall(run.report)).toContain('0 ms')
  })
})

describe('serverTiming', () => {
  it('is a header of tokens', async () => {
    const { report } = await sample()
    expect(serverTiming(report)).toBe(
      'total;dur=80;desc="degraded", loader;dur=60;desc="live", hermes;dur=20;desc="degraded error", jobs;dur=0;desc="skipped condition_false"',
    )
  })

  it('stays short for a long pipeline', async () => {
    const { report } = await sample()
    const hops = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`h${i}`, report.hops.loader!]))
    expect(serverTiming({ ...report, hops }).split(', ')).toHaveLength(20)
  })
})

describe('publicReport', () => {
  it('tells clients what they got, and not from whom or at what price', async () => {
    const { report } = await sample()
    const text = JSON.stringify(publicReport(report))
    expect(publicReport(report).hops.hermes).toEqual({
      status: 'degraded',
      source: 'provider',
      reason: 'error',
      cache: 'off',
      durationMs: 20,
    })
    for (const hidden of ['acme', 'attempts', 'usage', 'costUsd']) expect(text).not.toContain(hidden)
  })
})

describe('mermaid', () => {
  it('draws a pipeline before a run', async () => {
    expect(mermaid((await sample()).p)).toBe(
      [
        'flowchart LR',
        '  hop_loader["loader"]',
        '  hop_hermes["hermes"]',
        '  hop_jobs("jobs")',
        '  hop_loader --> hop_hermes',
      ].join('\n'),
    )
  })

  it('draws a run coloured by status', async () => {
    const chart = mermaid((await sample()).report)
    expect(chart).toContain('hop_hermes["hermes<br/>20 ms"]:::degraded')
    expect(chart).toContain('classDef degraded')
  })
})

describe('plan', () => {
  it('tells order, worst case and what is missing, before anything runs', () => {
    const call = () => 1
    const p = pipeline<unknown>('p', { defaults: resilient, deadline: '15s' })
      .hop('a', defineHop({ name: 'a', call, fallback: [provider('other', call), 0] }), {})
      .hop('b', defineHop({ name: 'b', call, idempotent: true, retry: false }), { needs: ['a'] })
      .hop('c', defineHop({ name: 'c', call, idempotent: true, retry: { attempts: 2, maxRetryAfter: 0 } }), {
        optional: true,
      })
      .assemble(() => 1)
    const plan = p.plan()
    expect(plan).toMatchObject({
      pipeline: 'p',
      order: ['a', 'b', 'c'],
      edges: [['a', 'b']],
      criticalPath: ['a', 'b'],
      worstCaseCalls: 4 + 1 + 2,
    })
    expect(plan.hops[2]).toMatchObject({ worstCaseMs: 20_200, required: false, guarded: false })
    expect(plan.warnings.map(({ code, hop }) => [code, hop])).toEqual([
      ['retries_exceed_deadline', 'a'],
      ['retry_not_idempotent', 'a'],
      ['no_fallback', 'b'],
      ['retries_exceed_deadline', 'c'],
    ])
  })
})
