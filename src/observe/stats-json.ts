import type { StashMethods, StashStats } from '../cache/build-stash.js'
import type { NamespaceStats } from '../cache/counters.js'
import type { Percentiles } from '../metrics/histogram.js'

/** Statistics as JSON for dashboards: snake case, one object a namespace. */
export interface StatsDocument {
  readonly status: 'success'
  /** By name: the namespace's in snake case with `_cache` behind it, as in `ai_response_cache`. */
  readonly caches: Readonly<Record<string, CacheDocument>>
  readonly totals: TotalsDocument
}

/** One namespace of a {@link StatsDocument}. Sizes in entries or bytes, `ttl` in seconds, latencies in ms. */
export interface CacheDocument {
  readonly size: number
  readonly max_size: number
  readonly hits: number
  readonly misses: number
  /** Such as `"83.33%"`; `"0.00%"` before the first read. */
  readonly hit_rate: string
  /** Seconds; `null` if entries never expire or a function decides. */
  readonly ttl: number | null
  readonly namespace: string
  readonly bytes: number
  readonly stale: number
  readonly coalesced: number
  readonly bypassed: number
  readonly evictions: number
  readonly loads: number
  readonly load_errors: number
  readonly refreshes: number
  readonly writes: number
  readonly deletes: number
  readonly in_flight: number
  readonly refused: Readonly<Record<string, number>>
  readonly miss_causes: Readonly<Record<string, number>>
  readonly saved: SavingsDocument
  readonly latency_ms: Readonly<Record<string, PercentilesDocument>>
}

/** All namespaces together. */
export interface TotalsDocument {
  readonly size: number
  readonly bytes: number
  readonly max_bytes: number
  readonly hits: number
  readonly misses: number
  readonly stale: number
  readonly coalesced: number
  readonly hit_rate: string
  readonly saved: SavingsDocument
}

/** What reads did not cost; estimates from the mean of the loads that were made. */
export interface SavingsDocument {
  readonly calls: number
  readonly ms: number
  readonly tokens: number
  readonly money: number
}

/** `null` before the first record. */
export interface PercentilesDocument {
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
}

/** What statistics are taken of. */
export type StatsSource = Pick<StashMethods, 'stats' | 'names'>

/** Renders the statistics of a stash. */
export function statsDocument(stash: StatsSource): StatsDocument {
  const stats = stash.stats()
  const names = stash.names()
  const caches = names.map((name): [string, CacheDocument] => [
    cacheName(name, names),
    cacheDocument(name, stats.namespaces[name] as NamespaceStats),
  ])
  return { status: 'success', caches: Object.fromEntries(caches), totals: totalsDocument(stats) }
}

/** `aiResponse` is `ai_response_cache`; of two names that would be one, each keeps its own spelling. */
export function cacheName(name: string, names: readonly string[]): string {
  const snake = snakeCase(name)
  const isShared = names.some((other) => other !== name && snakeCase(other) === snake)
  return `${isShared ? name : snake}_cache`
}

/** The namespace meant by `template`, `template_cache`, `aiResponse` or `ai_response`; `undefined` if there is none. */
export function namespaceMeant(text: string, names: readonly string[]): string | undefined {
  if (names.includes(text)) return text
  return names.find((name) => {
    const full = cacheName(name, names)
    return text === full || `${text}_cache` === full
  })
}

function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase()
}

function cacheDocument(name: string, stats: NamespaceStats): CacheDocument {
  return {
    size: stats.size,
    max_size: stats.maxSize,
    hits: stats.hits,
    misses: stats.misses,
    hit_rate: percent(stats.hitRate),
    ttl: typeof stats.ttlMs === 'number' ? stats.ttlMs / 1000 : null,
    namespace: name,
    bytes: stats.bytes,
    stale: stats.stale,
    coalesced: stats.coalesced,
    bypassed: stats.bypassed,
    evictions: stats.evictions,
    loads: stats.loads,
    load_errors: stats.loadErrors,
    refreshes: stats.refreshes,
    writes: stats.writes,
    deletes: stats.deletes,
    in_flight: stats.inFlight,
    refused: stats.refused,
    miss_causes: stats.missCauses,
    saved: savings(stats.saved),
    latency_ms: Object.fromEntries(
      Object.entries(stats.latency).map(([outcome, times]) => [outcome, percentilesDocument(times)]),
    ),
  }
}

function totalsDocument({ totals }: StashStats): TotalsDocument {
  const { size, bytes, maxBytes, hits, misses, stale, coalesced, hitRate, saved } = totals
  return {
    size,
    bytes,
    max_bytes: maxBytes,
    hits,
    misses,
    stale,
    coalesced,
    hit_rate: percent(hitRate),
    saved: savings(saved),
  }
}

function savings({ calls, ms, tokens, money }: NamespaceStats['saved']): SavingsDocument {
  return { calls, ms: rounded(ms, 1), tokens: Math.round(tokens), money: rounded(money, 6) }
}

/** Percentiles in ms to the microsecond, `null` where nothing was recorded. */
export function percentilesDocument({ p50, p95, p99 }: Percentiles): PercentilesDocument {
  const told = (ms: number | undefined): number | null => (ms === undefined ? null : rounded(ms, 3))
  return { p50: told(p50), p95: told(p95), p99: told(p99) }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
