import { Histogram, type Percentiles } from '../metrics/histogram.js'
import type { MissCause } from './words.js'

/** What one namespace counts. Plain numbers: a hit increments one of them. */
export interface Counters {
  hits: number
  stale: number
  coalesced: number
  /** Of these, how many shared a load that failed: nothing was saved there. */
  coalescedInVain: number
  misses: number
  bypassed: number
  loads: number
  loadErrors: number
  refreshes: number
  writes: number
  deletes: number
  evictions: number
  /** Values that were computed but could not be kept, by reason. */
  readonly refused: Record<RefusalReason, number>
  readonly missCauses: Record<MissCause, number>
  /** What all loads together cost upstream, as the namespace's `cost` tells it. */
  loadTokens: number
  loadMoney: number
  readonly hitTimes: Histogram
  readonly missTimes: Histogram
  readonly staleTimes: Histogram
  readonly loadTimes: Histogram
}

/** Why a value was handed to its caller but not kept. */
export type RefusalReason =
  | 'type'
  | 'size'
  | 'undefined'
  | 'uncacheable'
  | 'ttl'
  | 'invalidated'
  | 'policy-error'
  | 'schema'

/** Returns counters at zero. */
export function createCounters(): Counters {
  return {
    hits: 0,
    stale: 0,
    coalesced: 0,
    coalescedInVain: 0,
    misses: 0,
    bypassed: 0,
    loads: 0,
    loadErrors: 0,
    refreshes: 0,
    writes: 0,
    deletes: 0,
    evictions: 0,
    refused: { type: 0, size: 0, undefined: 0, uncacheable: 0, ttl: 0, invalidated: 0, 'policy-error': 0, schema: 0 },
    missCauses: { never: 0, expired: 0, evicted: 0, invalidated: 0, bypass: 0, unknown: 0 },
    loadTokens: 0,
    loadMoney: 0,
    hitTimes: new Histogram(),
    missTimes: new Histogram(),
    staleTimes: new Histogram(),
    loadTimes: new Histogram(),
  }
}

/** Statistics of one namespace at an instant. Rates are shares from 0 to 1; durations are in ms. */
export interface NamespaceStats {
  readonly size: number
  readonly maxSize: number
  readonly bytes: number
  /** `null` if entries never expire, `undefined` if a function decides. */
  readonly ttlMs: number | null | undefined
  readonly hits: number
  readonly misses: number
  /** Hits and stale answers over these and misses; 0 before the first read. Shared loads are neither. */
  readonly hitRate: number
  readonly stale: number
  readonly coalesced: number
  readonly bypassed: number
  readonly loads: number
  readonly loadErrors: number
  readonly refreshes: number
  readonly writes: number
  readonly deletes: number
  readonly evictions: number
  readonly inFlight: number
  readonly refused: Readonly<Record<RefusalReason, number>>
  readonly missCauses: Readonly<Record<MissCause, number>>
  /** Calls not made, and an estimate of what they would have cost: the mean of the loads that were made. */
  readonly saved: Savings
  readonly latency: Readonly<Record<'hit' | 'miss' | 'stale' | 'load', Percentiles>>
}

/** Calls, milliseconds, tokens and money that reads did not cost. */
export interface Savings {
  readonly calls: number
  readonly ms: number
  readonly tokens: number
  readonly money: number
}

function savedBy(counters: Counters): Savings {
  const calls = counters.hits + counters.stale + counters.coalesced - counters.coalescedInVain
  const perLoad = counters.loads === 0 ? 0 : calls / counters.loads
  return {
    calls,
    ms: counters.loadTimes.count === 0 ? 0 : (counters.loadTimes.sumMs / counters.loadTimes.count) * calls,
    tokens: counters.loadTokens * perLoad,
    money: counters.loadMoney * perLoad,
  }
}

/** Renders counters and the state of memory into one statistics object. */
export function statsOf(
  counters: Counters,
  memory: { readonly size: number; readonly max: number; readonly bytes: number; readonly inFlight: number },
  ttlMs: number | null | undefined,
): NamespaceStats {
  const { hits, misses, stale, coalesced } = counters
  const answered = hits + stale + misses
  return {
    size: memory.size,
    maxSize: memory.max,
    bytes: memory.bytes,
    ttlMs,
    hits,
    misses,
    hitRate: answered === 0 ? 0 : (hits + stale) / answered,
    stale,
    coalesced,
    bypassed: counters.bypassed,
    loads: counters.loads,
    loadErrors: counters.loadErrors,
    refreshes: counters.refreshes,
    writes: counters.writes,
    deletes: counters.deletes,
    evictions: counters.evictions,
    inFlight: memory.inFlight,
    refused: { ...counters.refused },
    missCauses: { ...counters.missCauses },
    saved: savedBy(counters),
    latency: {
      hit: counters.hitTimes.percentiles(),
      miss: counters.missTimes.percentiles(),
      stale: counters.staleTimes.percentiles(),
      load: counters.loadTimes.percentiles(),
    },
  }
}
