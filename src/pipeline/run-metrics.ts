import { Histogram, type Percentiles } from '../metrics/histogram.js'
import type { HopRun } from './hop-run.js'
import type { Run } from './run.js'
import type { UpstreamState } from './upstream.js'
import type { UsageTotals } from './usage.js'
import type { HopSource, HopStatus, RunStatus } from './words.js'

/** What all runs of a pipeline came to, since it was made. Durations in ms, within 4.5 %. */
export interface RunMetrics<Names extends string = string> {
  readonly pipeline: string
  readonly runs: {
    readonly total: number
    readonly status: Readonly<Record<RunStatus, number>>
    readonly durationMs: Percentiles
  }
  readonly hops: Readonly<Record<Names, HopMetrics>>
  /** How those who are called are doing now, by name. */
  readonly upstreams: Readonly<Record<string, UpstreamState>>
  /** What the calls of all hops used. */
  readonly usage: UsageTotals
}

/** One hop of {@link RunMetrics}. */
export interface HopMetrics {
  readonly status: Readonly<Record<HopStatus, number>>
  /** Where its values came from; all other providers as one. */
  readonly source: Readonly<Record<MetricSource, number>>
  /** Calls that were repeated. */
  readonly retries: number
  /** What its calls used. */
  readonly usage: UsageTotals
  /** Of the times it ran: neither skipped nor cancelled. */
  readonly durationMs: Percentiles
}

/** {@link HopSource} without the names of providers. */
export type MetricSource = Exclude<HopSource, `provider:${string}`> | 'provider'

/** Counts runs; memory is bounded by the number of hops. */
export interface RunMeter {
  record(run: Run): void
  read(): RunMetrics
}

/** Returns the meter of a pipeline with these hops, and a look at those they call. */
export function createRunMeter(
  pipeline: string,
  names: readonly string[],
  upstreams: () => Readonly<Record<string, UpstreamState>>,
): RunMeter {
  const runs = { ok: 0, degraded: 0, failed: 0, cancelled: 0, timeout: 0 }
  const times = new Histogram()
  const hops = names.map(createHopMeter)
  return {
    record(run) {
      runs[run.status]++
      times.record(run.endedAt - run.startedAt)
      for (let index = 0; index < hops.length; index++) countHop(hops[index] as HopMeter, run.hops[index] as HopRun)
    },
    read: () => ({
      pipeline,
      runs: {
        total: Object.values(runs).reduce((total, count) => total + count, 0),
        status: { ...runs },
        durationMs: times.percentiles(),
      },
      hops: Object.fromEntries(names.map((name, index) => [name, readHop(hops[index] as HopMeter)])),
      upstreams: upstreams(),
      usage: hops.reduce((sum: UsageTotals, hop) => plus(sum, hop.usage), NOTHING),
    }),
  }
}

interface HopMeter {
  readonly status: Record<HopStatus, number>
  readonly source: Record<MetricSource, number>
  retries: number
  usage: UsageTotals
  readonly times: Histogram
}

function createHopMeter(): HopMeter {
  return {
    status: { ok: 0, degraded: 0, failed: 0, skipped: 0, cancelled: 0 },
    source: { live: 0, cache: 0, stale: 0, provider: 0, function: 0, default: 0 },
    retries: 0,
    usage: NOTHING,
    times: new Histogram(),
  }
}

function countHop(meter: HopMeter, hop: HopRun): void {
  const { status, source } = hop
  meter.status[status]++
  if (source !== null) meter.source[source.startsWith('provider:') ? 'provider' : (source as MetricSource)]++
  if (status !== 'skipped' && status !== 'cancelled') meter.times.record(hop.endedAt - hop.startedAt)
  const { usageTotals } = hop
  if (usageTotals !== null) meter.usage = plus(meter.usage, usageTotals)
  const records = hop.call?.records
  if (records === undefined) return
  for (let index = 0; index < hop.attemptsSeen; index++) {
    const attempt = records[index]
    if (attempt !== undefined && attempt.number > 1 && attempt.outcome !== 'refused') meter.retries++
  }
}

function readHop({ status, source, retries, usage, times }: HopMeter): HopMetrics {
  return { status: { ...status }, source: { ...source }, retries, usage, durationMs: times.percentiles() }
}

function plus(a: UsageTotals, b: UsageTotals): UsageTotals {
  return {
    calls: a.calls + b.calls,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    costUsd: a.costUsd + b.costUsd,
  }
}

const NOTHING: UsageTotals = Object.freeze({ calls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 })
