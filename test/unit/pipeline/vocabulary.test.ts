import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createStash, namespace } from '../../../src/index.js'
import {
  defineHop,
  type FallbackFunction,
  fromGraph,
  type GraphHop,
  pipeline,
  provider,
  type RunReport,
  runReportSchema,
  staleFor,
} from '../../../src/pipeline/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { deaf, httpError, resolveAfter, script } from './support.js'

/** Every word the published schema knows, by what it says something of. */
const WORDS = readWords()
const seen = Object.fromEntries(Object.keys(WORDS).map((kind) => [kind, new Set<string>()]))

function note(report: RunReport): RunReport {
  const add = (kind: string, word: string | null) => word !== null && seen[kind]?.add(word.replace(/:.*/, ''))
  add('run status', report.status)
  add('run source', report.source)
  add('cache status', report.cache.status)
  for (const hop of Object.values(report.hops)) {
    add('hop status', hop.status)
    add('hop source', hop.source)
    add('hop reason', hop.reason)
    add('cache status', hop.cache.status)
    for (const { outcome } of hop.attempts) add('attempt outcome', outcome)
  }
  return report
}

const clock = createFakeClock()
const stash = createStash({
  clock,
  store: 'memory',
  namespaces: { kept: namespace({ ttl: '1m', staleWhileRevalidate: '1m' }) },
})

async function reportOf(graph: Record<string, GraphHop>, options = {}, run = {}): Promise<RunReport> {
  const running = fromGraph('p', graph, { clock, ...options }).run({ text: 'x' }, run)
  await clock.advance(60_000)
  return note((await running).report)
}

const hop = (more: object, wiring: object = {}): GraphHop => ({
  hop: defineHop({ name: 'a', call: () => 1, ...more } as never),
  ...wiring,
})
const fails = (status: number, more: object = {}) => hop({ call: () => Promise.reject(httpError(status)), ...more })

