import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createStash, namespace } from '../../../src/index.js'
import { defineHop, type HopCache, pipeline } from '../../../src/pipeline/index.js'
import { createFakeClock, type FakeClock } from '../../../src/testing/fake-clock.js'
import { fakeRecords } from './fake-records.js'
import { deaf, httpError, resolveAfter, script } from './support.js'

function setUp(
  outcomes: (clock: FakeClock) => readonly unknown[],
  cache: Partial<HopCache<unknown>> = {},
  more: object = {},
) {
  const clock = createFakeClock()
  const records = fakeRecords(clock)
  const played = script(outcomes(clock))
  const hop = defineHop({ name: 'a', call: played.call, cache: { in: records, ...cache }, ...more })
  const p = pipeline<unknown>('p', { clock })
    .hop('a', hop, {})
    .assemble(({ a }) => a)
  return { clock, records, p, seen: played.seen }
}

describe('the cache of a hop', () => {
  it('answers the second equal input without a call', async () => {
    const { clock, p, seen } = setUp(() => ['answer'])
    const first = await p.run({ b: 1, a: 2 })
    await clock.advance(10)
    const second = await p.run({ a: 2, b: 1 })
    expect(first.report.hops.a).toMatchObject({
      source: 'live',
      cache: { status: 'miss', ageMs: 0 },
      attempts: [{ outcome: 'ok' }],
    })
    expect(second).toMatchObject({ status: 'ok', output: 'answer' })
    expect(second.report.hops.a).toMatchObject({ source: 'cache', cache: { status: 'hit', ageMs: 10 }, attempts: [] })
    expect(second.report.totals).toMatchObject({ attempts: 0, cacheHits: 1 })
    expect(seen).toHaveLength(1)
  })

  it('uses key, scope and ttl as declared', async () => {
    const { clock, p, seen } = setUp(() => ['answer'], {
      key: ({ input }) => (input as { id: number }).id,
      scope: ({ input }) => (input as { user: string }).user,
      ttl: '5s',
    })
    await p.run({ id: 1, user: 'ada', noise: 1 })
    await p.run({ id: 1, user: 'ada', noise: 2 })
    expect(seen).toHaveLength(1)
    await p.run({ id: 1, user: 'bob' })
    expect(seen).toHaveLength(2)
    await clock.advance(5000)
    await p.run({ id: 1, user: 'ada' })
    expect(seen).toHaveLength(3)
  })

  it('keeps hops, and versions of a hop, apart', async () => {
    const clock = createFakeClock()
    const records = fakeRecords(clock)
    const of = (name: string, version?: number) =>
      defineHop({
        name,
        call: () => `${name}${version}`,
        cache: { in: records },
        ...(version !== undefined && { version }),
      })
    for (const [name, version] of [
      ['x', 1],
      ['x', 2],
      ['y', 1],
    ] as const) {
      const p = pipeline<unknown>('p', { clock })
        .hop('a', of(name, version), {})
        .assemble(({ a }) => a)
      expect((await p.run('same')).output).toBe(`${name}${version}`)
    }
  })

  it('stores neither failures nor what cacheable refuses', async () => {
    const { p, records, seen } = setUp(() => [httpError(404), 'draft', 'final'], {
      cacheable: (answer) => answer !== 'draft',
    })
    expect((await p.run(1)).status).toBe('failed')
    expect((await p.run(1)).output).toBe('draft')
    expect((await p.run(1)).output).toBe('final')
    expect((await p.run(1)).output).toBe('final')
    expect(seen).toHaveLength(3)
    expect(records.stored).toEqual([{ raw: 'final', tainted: false }])
  })

  it('passes a stored answer through the output contract again, also where it transforms', async () => {
    const { p, seen } = setUp(() => ['7'], {}, { output: z.string().transform(Number) })
    expect((await p.run(1)).output).toBe(7)
    expect((await p.run(1)).output).toBe(7)
    expect(seen).toHaveLength(1)
  })

  it('calls again when a stored answer no longer fits', async () => {
    const { clock, p, records, seen } = setUp(() => [{ v: 2 }], {}, { output: z.object({ v: z.number() }) })
    await p.run(1)
    for (const [id, entry] of records.entries)
      records.entries.set(id, { ...entry, value: { raw: { v: 'old' }, tainted: false } })
    await clock.advance(10)
    const runs = await Promise.all([p.run(1), p.run(1)])
    expect(runs).toMatchObject([{ status: 'ok', output: { v: 2 } }, { output: { v: 2 } }])
    expect(runs.map((run) => run.report.hops.a?.cache.status)).toEqual(['miss', 'coalesced'])
    expect((await p.run(1)).report.hops.a?.cache.status).toBe('hit')
    expect(seen).toHaveLength(2)
  })

  it('is asked for a fresh answer where what was just stored does not fit either', async () => {
    let checks = 0
    const output = z.custom(() => ++checks === 1 || checks === 4)
    const { p, seen } = setUp(() => ['answer'], {}, { output })
    await p.run(1)
    const run = await p.run(1)
    expect(run).toMatchObject({ status: 'ok', output: 'answer' })
    expect(run.report.hops.a?.cache.status).toBe('miss')
    expect(seen).toHaveLength(2)
  })

  it('takes the place of an answer that no longer fits in a namespace of a stash', async () => {
    const clock = createFakeClock()
    const stash = createStash({ store: 'memory', clock, namespaces: { answers: namespace({ ttl: '1h' }) } })
    let calls = 0
    const of = (form: string) => {
      const call = async () => {
        calls++
        return { form }
      }
      const hop = defineHop({
        name: 'a',
        call,
        output: z.object({ form: z.literal(form) }),
        cache: { in: stash.answers },
      })
      return pipeline<number>(form, { clock })
        .hop('a', hop, {})
        .assemble(({ a }) => a.form)
    }
    await of('old').run(1)
    await clock.advance(10)
    const p = of('new')
    const runs = [await p.run(1), await p.run(1)]
    expect(runs.map(({ output, report }) => [output, report.hops.a.cache.status])).toEqual([
      ['new', 'revalidated'],
      ['new', 'hit'],
    ])
    expect(calls).toBe(2)
    await stash.close()
  })

  it('costs the hop nothing when its key or scope throws, also where a scope is required; where all is strict it fails the hop', async () => {
    const scoped = namespace({ ttl: '1h', requireScope: true })
    const strict = namespace({ ttl: '1h', strict: true })
    const stash = createStash({ store: 'memory', namespaces: { scoped, strict } })
    const fail = (): never => {
      throw new RangeError('no key')
    }
    for (const name of ['scoped', 'strict'] as const) {
      for (const more of [{ key: fail }, { scope: fail }]) {
        const cache = { in: stash[name], scope: () => 'all', ...more }
        const p = pipeline<number>('p')
          .hop('a', defineHop({ name: 'a', call: () => 'answer', cache }), {})
          .assemble(({ a }) => a)
        const { output, report } = await p.run(1)
        const wanted = name === 'scoped' ? ['answer', undefined] : [undefined, 'RangeError']
        expect([output, report.hops.a.error?.name]).toEqual(wanted)
        expect(report.hops.a.cache.status).toBe('bypass')
      }
    }
    await stash.close()
  })

  it('calls nobody in a replay: neither for what no longer fits, nor without a key', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hop-cache-'))
    let calls = 0
    const runOf = async (mode: 'record' | 'replay', form: string, more: object = {}) => {
      const stash = createStash({ store: { folder }, mode, namespaces: { answers: namespace({ ttl: '1h' }) } })
      const call = async () => {
        calls++
        return { form }
      }
      const cache = { in: stash.answers, ...more }
      const output = z.object({ form: z.literal(form) })
      const p = pipeline<number>('p')
        .hop('a', defineHop({ name: 'a', call, output, cache, fallback: [{ form }] }), {})
        .assemble(({ a }) => a)
      const run = await p.run(1)
      await stash.close()
      return [run.status, run.report.hops.a.error?.code]
    }
    const key = () => {
      throw new Error('no key')
    }
    expect(await runOf('record', 'old')).toEqual(['ok', undefined])
    expect(await runOf('replay', 'old')).toEqual(['ok', undefined])
    expect(await runOf('replay', 'new')).toEqual(['failed', 'ERR_REPLAY_MISS'])
    expect(await runOf('replay', 'old', { key })).toEqual(['failed', 'ERR_REPLAY_MISS'])
    expect(calls).toBe(1)
    await rm(folder, { recursive: true })
  })

  it('keeps hops apart that are declared in place, under one name in two pipelines', async () => {
    const clock = createFakeClock()
    const cache = { in: fakeRecords(clock) }
    const of = (name: string) =>
      pipeline<number>(name, { clock })
        .hop('score', { cache, run: () => `from ${name}` })
        .assemble(({ score }) => score)
    expect((await of('one').run(1)).output).toBe('from one')
    expect((await of('two').run(1)).output).toBe('from two')
    expect((await of('one').run(1)).report.hops.score.source).toBe('cache')
  })

  it('costs the hop nothing when its key function throws', async () => {
    const { p } = setUp(() => ['answer'], {
      key: () => {
        throw new Error('bug')
      },
    })
    const run = await p.run(1)
    expect(run).toMatchObject({ status: 'ok', output: 'answer' })
    expect(run.report.hops.a?.cache.status).toBe('bypass')
  })

  it('shares one call among concurrent equal runs', async () => {
    const { clock, p, seen } = setUp((c) => [() => resolveAfter(c, 50, 'answer')])
    const runs = Promise.all([p.run(1), p.run(1), p.run(1)])
    await clock.advance(50)
    expect((await runs).map((run) => run.report.hops.a?.cache.status)).toEqual(['miss', 'coalesced', 'coalesced'])
    expect(seen).toHaveLength(1)
  })

  it('is passed by for a client of one run, and by what that client answered', async () => {
    const clock = createFakeClock()
    const records = fakeRecords(clock)
    const cache = { in: records, key: () => 'same' }
    const hop = defineHop({ name: 'a', client: (): string => 'real', call: ({ client }) => client(), cache })
    const next = defineHop({ name: 'b', call: ({ input }: { input: string }) => `${input}!`, cache })
    const p = pipeline<unknown>('p', { clock })
      .hop('a', hop, {})
      .hop('b', next, { needs: ['a'], input: ({ a }) => a })
      .assemble(({ b }) => b)
    expect((await p.run(1, { clients: { a: () => 'fake' } })).output).toBe('fake!')
    expect(records.stored).toEqual([])
    expect((await p.run(1)).output).toBe('real!')
  })
})

