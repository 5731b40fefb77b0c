import parse from 'parse-prometheus-text-format'
import { expect, it } from 'vitest'
import { namespace } from '../../../src/cache/presets.js'
import { createStash } from '../../../src/cache/stash.js'
import { prometheusText } from '../../../src/observe/prometheus.js'
import { pipeline } from '../../../src/pipeline/pipeline.js'

type Family = ReturnType<typeof parse>[number]

async function metricsOf(): Promise<Map<string, Family>> {
  const stash = createStash({ store: 'memory' })
  await stash.template.getOrSet({ templateId: 't', resume: {} }, () => 'page')
  await stash.template.getOrSet({ templateId: 't', resume: {} }, () => 'page')
  const twice = pipeline<number>('twice')
    .hop('two', { run: ({ input }) => input * 2 })
    .assemble(({ two }) => two)
  await twice.run(1)
  const families = parse(prometheusText(stash, [twice]))
  return new Map(families.map((family) => [family.name, family]))
}

it('is read by a parser of its own, with every name under one prefix', async () => {
  const families = await metricsOf()
  expect(families.size).toBeGreaterThan(20)
  for (const [name, { metrics }] of families) {
    expect(name).toMatch(/^hopstash_[a-z_]+$/)
    expect(metrics.length).toBeGreaterThan(0)
  }
})

it('counts reads by namespace and outcome', async () => {
  const requests = (await metricsOf()).get('hopstash_cache_requests_total')
  const template = requests?.metrics.filter((metric) => metric.labels?.namespace === 'template')
  const counts = Object.fromEntries(template?.map(({ labels, value }) => [labels?.outcome, value]) ?? [])
  expect([requests?.type, counts]).toEqual([
    'COUNTER',
    { hit: '1', stale: '0', miss: '1', coalesced: '0', bypass: '0' },
  ])
})

it('gives histograms whose buckets ascend to their count', async () => {
  const stash = createStash({ store: 'memory' })
  for (const id of ['a', 'b', 'c']) await stash.job.getOrSet(id, () => id)
  // The parser takes no labels on a histogram, so its lines are read here.
  const line =
    /^hopstash_cache_duration_seconds(_bucket|_sum|_count)\{namespace="job",outcome="load"(?:,le="([^"]+)")?\} (\S+)$/
  const lines = prometheusText(stash)
    .split('\n')
    .flatMap((text) => [line.exec(text)].filter((match) => match !== null))
  const buckets = lines.filter(([, suffix]) => suffix === '_bucket')
  const bounds = buckets.map(([, , le]) => (le === '+Inf' ? Infinity : Number(le)))
  const counts = buckets.map(([, , , value]) => Number(value))
  expect(bounds.toSorted((a, b) => a - b)).toEqual(bounds)
  expect(counts.toSorted((a, b) => a - b)).toEqual(counts)
  expect([bounds.at(-1), counts.at(-1)]).toEqual([Infinity, 3])
  expect(lines.filter(([, suffix]) => suffix === '_count').map(([, , , value]) => value)).toEqual(['3'])
  expect(lines.filter(([, suffix]) => suffix === '_sum').length).toBe(1)
})

it('writes sums of fractions without the digits in which they drift', async () => {
  const stash = createStash({
    namespaces: { paid: namespace<number, string>({ cost: () => ({ tokens: 1, money: 0.1 }) }) },
    store: 'memory',
  })
  await stash.paid.getOrSet('k', () => 1)
  for (const _read of [1, 2, 3]) await stash.paid.getOrSet('k', () => 2)
  expect(stash.paid.stats().saved.money).toBe(0.30000000000000004)
  expect(prometheusText(stash)).toContain('hopstash_cache_saved_money{namespace="paid"} 0.3\n')
})

it('tells hops by status', async () => {
  const results = (await metricsOf()).get('hopstash_hop_results_total')
  const ok = results?.metrics.find(({ labels }) => labels?.hop === 'two' && labels.status === 'ok')
  expect([ok?.labels?.pipeline, ok?.value]).toEqual(['twice', '1'])
})

it('escapes what a label may hold', async () => {
  const odd = { name: 'a"b\\c\nd', metrics: () => ({ runs: { status: { ok: 1 }, durationMs: NONE }, hops: {} }) }
  const text = prometheusText(createStash({ store: 'memory' }), [odd])
  expect(text).toContain('hopstash_pipeline_runs_total{pipeline="a\\"b\\\\c\\nd",status="ok"} 1\n')
})

const NONE = { p50: undefined, p95: undefined, p99: undefined }
