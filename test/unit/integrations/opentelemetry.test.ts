import { AsyncLocalStorage } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import * as api from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStash } from '../../../src/cache/stash.js'
import { instrument } from '../../../src/integrations/opentelemetry/instrument.js'
import { pipeline } from '../../../src/pipeline/pipeline.js'
import { createFakeClock } from '../../../src/testing/fake-clock.js'

const storage = new AsyncLocalStorage<api.Context>()
const contexts: api.ContextManager = {
  active: () => storage.getStore() ?? api.ROOT_CONTEXT,
  with: (context, work, self, ...given) => storage.run(context, () => work.call(self, ...given) as never),
  bind: (_context, target) => target,
  enable: () => contexts,
  disable: () => contexts,
}
let exporter: InMemorySpanExporter
let metrics: InMemoryMetricExporter
let reader: PeriodicExportingMetricReader

beforeEach(() => {
  exporter = new InMemorySpanExporter()
  metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 3_600_000 })
  api.context.setGlobalContextManager(contexts)
  api.trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
  api.metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
})
afterEach(async () => {
  await reader.shutdown()
  api.context.disable()
  api.trace.disable()
  api.metrics.disable()
})

const spans = () => exporter.getFinishedSpans()
const spanNamed = (name: string) => spans().find((span) => span.name === name)

describe('spans', () => {
  it('of cache operations are children of what was active where they began, without key or value', async () => {
    const stash = createStash({ store: 'memory' })
    const running = instrument({ api })
    const parent = api.trace.getTracer('host').startSpan('request')
    await api.context.with(api.trace.setSpan(api.context.active(), parent), async () => {
      await stash.job.getOrSet('secret-key', async () => ({ title: 'secret-value' }))
      await stash.job.getOrSet('secret-key', async () => ({ title: 'never' }))
      await stash.job.getOrSet('other', () => Promise.reject(new TypeError('secret-message'))).catch(() => undefined)
    })
    parent.end()
    running.stop()
    const cache = spans().filter((span) => span.name === 'cache getOrSet job')
    expect(cache.map((span) => [span.attributes['hopstash.cache.outcome'], span.attributes['error.type']])).toEqual([
      ['miss', undefined],
      ['miss', 'TypeError'],
    ])
    expect(cache.map((span) => span.parentSpanContext?.spanId)).toEqual(Array(2).fill(parent.spanContext().spanId))
    expect(cache[1]?.status.code).toBe(api.SpanStatusCode.ERROR)
    // Below each, what its loader took of it.
    const loads = spans().filter((span) => span.name === 'load job')
    expect(loads.map((span) => [span.parentSpanContext?.spanId, span.status.code])).toEqual([
      [cache[0]?.spanContext().spanId, api.SpanStatusCode.UNSET],
      [cache[1]?.spanContext().spanId, api.SpanStatusCode.ERROR],
    ])
    expect(JSON.stringify(cache.map(({ name, attributes, status }) => [name, attributes, status]))).not.toMatch(
      /secret-/,
    )
  })

  it('of hits in memory are made only if asked for, and none are when it is stopped', async () => {
    const stash = createStash({ store: 'memory' })
    await stash.job.set('a', 1)
    const running = instrument({ api, spans: 'all' })
    await stash.job.getOrSet('a', () => 2)
    expect(spans().map((span) => span.attributes['hopstash.cache.outcome'])).toEqual(['hit'])
    running.stop()
    running.stop()
    expect(channel('hopstash:cache').hasSubscribers).toBe(false)
    await stash.job.getOrSet('a', () => 2)
    expect(spans().length).toBe(1)
  })

  it('of loads are only of who called a loader, and span what it took', async () => {
    const clock = createFakeClock()
    const stash = createStash({ store: 'memory', clock })
    const running = instrument({ api, spans: 'all', clock })
    const load = () => new Promise<number>((resolve) => clock.setTimer(() => resolve(1), 40, true))
    const both = [stash.job.getOrSet('a', load), stash.job.getOrSet('a', load)]
    await clock.advance(40)
    await Promise.all(both)
    await stash.job.getOrSet('a', load)
    let began = 0
    // biome-ignore lint/suspicious/noThenProperty: some query builders begin whenever they are waited for.
    const lazy = { then: (settle: (value: number) => void) => settle(++began) }
    expect(await stash.job.getOrSet('b', () => lazy as never)).toBe(1)
    running.stop()
    expect(
      spans().map(({ name, attributes, duration }) => [name, attributes['hopstash.cache.outcome'], duration]),
    ).toEqual([
      ['load job', undefined, [0, 40_000_000]],
      ['cache getOrSet job', 'miss', [0, 40_000_000]],
      ['cache getOrSet job', 'coalesced', [0, 40_000_000]],
      ['cache getOrSet job', 'hit', [0, 0]],
      ['load job', undefined, [0, 0]],
      ['cache getOrSet job', 'miss', [0, 0]],
    ])
    expect(began).toBe(1)
  })

  it('of attempts and hops tell the status an upstream answered with', async () => {
    const limited = Object.assign(new Error('secret-message'), { status: 429 })
    const refused = Object.assign(new Error('secret-message'), { code: 'ECONNREFUSED' })
    const failures = [limited, refused]
    const analyze = pipeline<number>('analyze')
      .hop('scorer', { retry: { attempts: 2, backoff: 1 }, run: () => Promise.reject(failures.shift()) })
      .assemble(({ scorer }) => scorer)
    const running = instrument({ api, pipelines: [analyze] })
    await analyze.run(1)
    running.stop()
    const told = spans().map(({ name, attributes }) => [
      name,
      attributes['http.response.status_code'],
      attributes['error.type'],
    ])
    expect(told).toEqual([
      ['attempt scorer', 429, '429'],
      ['attempt scorer', undefined, 'ECONNREFUSED'],
      ['hop scorer', undefined, 'ECONNREFUSED'],
      ['run analyze', undefined, expect.stringMatching(/^ERR_/)],
    ])
  })

  it('of runs hold hops, and hops their attempts', async () => {
    let calls = 0
    const analyze = pipeline<number>('analyze')
      .hop('loader', { run: ({ input }) => input })
      .hop('scorer', {
        needs: ['loader'],
        retry: { attempts: 2, backoff: 1 },
        run: () => (++calls === 1 ? Promise.reject(new Error('secret-message')) : 1),
      })
      .hop('writer', { needs: ['scorer'], run: () => Promise.reject(new Error('down')) })
      .assemble(({ scorer }) => scorer)
    const running = instrument({ api, pipelines: [analyze] })
    const parent = api.trace.getTracer('host').startSpan('request')
    await api.context.with(api.trace.setSpan(api.context.active(), parent), () => analyze.run(1))
    running.stop()
    const run = spanNamed('run analyze')
    expect(run?.parentSpanContext?.spanId).toBe(parent.spanContext().spanId)
    for (const hop of ['loader', 'scorer', 'writer'])
      expect(spanNamed(`hop ${hop}`)?.parentSpanContext?.spanId).toBe(run?.spanContext().spanId)
    const attempts = spans().filter((span) => span.name === 'attempt scorer')
    expect(attempts.map((span) => [span.attributes['hopstash.hop.attempt'], span.status.code])).toEqual([
      [1, api.SpanStatusCode.ERROR],
      [2, api.SpanStatusCode.UNSET],
    ])
    expect(
      attempts.every((span) => span.parentSpanContext?.spanId === spanNamed('hop scorer')?.spanContext().spanId),
    ).toBe(true)
    expect([run?.status.code, spanNamed('hop writer')?.attributes['hopstash.hop.status']]).toEqual([
      api.SpanStatusCode.ERROR,
      'failed',
    ])
    expect(JSON.stringify(spans().map((span) => span.attributes))).not.toContain('secret-')
    await analyze.run(1)
    expect(spans().filter((span) => span.name === 'run analyze').length).toBe(1)
  })
})