describe('every word of a report', () => {
  it.each<[string, Record<string, GraphHop>, object?, object?]>([
    ['ok', { a: hop({}) }],
    ['timeout', { a: hop({ call: () => deaf(), timeout: 10 }) }],
    ['deadline', { a: hop({ call: () => deaf() }) }, {}, { deadline: 100 }],
    ['error', { a: fails(500) }],
    ['contract_input', { a: hop({ input: z.object({ text: z.number() }) }) }],
    ['contract_output', { a: hop({ output: z.string() }) }],
    ['rate_limited', { a: fails(429) }],
    ['auth', { a: fails(401) }],
    ['retry_budget_exhausted', { a: fails(500, { retry: { attempts: 2 }, retryBudget: { min: 0 } }) }],
    ['condition_false', { a: hop({}, { when: () => false }) }],
    ['disabled', { a: hop({}, { enabled: false }) }],
  ])('%s', async (word, graph, options, run) => {
    const report = await reportOf(graph, options, run)
    expect(report.hops.a).toMatchObject(word === 'ok' ? { status: 'ok', source: 'live' } : { reason: word })
  })

  it('breaker_open and refused', async () => {
    const breaker = { consecutiveFailures: 1 }
    const graph = { a: fails(500, { breaker }), b: hop({ upstream: 'a', breaker }, { needs: ['a'], when: () => true }) }
    const report = await reportOf({ ...graph, a: { ...graph.a, optional: true } })
    expect(report.hops.b).toMatchObject({ reason: 'breaker_open', attempts: [{ outcome: 'refused' }] })
  })

  it('queue_full', async () => {
    const limited = { upstream: 'u', concurrency: { limit: 1, queue: 0 }, call: () => resolveAfter(clock, 10, 1) }
    const report = await reportOf({ a: hop(limited), b: hop(limited) })
    expect(report.hops.b).toMatchObject({ reason: 'queue_full' })
  })

  it('upstream_failed and sibling_failed', async () => {
    const graph = { a: fails(500), b: hop({}, { needs: ['a'] }), c: hop({ call: () => deaf() }) }
    const alone = await reportOf({ a: graph.a, b: graph.b })
    expect([alone.status, alone.hops.b?.reason]).toEqual(['failed', 'upstream_failed'])
    expect((await reportOf(graph, { failFast: true })).hops.c?.reason).toBe('sibling_failed')
  })

  it('aborted and cancelled', async () => {
    const running = fromGraph('p', { a: hop({ call: () => deaf() }) }, { clock }).run(1, {
      signal: AbortSignal.timeout(5),
    })
    const report = note((await running).report)
    expect(report).toMatchObject({
      status: 'cancelled',
      hops: { a: { reason: 'aborted', attempts: [{ outcome: 'aborted' }] } },
    })
  })

  it.each<[string, unknown]>([
    ['function', (() => 2) satisfies FallbackFunction<unknown, unknown>],
    ['default', 2],
    ['provider', provider('azure', () => 2)],
  ])('source %s', async (source, step) => {
    const { a } = (await reportOf({ a: fails(500, { fallback: [step] }) })).hops
    expect([a?.status, a?.source?.split(':')[0]]).toEqual(['degraded', source])
  })

  it('sources cache and stale, and every status of a cache', async () => {
    const cache = { in: stash.kept, key: ({ input }: { input: { text: string } }) => input.text }
    const played = script([() => resolveAfter(clock, 10, 1), () => resolveAfter(clock, 10, 2), httpError(500)])
    const cached = fromGraph('p', { a: hop({ call: played.call, cache, fallback: [staleFor('1d')] }) }, { clock })
    const statusAfter = async (ms: number, runs = 1, text: unknown = 'x') => {
      await clock.advance(ms)
      const running = Array.from({ length: runs }, () => cached.run({ text }))
      await clock.advance(20)
      return (await Promise.all(running))
        .map(({ report }) => note(report).hops.a)
        .map((a) => [a?.source, a?.cache.status])
    }
    expect(await statusAfter(0, 2)).toEqual([
      ['live', 'miss'],
      ['live', 'coalesced'],
    ])
    expect(await statusAfter(0)).toEqual([['cache', 'hit']])
    expect(await statusAfter(70_000)).toEqual([['stale', 'stale']])
    expect(await statusAfter(200_000)).toEqual([['stale', 'stale']])
    expect(seen['hop status']).toContain('degraded')
  })

  it('a key that is none', async () => {
    const { a } = (await reportOf({ a: hop({ cache: { in: stash.kept, key: () => () => {} } }) })).hops
    expect([a?.source, a?.cache.status]).toEqual(['live', 'bypass'])
  })

  it('a value that replaces an expired one', async () => {
    const stale = createStash({
      clock,
      store: 'memory',
      namespaces: { kept: namespace({ ttl: '1m', staleIfError: '1d' }) },
    })
    const cached = fromGraph('p', { a: hop({ cache: { in: stale.kept } }) }, { clock })
    await cached.run('x')
    await clock.advance(70_000)
    expect(note((await cached.run('x')).report).hops.a?.cache.status).toBe('revalidated')
  })

  it('runs from a cache', async () => {
    const p = pipeline<string>('p', { clock })
      .hop('a', { run: ({ input }) => input })
      .cache({ in: stash.kept })
      .assemble(({ a }) => a)
    const sources: unknown[] = []
    for (const wait of [0, 0, 70_000]) {
      await clock.advance(wait)
      const { source, hops } = note((await p.run('y')).report)
      sources.push([source, hops.a?.reason])
    }
    expect(sources).toEqual([
      ['live', null],
      ['cache', 'run_cached'],
      ['stale', 'run_cached'],
    ])
  })

  afterAll(async () => {
    await stash.close()
    for (const [kind, words] of Object.entries(WORDS)) expect([...(seen[kind] ?? [])].sort(), kind).toEqual(words)
  })
})

function readWords(): Record<string, string[]> {
  const at = (...path: string[]): string[] => {
    let part: unknown = runReportSchema
    for (const step of path) part = (part as Record<string, unknown>)[step]
    return (part as (string | null)[]).filter((word) => word !== null).sort()
  }
  const hopAt = (...path: string[]) => at('properties', 'hops', 'additionalProperties', 'properties', ...path)
  return {
    'run status': at('properties', 'status', 'enum'),
    'run source': at('properties', 'source', 'enum'),
    'hop status': hopAt('status', 'enum'),
    'hop source': [...hopAt('source', 'anyOf', '0', 'enum'), 'provider'].sort(),
    'hop reason': hopAt('reason', 'enum'),
    'cache status': hopAt('cache', 'properties', 'status', 'enum'),
    'attempt outcome': hopAt('attempts', 'items', 'properties', 'outcome', 'enum'),
  }
}
