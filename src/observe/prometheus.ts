import type { StashMethods } from '../cache/build-stash.js'
import type { NamespaceStats } from '../cache/counters.js'
import { stateOf } from '../cache/namespace-state.js'
import type { Histogram } from '../metrics/histogram.js'
import { type Family, histogramSamples, type Sample, textOf } from './prometheus-text.js'

/** What metrics are taken of. */
export type MetricsSource = Pick<StashMethods, 'stats' | 'names' | 'namespace' | 'health'>

/** The part of a pipeline its metrics are read from. */
export interface MeteredPipeline {
  readonly name: string
  metrics(): {
    readonly runs: { readonly status: Readonly<Record<string, number>>; readonly durationMs: Quantiles }
    readonly hops: Readonly<Record<string, MeteredHop>>
  }
}

interface MeteredHop {
  readonly status: Readonly<Record<string, number>>
  readonly source: Readonly<Record<string, number>>
  readonly retries: number
  readonly durationMs: Quantiles
}

interface Quantiles {
  readonly p50: number | undefined
  readonly p95: number | undefined
  readonly p99: number | undefined
}

/** The `Content-Type` of {@link prometheusText}. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * Renders the metrics of a stash, and of pipelines, in the Prometheus text format.
 *
 * Every name begins with `hopstash_`; labels are names from the code (`namespace`, `pipeline`, `hop`) and words of the
 * package, never keys or values. Durations are in seconds, sizes in bytes.
 *
 * @see Prometheus text exposition format 0.0.4
 */
export function prometheusText(stash: MetricsSource, pipelines: readonly MeteredPipeline[] = []): string {
  return textOf([...cacheFamilies(stash), ...storeFamilies(stash), ...pipelineFamilies(pipelines)])
}

function cacheFamilies(stash: MetricsSource): Family[] {
  const each = Object.entries(stash.stats().namespaces)
  const one = (pick: (stats: NamespaceStats) => number): Sample[] =>
    each.map(([namespace, stats]) => ({ labels: { namespace }, value: pick(stats) }))
  const by = (label: string, pick: (stats: NamespaceStats) => Readonly<Record<string, number>>): Sample[] =>
    each.flatMap(([namespace, stats]) =>
      Object.entries(pick(stats)).map(([word, value]) => ({ labels: { namespace, [label]: word }, value })),
    )
  const outcomes = ({ hits, stale, misses, coalesced, bypassed }: NamespaceStats) => ({
    hit: hits,
    stale,
    miss: misses,
    coalesced,
    bypass: bypassed,
  })
  return [
    counter('cache_requests_total', 'Reads by outcome.', by('outcome', outcomes)),
    counter(
      'cache_misses_total',
      'Misses by cause.',
      by('cause', (stats) => stats.missCauses),
    ),
    counter(
      'cache_refused_total',
      'Values that were computed but not kept, by reason.',
      by('reason', (stats) => stats.refused),
    ),
    counter(
      'cache_loads_total',
      'Loads begun.',
      one((stats) => stats.loads),
    ),
    counter(
      'cache_load_errors_total',
      'Loads that failed.',
      one((stats) => stats.loadErrors),
    ),
    counter(
      'cache_refreshes_total',
      'Loads behind a stale answer.',
      one((stats) => stats.refreshes),
    ),
    counter(
      'cache_writes_total',
      'Values stored by set and write-through.',
      one((stats) => stats.writes),
    ),
    counter(
      'cache_deletes_total',
      'Deletions of keys.',
      one((stats) => stats.deletes),
    ),
    counter(
      'cache_evictions_total',
      'Entries pushed out of memory by others.',
      one((stats) => stats.evictions),
    ),
    gauge(
      'cache_entries',
      'Entries in memory.',
      one((stats) => stats.size),
    ),
    gauge(
      'cache_max_entries',
      'Bound of entries in memory.',
      one((stats) => stats.maxSize),
    ),
    gauge(
      'cache_bytes',
      'Estimated bytes in memory.',
      one((stats) => stats.bytes),
    ),
    gauge(
      'cache_loads_in_flight',
      'Loads under way.',
      one((stats) => stats.inFlight),
    ),
    gauge(
      'cache_saved_calls',
      'Calls not made.',
      one((stats) => stats.saved.calls),
    ),
    gauge(
      'cache_saved_seconds',
      'Estimate of the time not spent.',
      one((stats) => stats.saved.ms / 1000),
    ),
    gauge(
      'cache_saved_tokens',
      'Estimate of the tokens not used.',
      one((stats) => stats.saved.tokens),
    ),
    gauge(
      'cache_saved_money',
      'Estimate of the money not spent, in the currency of the prices.',
      one((stats) => stats.saved.money),
    ),
    durations(stash),
  ]
}