describe('a shared call', () => {
  it('goes on when its leader leaves at its deadline, for the one who still waits', async () => {
    const { clock, p, seen } = setUp((c) => [() => resolveAfter(c, 500, 'answer')])
    const leader = p.run(1, { deadline: '100ms' })
    const follower = p.run(1, { deadline: '10s' })
    await clock.advance(100)
    expect((await leader).status).toBe('timeout')
    await clock.advance(400)
    expect(await follower).toMatchObject({ status: 'ok', output: 'answer' })
    expect(seen).toHaveLength(1)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('is retried within the budget of its last waiter, not of its leader', async () => {
    const { clock, p, seen } = setUp(
      (c) => [() => resolveAfter(c, 50, 0).then(() => Promise.reject(httpError(500))), 'answer'],
      {},
      {
        retry: { attempts: 2, backoff: '1s', jitter: 'none' },
      },
    )
    const leader = p.run(1, { deadline: '100ms' })
    const follower = p.run(1, { deadline: '10s' })
    await clock.advance(100)
    expect((await leader).report.hops.a?.reason).toBe('deadline')
    await clock.advance(1000)
    expect(await follower).toMatchObject({ status: 'ok', output: 'answer' })
    expect(seen).toHaveLength(2)
  })

  it('is not retried past the deadline of everybody who waits', async () => {
    const { p, seen } = setUp(() => [httpError(500)], {}, { retry: { attempts: 2, backoff: '1s', jitter: 'none' } })
    const run = await p.run(1, { deadline: '500ms' })
    expect(run.report.hops.a?.reason).toBe('error')
    expect(seen).toHaveLength(1)
  })

  it('is aborted when its last waiter leaves', async () => {
    let aborted = false
    const { clock, p } = setUp(() => [
      ({ signal }: { signal: AbortSignal }) => {
        signal.addEventListener('abort', () => (aborted = true))
        return deaf()
      },
    ])
    const runs = [p.run(1, { deadline: '100ms' }), p.run(1, { deadline: '200ms' })]
    await clock.advance(100)
    await runs[0]
    expect(aborted).toBe(false)
    await clock.advance(100)
    await runs[1]
    expect(aborted).toBe(true)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('that was made from a degraded value taints everybody who shares it', async () => {
    const clock = createFakeClock()
    const records = fakeRecords(clock)
    let down = true
    const p = pipeline<unknown>('p', { clock })
      .hop('a', { run: async () => (down ? Promise.reject(httpError(500)) : 'good'), fallback: ['bad'] })
      .hop('b', { needs: ['a'], run: ({ a }) => resolveAfter(clock, 50, a), cache: { in: records, key: () => 'same' } })
      .hop('c', { needs: ['b'], run: ({ b }) => b, cache: { in: records, key: () => 'same' } })
      .assemble(({ c }) => c)
    const first = p.run(1)
    await clock.settle()
    down = false
    const second = p.run(1)
    await clock.advance(50)
    await first
    expect((await second).report.hops.b).toMatchObject({ tainted: true, cache: { status: 'coalesced' } })
    expect(records.stored).toEqual([])
  })
})
