import { describe, expect, it } from 'vitest'
import { createStash, namespace } from '../../../src/index.js'
import { defineHop, pipeline, provider, type RunEvent, toServerSentEvents } from '../../../src/pipeline/index.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'
import { fakeRecords } from './fake-records.js'
import { deaf, httpError, resolveAfter, script } from './support.js'

async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = []
  for await (const event of events) seen.push(event)
  return seen
}

function setUp() {
  const clock = createFakeClock()
  const retry = { attempts: 2, backoff: 30, jitter: 'none' } as const
  const flaky = script([httpError(503), 'answer'])
  const p = pipeline<unknown>('p', { clock })
    .hop('a', { run: () => resolveAfter(clock, 10, 'x') })
    .hop('b', defineHop({ name: 'b', call: flaky.call, retry }), { needs: ['a'] })
    .hop('c', { needs: ['a'], run: () => 1, when: () => false })
    .assemble(({ b }) => b)
  return { clock, p }
}

/** A pipeline of a hop that takes no time and one that takes 10 ms, whose runs are kept for a minute. */
function kept(lifetime: object) {
  const clock = createFakeClock()
  const stash = createStash({
    store: 'memory',
    clock,
    namespaces: { runs: namespace({ ttl: '1m', jitter: 0, ...lifetime }) },
  })
  const p = pipeline<unknown>('p', { clock })
    .hop('first', { run: () => 1 })
    .hop('a', { needs: ['first'], run: () => resolveAfter(clock, 10, 'x') })
    .cache({ in: stash.runs })
    .assemble(({ a }) => a)
  return { clock, stash, p }
}

describe('the stream of a run', () => {
  it('tells what happens in the order in which it does, and ends with the result', async () => {
    const { clock, p } = setUp()
    const collected = collect(p.stream(1))
    await clock.advance(100)
    const events = await collected
    expect(events.slice(0, -1)).toEqual([
      { type: 'run:start', pipeline: 'p', atMs: 0 },
      { type: 'hop:start', hop: 'a', atMs: 0 },
      { type: 'hop:end', hop: 'a', status: 'ok', source: 'live', reason: null, cache: 'off', atMs: 10 },
      { type: 'hop:start', hop: 'b', atMs: 10 },
      { type: 'hop:end', hop: 'c', status: 'skipped', source: null, reason: 'condition_false', cache: 'off', atMs: 10 },
      { type: 'hop:retry', hop: 'b', attempt: 2, reason: 'error', waitMs: 30, atMs: 10 },
      { type: 'hop:end', hop: 'b', status: 'ok', source: 'live', reason: null, cache: 'off', atMs: 40 },
    ])
    expect(events.at(-1)).toMatchObject({ type: 'run:end', result: { status: 'ok', output: 'answer' }, atMs: 40 })
  })

  it('yields events while the run goes on', async () => {
    const { clock, p } = setUp()
    const events = p.stream(1)
    expect((await events.next()).value).toMatchObject({ type: 'run:start' })
    expect((await events.next()).value).toMatchObject({ type: 'hop:start', hop: 'a' })
    const third = events.next()
    await clock.advance(10)
    expect((await third).value).toMatchObject({ type: 'hop:end', hop: 'a' })
    await events.return()
  })

  it('begins with the first event that is asked for, and cancels the run when nobody asks any more', async () => {
    const clock = createFakeClock()
    const signals: AbortSignal[] = []
    const run = (_: unknown, { signal }: { signal: AbortSignal }) => {
      signals.push(signal)
      return deaf()
    }
    const p = pipeline<unknown>('p', { clock })
      .hop('a', { run })
      .assemble(() => 1)
    const events = p.stream(1)
    expect(signals).toHaveLength(0)
    for await (const event of events) if (event.type === 'hop:start') break
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    expect(p.metrics().runs.status.cancelled).toBe(1)
  })

  it('cancels the run at once when it is left while it waits for the next event, in every form', async () => {
    const signals: AbortSignal[] = []
    const p = pipeline<unknown>('p', { clock: createFakeClock() })
      .hop('a', {
        run(_, { signal }) {
          signals.push(signal)
          return deaf()
        },
      })
      .assemble(() => 1)
    for (const events of [p.stream(1), toServerSentEvents(p.stream(1))]) {
      await events.next()
      await events.next()
      const waiting = events.next()
      const left = events.return()
      expect(signals.at(-1)?.aborted).toBe(true)
      await waiting
      expect(await left).toEqual({ value: undefined, done: true })
    }
    const thrown = p.stream(1)
    await thrown.next()
    await thrown.next()
    const waiting = thrown.next()
    const failed = thrown.throw(new Error('the socket is gone'))
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true])
    await waiting
    await expect(failed).rejects.toThrow('the socket is gone')
    expect(p.metrics().runs.status.cancelled).toBe(3)
  })

  it('ends with the run when its caller leaves', async () => {
    const controller = new AbortController()
    const p = pipeline<unknown>('p')
      .hop('a', { run: () => deaf() })
      .assemble(() => 1)
    const seen: RunEvent[] = []
    for await (const event of p.stream(1, { signal: controller.signal })) {
      seen.push(event)
      if (event.type === 'hop:start') controller.abort()
    }
    expect(seen.map(({ type }) => type)).toEqual(['run:start', 'hop:start', 'hop:end', 'run:end'])
    expect(seen.at(-1)).toMatchObject({ result: { status: 'cancelled' } })
  })

  it('tells of the retries of a call behind a cache', async () => {
    const clock = createFakeClock()
    const { call } = script([httpError(503), 'answer'])
    const retry = { attempts: 2, backoff: 30, jitter: 'none' } as const
    const p = pipeline<unknown>('p', { clock })
      .hop('a', defineHop({ name: 'a', call, retry, cache: { in: fakeRecords(clock) } }), {})
      .assemble(() => 1)
    const collected = collect(p.stream(1))
    await clock.advance(100)
    const events = await collected
    expect(events.map(({ type }) => type)).toEqual(['run:start', 'hop:start', 'hop:retry', 'hop:end', 'run:end'])
    expect(events[3]).toMatchObject({ cache: 'miss' })
  })

  it('has no events of hops where the run is answered from a cache', async () => {
    const p = pipeline<unknown>('p')
      .hop('a', { run: () => 1 })
      .cache({ in: fakeRecords(createFakeClock()) })
      .assemble(() => 1)
    await p.run(1)
    expect((await collect(p.stream(1))).map(({ type }) => type)).toEqual(['run:start', 'run:end'])
  })

  it('has no events of the run that refreshes a stale answer behind it', async () => {
    const { clock, stash, p } = kept({ staleWhileRevalidate: '1h' })
    await Promise.all([p.run(1), clock.advance(10)])
    await clock.advance(60_000)
    const events = await collect(p.stream(1))
    expect(events.map(({ type }) => type)).toEqual(['run:start', 'run:end'])
    expect(events[1]).toMatchObject({ result: { report: { source: 'stale' } } })
    await clock.advance(10)
    expect((await p.run(1)).report.source).toBe('cache')
    await stash.close()
  })

  it('has the events of a run that is made because what was kept is too old', async () => {
    const { clock, stash, p } = kept({ staleIfError: '1h' })
    await Promise.all([p.run(1), clock.advance(10)])
    await clock.advance(60_000)
    const collected = collect(p.stream(1))
    await clock.advance(10)
    expect((await collected).map(({ type }) => type)).toEqual([
      'run:start',
      'hop:start',
      'hop:end',
      'hop:start',
      'hop:end',
      'run:end',
    ])
    await stash.close()
  })

  it('ends each hop once where its caller leaves a run that goes on for others', async () => {
    const { clock, stash, p } = kept({})
    const controller = new AbortController()
    const collected = collect(p.stream(1, { signal: controller.signal }))
    await clock.advance(1)
    const other = p.run(1)
    await clock.advance(1)
    controller.abort()
    await clock.advance(10)
    expect(await other).toMatchObject({ status: 'ok' })
    const told = (await collected).map((event) => (event.type === 'hop:end' ? event.status : event.type))
    expect(told).toEqual(['run:start', 'hop:start', 'ok', 'hop:start', 'cancelled', 'run:end'])
    await stash.close()
  })

  it('starts a hop whose wiring throws before it ends it', async () => {
    const input = (): never => {
      throw new Error('x')
    }
    const p = pipeline<unknown>('p', { clock: createFakeClock() })
      .hop('a', defineHop({ name: 'a', call: () => 1, fallback: [2] }), { input })
      .assemble(({ a }) => a)
    const types = (await collect(p.stream(1))).map(({ type }) => type)
    expect(types).toEqual(['run:start', 'hop:start', 'hop:end', 'run:end'])
  })

  it('throws for impossible options', async () => {
    const { p } = setUp()
    await expect(collect(p.stream(1, { deadline: 'soon' as never }))).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
    })
  })
})

