import type { StashMethods } from '../../cache/build-stash.js'
import type { NamespaceStats } from '../../cache/counters.js'
import type { Percentiles } from '../../metrics/histogram.js'
import type { MeterLike, ObservableLike, ObservableResultLike } from './api.js'
import { ATTRIBUTES } from './conventions.js'

type Source = Pick<StashMethods, 'stats' | 'health'>
type Counts = Readonly<Record<string, number>>

/** Lets a meter read the statistics of a stash whenever it collects; returns what ends that. */
export function observeStats(stash: Source, meter: MeterLike): () => void {
  const ends: (() => void)[] = []
  const read = (instrument: ObservableLike, callback: (result: ObservableResultLike) => void): void => {
    instrument.addCallback(callback)
    ends.push(() => instrument.removeCallback(callback))
  }
  const each = (tell: (result: ObservableResultLike, namespace: string, stats: NamespaceStats) => void) => {
    return (result: ObservableResultLike): void => {
      for (const [namespace, stats] of Object.entries(stash.stats().namespaces)) tell(result, namespace, stats)
    }
  }
  const counter = (name: string, unit: string, description: string): ObservableLike =>
    meter.createObservableCounter(`hopstash.${name}`, { unit, description })
  const gauge = (name: string, unit: string, description: string): ObservableLike =>
    meter.createObservableGauge(`hopstash.${name}`, { unit, description })

  read(
    counter('cache.requests', '{request}', 'Reads by outcome.'),
    each((result, namespace, stats) => observeAll(result, namespace, ATTRIBUTES.outcome, outcomesOf(stats))),
  )
  read(
    counter('cache.misses', '{miss}', 'Misses by cause.'),
    each((result, namespace, stats) => observeAll(result, namespace, ATTRIBUTES.cause, stats.missCauses)),
  )
  const single: [ObservableLike, (stats: NamespaceStats) => number][] = [
    [counter('cache.loads', '{load}', 'Loads begun.'), (stats) => stats.loads],
    [counter('cache.load.errors', '{load}', 'Loads that failed.'), (stats) => stats.loadErrors],
    [counter('cache.evictions', '{entry}', 'Entries pushed out of memory by others.'), (stats) => stats.evictions],
    [gauge('cache.entries', '{entry}', 'Entries in memory.'), (stats) => stats.size],
    [gauge('cache.size', 'By', 'Estimated bytes in memory.'), (stats) => stats.bytes],
    [gauge('cache.saved.calls', '{call}', 'Calls not made.'), (stats) => stats.saved.calls],
    [gauge('cache.saved.time', 's', 'Estimate of the time not spent.'), (stats) => stats.saved.ms / 1000],
    [gauge('cache.saved.tokens', '{token}', 'Estimate of the tokens not used.'), (stats) => stats.saved.tokens],
  ]
  for (const [instrument, pick] of single) {
    read(
      instrument,
      each((result, namespace, stats) => result.observe(pick(stats), { [ATTRIBUTES.namespace]: namespace })),
    )
  }
  read(
    gauge('cache.duration', 's', 'Quantiles of how long reads and loads took; of memory hits one in 1,024 is timed.'),
    each((result, namespace, { latency }) => {
      for (const [outcome, times] of Object.entries(latency)) observeQuantiles(result, namespace, outcome, times)
    }),
  )
  read(gauge('store.up', '1', 'Whether the shared store answers.'), (result) => {
    const { store } = stash.health()
    if (store !== undefined) result.observe(store.away ? 0 : 1)
  })
  return () => {
    for (const end of ends) end()
  }
}

function outcomesOf({ hits, stale, misses, coalesced, bypassed }: NamespaceStats): Counts {
  return { hit: hits, stale, miss: misses, coalesced, bypass: bypassed }
}

function observeAll(result: ObservableResultLike, namespace: string, attribute: string, counts: Counts): void {
  for (const [word, value] of Object.entries(counts))
    result.observe(value, { [ATTRIBUTES.namespace]: namespace, [attribute]: word })
}

function observeQuantiles(result: ObservableResultLike, namespace: string, outcome: string, times: Percentiles): void {
  const known: [string, number | undefined][] = [
    ['0.5', times.p50],
    ['0.95', times.p95],
    ['0.99', times.p99],
  ]
  for (const [quantile, ms] of known) {
    if (ms === undefined) continue
    const attributes = {
      [ATTRIBUTES.namespace]: namespace,
      [ATTRIBUTES.outcome]: outcome,
      [ATTRIBUTES.quantile]: quantile,
    }
    result.observe(ms / 1000, attributes)
  }
}
