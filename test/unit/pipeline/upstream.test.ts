import { describe, expect, it, vi } from 'vitest'
import { createStash, namespace } from '../../../src/index.js'
import { defineHop, defineUpstream, fromGraph, provider, resilient } from '../../../src/pipeline/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { httpError, resolveAfter, script } from './support.js'

const invalid = expect.objectContaining({ code: 'ERR_OPTION_INVALID' })

function one(hop: object, options: object = {}, name = 'p') {
  return fromGraph(name, { a: { hop: defineHop({ name: 'a', ...hop } as never) } }, options)
}

describe('an upstream that pipelines share', () => {
  it('has one breaker, whose state one pipeline tells the other', async () => {
    const clock = createFakeClock()
    const openai = defineUpstream('openai', { breaker: { consecutiveFailures: 2 }, clock })
    const { call, seen } = script([httpError(500)])
    const [p, q] = ['p', 'q'].map((name) => one({ upstream: openai, call }, { clock }, name))
    for (let run = 0; run < 2; run++) await p?.run(1)
    expect(openai.state()).toEqual({ breaker: 'open', active: 0, queued: 0 })
    expect((await q?.run(1))?.report.hops.a).toMatchObject({ status: 'failed', reason: 'breaker_open' })
    expect(seen).toHaveLength(2)
    expect(q?.metrics().upstreams).toEqual({ openai: openai.state() })
    await clock.advance(10_000)
    expect(openai.state().breaker).toBe('half_open')
  })

  it('goes by its own clock, since those of pipelines begin at other instants', async () => {
    const clock = createFakeClock()
    const openai = defineUpstream('openai', { breaker: { consecutiveFailures: 1, openFor: '10s' }, clock })
    const late = createFakeClock()
    await late.advance(1_000_000)
    const { call, seen } = script([httpError(500), 'fine'])
    await one({ upstream: openai, call }, { clock: createFakeClock() }).run(1)
    const q = one({ upstream: openai, call }, { clock: late })
    expect((await q.run(1)).report.hops.a?.reason).toBe('breaker_open')
    await clock.advance(10_000)
    expect((await q.run(1)).status).toBe('ok')
    expect(seen).toHaveLength(2)
  })

  it('has one limit and one retry budget', async () => {
    const clock = createFakeClock()
    const upstream = defineUpstream('u', {
      concurrency: { limit: 1, queue: 0 },
      retryBudget: { min: 1 },
      breaker: false,
      clock,
    })
    const slow = { upstream, call: () => resolveAfter(clock, 10, 1) }
    const runs = ['p', 'q'].map((name) => one(slow, { clock }, name).run(1))
    await clock.advance(10)
    expect((await Promise.all(runs)).map(({ report }) => report.hops.a?.reason)).toEqual([null, 'queue_full'])
    const bad = { upstream, retry: { attempts: 2, backoff: 0 }, call: () => Promise.reject(httpError(503)) }
    const reasons: unknown[] = []
    for (const name of ['p', 'q']) reasons.push((await one(bad, { clock }, name).run(1)).report.hops.a?.reason)
    expect(reasons).toEqual(['error', 'retry_budget_exhausted'])
  })

  it('has the policies of resilient where it says nothing else, whatever its pipelines have', () => {
    const openai = defineUpstream('openai', { concurrency: 3 })
    const [hop] = one({ upstream: openai, call: () => 1 }).plan().hops
    expect(hop).toMatchObject({ attempts: 1 })
    for (const policy of [{ breaker: false }, { concurrency: 4 }, { retryBudget: {} }]) {
      const mine = defineHop({ name: 'a', upstream: openai, call: () => 1, ...(policy as object) })
      expect(() => fromGraph('p', { a: { hop: mine } })).toThrowError(invalid)
    }
    expect(() => one({ upstream: openai, call: () => 1 }, { defaults: resilient })).not.toThrow()
  })

  it('may be the one of another provider', async () => {
    const clock = createFakeClock()
    const azure = defineUpstream('azure', { breaker: { consecutiveFailures: 1 }, clock })
    let calls = 0
    const step = provider(
      'azure',
      () => {
        calls++
        throw httpError(500)
      },
      { upstream: azure },
    )
    const p = one({ call: () => Promise.reject(httpError(404)), fallback: [step, 'default'] }, { clock })
    for (let run = 0; run < 2; run++) expect((await p.run(1)).report.hops.a?.source).toBe('default')
    expect([calls, azure.state().breaker]).toEqual([1, 'open'])
  })

  it('has its name for itself in a pipeline, since statistics go by names', () => {
    const [first, second] = [defineUpstream('openai'), defineUpstream('openai')]
    const hop = (name: string, more: object = {}) => ({ hop: defineHop({ name, call: () => 1, ...more }) })
    const refused = expect.objectContaining({
      code: 'ERR_PIPELINE_INVALID',
      message: expect.stringContaining("two upstreams are called 'openai'"),
    })
    expect(() => fromGraph('p', { a: hop('a', { upstream: first }), b: hop('b', { upstream: first }) })).not.toThrow()
    for (const other of [{ upstream: second }, { upstream: 'openai' }]) {
      expect(() => fromGraph('p', { a: hop('a', { upstream: first }), b: hop('b', other) })).toThrowError(refused)
    }
    const fallback = [provider('mine', () => 1, { upstream: second })]
    expect(() => fromGraph('p', { a: hop('a', { upstream: first, fallback }) })).toThrowError(refused)
    expect(() => fromGraph('p', { openai: hop('openai'), b: hop('b', { upstream: first }) })).toThrowError(refused)
  })

  it('is warned about once when another of its name is defined, for they share nothing', () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    defineUpstream('twice')
    defineUpstream('other')
    defineUpstream('twice', { clock: createFakeClock() })
    expect(() => defineUpstream('twice', { concurrency: 0 })).toThrowError(invalid)
    expect(warnings).not.toHaveBeenCalled()
    const one = defineUpstream('twice')
    const two = defineUpstream('twice')
    expect(one.state()).toEqual(two.state())
    expect(warnings.mock.calls).toEqual([
      [
        expect.stringMatching(/'twice' is defined twice .* Export one `defineUpstream`/),
        { type: 'HopstashWarning', code: 'HOPSTASH_UPSTREAM_TWICE' },
      ],
    ])
    warnings.mockRestore()
  })

  it('is not touched by a fake client of one run', async () => {
    const upstream = defineUpstream('u', { breaker: { consecutiveFailures: 1 } })
    const call = ({ client }: { client: () => unknown }) => client()
    const p = one({ upstream, client: () => 1, call })
    const fails = () => Promise.reject(httpError(500))
    expect((await p.run(1, { clients: { a: fails } })).status).toBe('failed')
    expect(upstream.state().breaker).toBe('closed')
  })

  it.each([
    ['', {}],
    ['a b', {}],
    ['a', { timeout: 1 }],
    ['a', { concurrency: 0 }],
    [7, {}],
  ])('is refused as %o with %o', (name, options) => {
    expect(() => defineUpstream(name as string, options as object)).toThrowError(invalid)
  })

  it.each([{}, 7, '', { name: 'openai', state: () => {} }])('is not %o', (upstream) => {
    expect(() => defineHop({ name: 'a', call: () => 1, upstream: upstream as never })).toThrowError(invalid)
    expect(() => provider('b', () => 1, { upstream: upstream as never })).toThrowError(invalid)
  })
})

