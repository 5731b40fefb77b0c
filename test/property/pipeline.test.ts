import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  defineHop,
  fromGraph,
  type GraphHop,
  type HopReport,
  provider,
  type RunReport,
} from '../../src/pipeline/index.js'
import { createFakeClock, type FakeClock } from '../../src/testing/fake-clock.js'
import { isReport } from '../unit/pipeline/valid-reports.js'

const { SCALE, SEED } = process.env
const graphs = SCALE === 'full' ? 10_000 : Number(SCALE ?? 300)
const seeded = SEED === undefined ? {} : { seed: Number(SEED) }

type Fault = 'ok' | 'throw' | 'reject' | 'permanent' | 'deaf' | 'rate_limited' | 'sync'

type Fallback = 'none' | 'value' | 'function' | 'deaf function then value' | 'provider' | 'failing provider'

interface HopPlan {
  readonly needs: readonly number[]
  readonly faults: readonly Fault[]
  readonly ms: number
  readonly attempts: number
  readonly fallback: Fallback
  readonly optional: boolean
  readonly skipped: boolean
  readonly limited: boolean
  /** Behind a breaker and a retry budget. */
  readonly guarded: boolean
}

interface RunPlan {
  readonly hops: readonly HopPlan[]
  readonly deadline: number | undefined
  readonly cancelAt: number | undefined
  readonly failFast: boolean
  readonly seed: number
}

const faultArbitrary = fc.constantFrom<Fault>(
  'ok',
  'ok',
  'ok',
  'throw',
  'reject',
  'permanent',
  'deaf',
  'rate_limited',
  'sync',
)

const FALLBACKS: readonly Fallback[] = [
  'none',
  'value',
  'function',
  'deaf function then value',
  'provider',
  'failing provider',
]

const hopArbitrary = fc.record({
  needs: fc.uniqueArray(fc.nat(11), { maxLength: 3 }),
  faults: fc.array(faultArbitrary, { minLength: 1, maxLength: 3 }),
  ms: fc.integer({ min: 0, max: 400 }),
  attempts: fc.integer({ min: 1, max: 3 }),
  fallback: fc.constantFrom<Fallback>(...FALLBACKS),
  optional: fc.boolean(),
  skipped: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  limited: fc.boolean(),
  guarded: fc.boolean(),
})

const runArbitrary = fc.record({
  hops: fc.array(hopArbitrary, { minLength: 1, maxLength: 12 }),
  deadline: fc.option(fc.integer({ min: 0, max: 3000 }), { nil: undefined }),
  cancelAt: fc.option(fc.integer({ min: 0, max: 1500 }), { nil: undefined, freq: 4 }),
  failFast: fc.boolean(),
  seed: fc.integer(),
})

const TERMINAL = ['ok', 'degraded', 'failed', 'skipped', 'cancelled']

describe('a run of a random graph with random faults', () => {
  it('ends every hop exactly once, keeps its deadline, and leaves nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(runArbitrary, async (plan) => {
        const { report, clock, assembled, lateCalls, listeners } = await play(plan)
        const hops = Object.entries(report.hops)
        expect(hops).toHaveLength(plan.hops.length)
        for (const [, hop] of hops) expect(TERMINAL).toContain(hop.status)
        const { ok, degraded, failed, skipped, cancelled } = report.totals
        expect(ok + degraded + failed + skipped + cancelled).toBe(plan.hops.length)
        if (plan.deadline !== undefined) expect(report.durationMs).toBeLessThanOrEqual(plan.deadline)
        for (const [name, hop] of hops) checkHop(plan.hops[Number(name.slice(1))] as HopPlan, hop, report)
        expect(assembled).toBe(report.status === 'ok' || report.status === 'degraded' ? 1 : 0)
        expect(lateCalls).toBe(0)
        expect(clock.pendingTimers()).toBe(0)
        expect(listeners).toBe(0)
        expect(isReport(JSON.parse(JSON.stringify(report)))).toBe(true)
        expect(JSON.stringify(report)).not.toContain('secret')
      }),
      { numRuns: graphs, ...seeded },
    )
  })

  it('gives the same report for the same seed', async () => {
    await fc.assert(
      fc.asyncProperty(runArbitrary, async (plan) => {
        expect((await play(plan)).report).toEqual((await play(plan)).report)
      }),
      { numRuns: Math.ceil(graphs / 5), ...seeded },
    )
  })
})