describe('toServerSentEvents', () => {
  it('is one text per event, with what may go to clients', async () => {
    const hop = defineHop({
      name: 'a',
      call: (): string => {
        throw httpError(404)
      },
      fallback: [provider('acme-internal', () => 'line 1\nline 2')],
    })
    const p = pipeline<unknown>('p', { clock: createFakeClock() })
      .hop('a', hop, {})
      .assemble(({ a }) => a)
    const texts = await collect(toServerSentEvents(p.stream(1)))
    expect(texts).toHaveLength(4)
    for (const text of texts) expect(text).toMatch(/^event: [a-z]+:[a-z]+\ndata: \{.*\}\n\n$/)
    expect(texts[2]).toBe(
      'event: hop:end\ndata: {"type":"hop:end","hop":"a","status":"degraded","source":"provider","reason":"error","cache":"off","atMs":0}\n\n',
    )
    const last = JSON.parse(texts[3]!.split('data: ')[1]!)
    expect(last).toMatchObject({ status: 'degraded', output: 'line 1\nline 2', report: { degraded: ['a'] } })
    for (const hidden of ['acme', 'secret', 'attempts', 'costUsd']) expect(texts.join()).not.toContain(hidden)
  })

  it('ends with the result of a run whose output JSON cannot hold, and says that it could not be told', async () => {
    const cycle: { self?: unknown } = {}
    cycle.self = cycle
    for (const output of [cycle, { id: 1n }, () => 1, Symbol('x'), { toJSON: () => cycle }]) {
      const p = pipeline<unknown>('p').assemble(() => output)
      const texts = await collect(toServerSentEvents(p.stream(1)))
      expect(texts).toHaveLength(2)
      const end = JSON.parse(texts[1]!.split('data: ')[1]!)
      expect(end).toMatchObject({ status: 'ok', output: null, outputError: 'ERR_VALUE_UNSUPPORTED' })
      expect(end.report.status).toBe('ok')
    }
    const nothing = await collect(
      toServerSentEvents(
        pipeline('p')
          .assemble(() => undefined)
          .stream(1),
      ),
    )
    expect(nothing[1]).not.toContain('outputError')
  })
})
