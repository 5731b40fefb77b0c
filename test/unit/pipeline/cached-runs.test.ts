import { describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../../src/index.js'
import {
  defineHop,
  pipeline,
  publicReport,
  type RunReport,
  serverTiming,
  waterfall,
} from '../../../src/pipeline/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { fakeRecords } from './fake-records.js'
import { httpError, resolveAfter, script } from './support.js'

function setUp(outcomes?: readonly unknown[], more: { fallback?: readonly unknown[] } = {}) {
  const clock = createFakeClock()
  const records = fakeRecords(clock)
  const played = script(outcomes ?? [() => resolveAfter(clock, 100, 'answer')])
  const reports: RunReport[] = []
  const usage = () => ({ inputTokens: 7, costUsd: 0.5 })
  const hop = defineHop({ name: 'a', call: played.call, usage, ...(more as object) })
  const p = pipeline<unknown>('p', { clock, onRun: (report) => reports.push(report) })
    .hop('a', hop, {})
    .cache({ in: records, ttl: '1m' })
    .assemble(({ a }) => a)
  return { clock, records, p, seen: played.seen, reports }
}

describe('a pipeline with a cache of whole runs', () => {
  it('answers the second equal run without a call, and says so', async () => {
    const { clock, p, seen, reports } = setUp(['answer'])
    const first = await p.run({ a: 1, b: 2 })
    await clock.advance(10)
    const second = await p.run({ b: 2, a: 1 })
    expect(first.report).toMatchObject({ source: 'live', cache: { status: 'miss', ageMs: null } })
    expect(second).toMatchObject({ status: 'ok', output: 'answer' })
    expect(second.report).toMatchObject({
      status: 'ok',
      source: 'cache',
      cache: { status: 'hit', ageMs: 10 },
      criticalPath: [],
      hops: { a: { status: 'skipped', reason: 'run_cached', startMs: null, attempts: [] } },
      totals: { attempts: 0, skipped: 1 },
    })
    expect(publicReport(second.report)).toMatchObject({ source: 'cache' })
    expect(serverTiming(second.report)).toContain('desc="ok hit"')
    expect(waterfall(second.report)).toContain('p ok (cache hit) in 0 ms')
    expect(seen).toHaveLength(1)
    expect(reports).toHaveLength(2)
    expect(p.metrics().hops.a.status).toMatchObject({ ok: 1, skipped: 1 })
  })

  it('runs again after the lifetime', async () => {
    const { clock, p, seen } = setUp(['answer'])
    await p.run(1)
    await clock.advance(60_000)
    await p.run(1)
    expect(seen).toHaveLength(2)
  })

  it('keeps no degraded and no failed run', async () => {
    const degraded = setUp([httpError(404), 'answer'], { fallback: ['substitute'] })
    expect((await degraded.p.run(1)).output).toBe('substitute')
    expect(degraded.records.stored).toEqual([])
    expect((await degraded.p.run(1)).output).toBe('answer')
    const failed = setUp([httpError(404), 'answer'])
    expect((await failed.p.run(1)).report).toMatchObject({ status: 'failed', error: { hop: 'a' } })
    expect(failed.records.stored).toEqual([])
    expect((await failed.p.run(1)).output).toBe('answer')
  })

  it('makes concurrent equal runs one, also where they come to nothing', async () => {
    const { clock, p, seen } = setUp()
    const runs = [p.run(1), p.run(1)]
    await clock.advance(100)
    const [first, second] = await Promise.all(runs)
    expect(second?.report).toMatchObject({ status: 'ok', source: 'live', cache: { status: 'coalesced' } })
    expect([first?.output, second?.output, seen.length]).toEqual(['answer', 'answer', 1])
    const broken = setUp([httpError(404)])
    const [failed, shared] = await Promise.all([broken.p.run(1), broken.p.run(1)])
    expect(shared).toBe(failed)
    expect(failed?.status).toBe('failed')
  })

  it('ends a run with its last caller, and not before', async () => {
    const { clock, p, seen, reports } = setUp()
    const controllers = [new AbortController(), new AbortController()] as const
    const runs = controllers.map(({ signal }) => p.run(1, { signal }))
    await clock.advance(10)
    controllers[0].abort()
    expect((await runs[0])?.status).toBe('cancelled')
    expect(seen[0]?.signal.aborted).toBe(false)
    controllers[1].abort()
    expect((await runs[1])?.status).toBe('cancelled')
    expect(seen[0]?.signal.aborted).toBe(true)
    expect(reports.every(({ status }) => status === 'cancelled')).toBe(true)
    expect(seen).toHaveLength(1)
  })

  it('uses key, scope and version as declared', async () => {
    const clock = createFakeClock()
    const records = fakeRecords(clock)
    let calls = 0
    const make = (version: number) =>
      pipeline<{ id: number; user: string; noise?: number }>('p', { clock })
        .hop('a', { run: () => ++calls })
        .cache({ in: records, key: ({ input }) => input.id, scope: ({ input }) => input.user, version })
        .assemble(({ a }) => a)
    const p = make(1)
    expect((await p.run({ id: 1, user: 'ada', noise: 1 })).output).toBe(1)
    expect((await p.run({ id: 1, user: 'ada', noise: 2 })).output).toBe(1)
    expect((await p.run({ id: 1, user: 'bob' })).output).toBe(2)
    expect((await make(2).run({ id: 1, user: 'ada' })).output).toBe(3)
  })

  it('runs without its cache for an input that has no key', async () => {
    const { p, records } = setUp(['answer'])
    const { output, report } = await p.run({ callback() {} })
    expect(output).toBe('answer')
    expect(report.cache.status).toBe('bypass')
    expect(records.stored).toEqual([])
  })

  it('runs without a cache that fails', async () => {
    const clock = createFakeClock()
    const broken = { name: 'x', records: () => ({ load: () => Promise.reject(new Error('down')) }) } as never
    const p = pipeline<unknown>('p', { clock })
      .hop('a', { run: () => 1 })
      .cache({ in: broken })
      .assemble(({ a }) => a)
    expect(await p.run(1)).toMatchObject({ status: 'ok', output: 1 })
  })

  it('neither reads nor fills it for a run with fakes', async () => {
    const clock = createFakeClock()
    const records = fakeRecords(clock)
    const hop = defineHop({ name: 'a', client: (): string => 'real', call: ({ client }) => client() })
    const p = pipeline<unknown>('p', { clock })
      .hop('a', hop, {})
      .cache({ in: records })
      .assemble(({ a }) => a)
    expect((await p.run(1, { clients: { a: () => 'fake' } })).output).toBe('fake')
    expect((await p.run(1)).output).toBe('real')
    expect((await p.run(1, { clients: { a: () => 'fake' } })).output).toBe('fake')
  })

  it('counts what a kept run cost for the savings of the namespace', async () => {
    const { p, records } = setUp(['answer'])
    await p.run(1)
    expect(records.used).toEqual({ tokens: 7, money: 0.5 })
  })

  it('keeps no output that was made from a degraded value of another run, whose call it shared', async () => {
    const clock = createFakeClock()
    const records = fakeRecords(clock)
    const fail = (): never => {
      throw httpError(404)
    }
    const shared = defineHop({
      name: 'shared',
      cache: { in: records, key: () => 'same' },
      call: ({ input }: { input: string }) => resolveAfter(clock, 100, `made from ${input}`),
    })
    const p = pipeline<boolean>('p', { clock })
      .hop('first', { run: ({ input }): string => (input ? 'good' : fail()), fallback: ['bad'] })
      .hop('shared', shared, { needs: ['first'], input: ({ first }) => first })
      .cache({ in: records })
      .assemble((values) => values.shared)
    const degraded = p.run(false)
    await clock.advance(10)
    const good = p.run(true)
    await clock.advance(90)
    expect((await degraded).status).toBe('degraded')
    expect(await good).toMatchObject({
      status: 'ok',
      output: 'made from bad',
      report: { hops: { shared: { tainted: true } } },
    })
    const again = p.run(true)
    await clock.advance(100)
    expect(await again).toMatchObject({ output: 'made from good', report: { source: 'live' } })
  })

  it('works with a namespace of a stash', async () => {
    const stash = createStash({ store: 'memory', namespaces: { outputs: namespace({ ttl: '1h' }) } })
    const played = script([httpError(404), { text: 'x' }])
    const p = pipeline<unknown>('p')
      .hop('a', defineHop({ name: 'a', call: played.call }), {})
      .cache({ in: stash.outputs, tags: ['run'] })
      .assemble(({ a }) => a)
    const [failed, shared] = await Promise.all([p.run(1), p.run(1)])
    expect([failed.status, shared.status, played.seen.length]).toEqual(['failed', 'failed', 1])
    expect((await p.run(1)).report.cache.status).toBe('miss')
    expect(await p.run(1)).toMatchObject({ output: { text: 'x' }, report: { source: 'cache' } })
    await stash.invalidateTags(['run'])
    expect((await p.run(1)).report.source).toBe('live')
    await stash.close()
  })

  it('refuses what is no namespace and options nobody knows', () => {
    const begun = pipeline<unknown>('p').hop('a', { run: () => 1 })
    const from = fakeRecords(createFakeClock())
    for (const bad of [{}, { in: {} }, { in: from, tll: 1 }, { in: from, key: async () => 1 }]) {
      expect(() => begun.cache(bad as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }))
    }
  })
})