function checkHop(plan: HopPlan, hop: HopReport, report: RunReport): void {
  const needs = hop.needs.map((need) => report.hops[need] as HopReport)
  const called = hop.attempts.some((attempt) => attempt.outcome !== 'refused')
  expect(hop.reason === null).toBe(hop.status === 'ok')
  expect(hop.source === null).toBe(!['ok', 'degraded'].includes(hop.status))
  expect(hop.attempts.filter(({ provider }) => provider === null).length).toBeLessThanOrEqual(plan.attempts)
  if (hop.status === 'degraded') expect(plan.fallback).not.toBe('none')
  if (hop.status === 'failed')
    expect(plan.fallback === 'value' || plan.fallback === 'deaf function then value').toBe(false)
  if (plan.skipped) expect(called).toBe(false)
  // A hop begins only when every need is over, and a degraded or missing need taints it.
  for (const need of needs) {
    if (hop.startMs !== null && need.startMs !== null) expect(hop.startMs).toBeGreaterThanOrEqual(need.startMs)
    if ((need.tainted || need.status === 'degraded' || need.status === 'failed') && called)
      expect(hop.tainted).toBe(true)
  }
  if (report.deadlineMs !== null) {
    for (const attempt of hop.attempts) expect(attempt.startMs).toBeLessThanOrEqual(report.deadlineMs)
  }
}

async function play(plan: RunPlan) {
  const clock = createFakeClock({ seed: plan.seed })
  let over = false
  let assembled = 0
  let lateCalls = 0
  const graph: Record<string, GraphHop> = {}
  for (const [index, hop] of plan.hops.entries()) {
    graph[`h${index}`] = {
      hop: toHop(clock, `h${index}`, hop, () => {
        if (over) lateCalls++
      }),
      // Only earlier hops, so that the graph has no cycle.
      needs: hop.needs.filter((need) => need < index).map((need) => `h${need}`),
      optional: hop.optional,
      when: () => !hop.skipped,
    }
  }
  const pipeline = fromGraph('random', graph, {
    clock,
    failFast: plan.failFast,
    assemble: () => {
      assembled++
      return 'secret output'
    },
  })
  const controller = new AbortController()
  if (plan.cancelAt !== undefined) clock.setTimer(() => controller.abort('secret'), plan.cancelAt)
  const run = pipeline
    .run('secret input', { signal: controller.signal, ...(plan.deadline !== undefined && { deadline: plan.deadline }) })
    .finally(() => {
      over = true
    })
  await clock.advance(120_000)
  const { report } = await run
  const listeners = getEventListeners(controller.signal, 'abort').length
  return { report, clock, assembled, lateCalls, listeners }
}

function toHop(clock: FakeClock, name: string, plan: HopPlan, onCall: () => void) {
  const deaf = (): Promise<never> => new Promise(() => {})
  const chains: Record<Fallback, unknown[]> = {
    none: [],
    value: ['v'],
    function: [() => 'f'],
    'deaf function then value': [deaf, 'v'],
    provider: [provider('other', () => 'secret other')],
    'failing provider': [provider('worse', () => Promise.reject(new Error('secret')))],
  }
  const chain = chains[plan.fallback]
  const call = ({ attempt }: { readonly attempt: number }): unknown => {
    onCall()
    return misbehave(clock, plan.faults[Math.min(attempt, plan.faults.length) - 1] as Fault, plan.ms)
  }
  return defineHop({
    name,
    call,
    timeout: 300,
    retry: { attempts: plan.attempts, backoff: 50 },
    ...(plan.guarded &&
      !plan.limited && { breaker: { consecutiveFailures: 2, openFor: 100 }, retryBudget: { min: 1 } }),
    ...(plan.limited && { upstream: 'shared', concurrency: { limit: 1, queue: 2 } }),
    ...(chain.length > 0 && { fallback: chain as unknown[] }),
  })
}

function misbehave(clock: FakeClock, fault: Fault, ms: number): unknown {
  const later = (settle: () => void): unknown => clock.setTimer(settle, ms)
  switch (fault) {
    case 'ok':
      return new Promise((resolve) => later(() => resolve('secret answer')))
    case 'sync':
      return 'secret answer'
    case 'throw':
      throw new TypeError('secret')
    case 'reject':
      return new Promise((_, reject) => later(() => reject('secret')))
    case 'permanent':
      return new Promise((_, reject) => later(() => reject(Object.assign(new Error('secret'), { status: 400 }))))
    case 'rate_limited':
      return Promise.reject(Object.assign(new Error('secret'), { status: 429, headers: { 'retry-after': '0.2' } }))
    case 'deaf':
      return new Promise(() => {})
  }
}