describe('more runs than permits and places', () => {
  it('all settle, each as it could, and leave nothing behind', async () => {
    const clock = createFakeClock()
    let most = 0
    let now = 0
    const call = async () => {
      most = Math.max(most, ++now)
      await resolveAfter(clock, 10, 1)
      now--
    }
    const p = one({ call, concurrency: { limit: 16, queue: 100 } }, { clock })
    const controller = new AbortController()
    const runs = Array.from({ length: 500 }, (_, index) => p.run(1, index === 50 ? { signal: controller.signal } : {}))
    controller.abort()
    await clock.advance(1000)
    const reports = (await Promise.all(runs)).map(({ report }) => report)
    const count = (word: string | null) => reports.filter(({ hops }) => hops.a?.reason === word).length
    expect([count(null), count('aborted'), count('queue_full'), most]).toEqual([115, 1, 384, 16])
    expect(p.metrics().upstreams.a).toEqual({ breaker: 'closed', active: 0, queued: 0 })
    expect(clock.pendingTimers()).toBe(0)
  })

  it('go by the priority of their runs', async () => {
    const clock = createFakeClock()
    const served: unknown[] = []
    const call = ({ input }: { input: unknown }) => resolveAfter(clock, 10, served.push(input))
    const p = one({ call, concurrency: 1 }, { clock })
    const runs = [p.run('first')]
    for (const priority of ['low', 'normal', 'high', undefined] as const) runs.push(p.run(priority, { priority }))
    await clock.advance(100)
    await Promise.all(runs)
    expect(served).toEqual(['first', 'high', 'normal', undefined, 'low'])
    await expect(p.run(1, { priority: 'urgent' as 'high' })).rejects.toThrowError(invalid)
  })
})

describe('fromGraph with a cache', () => {
  it('keeps the outputs of whole runs', async () => {
    const stash = createStash({ store: 'memory', namespaces: { graphs: namespace({ ttl: '1h' }) } })
    let calls = 0
    const hop = defineHop({ name: 'a', call: () => ++calls })
    const p = fromGraph<string>('p', { a: { hop } }, { cache: { in: stash.graphs, key: ({ input }) => input } })
    expect((await p.run('x')).output).toEqual({ a: 1 })
    const again = await p.run('x')
    expect([again.output, again.report.source, calls]).toEqual([{ a: 1 }, 'cache', 1])
    expect(() => fromGraph('p', { a: { hop } }, { cache: { in: {} } as never })).toThrowError(invalid)
    await stash.close()
  })
})