describe('metrics', () => {
  it('are read from the statistics, with nobody on the channel', async () => {
    const stash = createStash({ store: 'memory' })
    let reads = 0
    const counted = {
      health: () => stash.health(),
      stats() {
        reads++
        return stash.stats()
      },
    }
    const running = instrument({ api, stash: counted, spans: 'none' })
    expect(channel('hopstash:cache').hasSubscribers).toBe(false)
    await stash.job.getOrSet('a', () => 1)
    await stash.job.getOrSet('a', () => 1)
    await reader.forceFlush()
    const all =
      metrics
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? []
    const requests = all.find(({ descriptor }) => descriptor.name === 'hopstash.cache.requests')
    const ofJob = requests?.dataPoints.filter((point) => point.attributes['hopstash.cache.namespace'] === 'job')
    const counts = Object.fromEntries(
      ofJob?.map((point) => [point.attributes['hopstash.cache.outcome'], point.value]) ?? [],
    )
    expect(counts).toEqual({ hit: 1, stale: 0, miss: 1, coalesced: 0, bypass: 0 })
    expect(all.map(({ descriptor }) => descriptor.name)).toContain('hopstash.cache.duration')
    running.stop()
    const before = reads
    await reader.forceFlush()
    expect([before, reads]).toEqual([expect.any(Number), before])
    expect(before).toBeGreaterThan(0)
  })
})

it.each([
  [{}, /`api`.*@opentelemetry\/api/],
  [{ api, spans: 'some' }, /`spans`/],
  [{ api, stach: 1 }, /`stach`.*`stash`/],
])('refuses %#', (options, message) => {
  expect(() => instrument(options as never)).toThrow(message)
})