function durations(stash: MetricsSource): Family {
  const samples = stash.names().flatMap((namespace) => {
    const { hitTimes, staleTimes, missTimes, loadTimes } = stateOf(stash.namespace(namespace)).counters
    const timed: [string, Histogram][] = [
      ['hit', hitTimes],
      ['stale', staleTimes],
      ['miss', missTimes],
      ['load', loadTimes],
    ]
    return timed.flatMap(([outcome, times]) => histogramSamples(times, { namespace, outcome }))
  })
  return {
    name: 'hopstash_cache_duration_seconds',
    type: 'histogram',
    help: 'How long reads and loads took; of memory hits one in 1,024 is timed.',
    samples,
  }
}

function storeFamilies(stash: MetricsSource): Family[] {
  const { memory, store } = stash.health()
  const families = [
    gauge('memory_bytes', 'Estimated bytes of all namespaces in memory.', [{ labels: {}, value: memory.bytes }]),
    gauge('memory_max_bytes', 'Bound of bytes in memory.', [{ labels: {}, value: memory.maxBytes }]),
  ]
  if (store === undefined) return families
  const labels = { kind: store.kind }
  return [
    ...families,
    gauge('store_up', 'Whether the shared store answers.', [{ labels, value: store.away ? 0 : 1 }]),
    gauge('store_deaf', 'Whether messages of other processes may be missing.', [{ labels, value: store.deaf ? 1 : 0 }]),
    gauge('store_pending_invalidations', 'Invalidations the shared store has not been told yet.', [
      { labels, value: store.pending },
    ]),
  ]
}

function pipelineFamilies(pipelines: readonly MeteredPipeline[]): Family[] {
  if (pipelines.length === 0) return []
  const read = pipelines.map((pipeline) => ({ pipeline: pipeline.name, ...pipeline.metrics() }))
  const hops = read.flatMap(({ pipeline, hops }) =>
    Object.entries(hops).map(([hop, meter]) => ({ labels: { pipeline, hop }, meter })),
  )
  return [
    counter(
      'pipeline_runs_total',
      'Runs by status.',
      read.flatMap(({ pipeline, runs }) => words(runs.status, 'status', { pipeline })),
    ),
    summary(
      'pipeline_run_duration_seconds',
      'How long runs took.',
      read.flatMap(({ pipeline, runs }) => quantiles(runs.durationMs, { pipeline })),
    ),
    counter(
      'hop_results_total',
      'Results of hops by status.',
      hops.flatMap(({ labels, meter }) => words(meter.status, 'status', labels)),
    ),
    counter(
      'hop_sources_total',
      'Where the values of hops came from.',
      hops.flatMap(({ labels, meter }) => words(meter.source, 'source', labels)),
    ),
    counter(
      'hop_retries_total',
      'Calls of hops that were repeated.',
      hops.map(({ labels, meter }) => ({ labels, value: meter.retries })),
    ),
    summary(
      'hop_duration_seconds',
      'How long hops took that ran.',
      hops.flatMap(({ labels, meter }) => quantiles(meter.durationMs, labels)),
    ),
  ]
}

function words(
  counts: Readonly<Record<string, number>>,
  label: string,
  labels: Readonly<Record<string, string>>,
): Sample[] {
  return Object.entries(counts).map(([word, value]) => ({ labels: { ...labels, [label]: word }, value }))
}

function quantiles(times: Quantiles, labels: Readonly<Record<string, string>>): Sample[] {
  const known: [string, number | undefined][] = [
    ['0.5', times.p50],
    ['0.95', times.p95],
    ['0.99', times.p99],
  ]
  return known.map(([quantile, ms]) => ({
    labels: { ...labels, quantile },
    value: ms === undefined ? Number.NaN : ms / 1000,
  }))
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `hopstash_${name}`, type: 'counter', help, samples }
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `hopstash_${name}`, type: 'gauge', help, samples }
}

function summary(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `hopstash_${name}`, type: 'summary', help, samples }
}
