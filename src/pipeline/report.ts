import { optionInvalid } from '../errors/option-error.js'
import type { AttemptRecord } from './attempt.js'
import type { HopRun } from './hop-run.js'
import type { Run } from './run.js'
import type { UsageTotals } from './usage.js'
import type { AttemptOutcome, HopCacheStatus, HopReason, HopSource, HopStatus, RunSource, RunStatus } from './words.js'

/**
 * What happened in a run, as a JSON document of form `hop-run/1`: always the same keys, `null` for what was not, times
 * in ms rounded to 0.1. Holds no payload, no key and no text of an upstream's error.
 */
export interface RunReport<Names extends string = string> {
  readonly schema: 'hop-run/1'
  readonly runId: string
  readonly pipeline: string
  readonly status: RunStatus
  readonly source: RunSource
  /** What the cache of whole runs said; `off` without one. */
  readonly cache: { readonly status: HopCacheStatus; readonly ageMs: number | null }
  /** Hops that are degraded, or failed without failing the run. */
  readonly degraded: readonly Names[]
  /** ISO 8601, wall clock. */
  readonly startedAt: string
  readonly durationMs: number
  readonly deadlineMs: number | null
  /** What was left of the deadline. */
  readonly remainingMs: number | null
  /** The chain of hops the run's duration was made of. */
  readonly criticalPath: readonly Names[]
  readonly hops: Readonly<Record<Names, HopReport>>
  readonly totals: RunTotals
  readonly error: RunError<Names> | null
}

/** One hop of a {@link RunReport}. */
export interface HopReport {
  readonly status: HopStatus
  readonly source: HopSource | null
  /** Why it is not `ok`. */
  readonly reason: HopReason | null
  readonly needs: readonly string[]
  /** From the start of the run; `null` if it never began. */
  readonly startMs: number | null
  /** Time spent waiting for a permit. */
  readonly queueMs: number
  readonly durationMs: number
  readonly attempts: readonly AttemptReport[]
  readonly cache: { readonly status: HopCacheStatus; readonly ageMs: number | null }
  readonly usage: UsageTotals | null
  /** Whether it was made from a degraded or missing value; what is, is stored nowhere. */
  readonly tainted: boolean
  readonly error: ReportError | null
}

/** One attempt of a {@link HopReport}. */
export interface AttemptReport {
  readonly n: number
  /** `null` for the hop's own call. */
  readonly provider: string | null
  readonly startMs: number
  readonly durationMs: number
  readonly outcome: AttemptOutcome
  readonly code: string | null
  readonly status: number | null
  /** How long was waited before it. */
  readonly waitMs: number
}

/** What may be told of an error: never its message, which may quote the request. */
export interface ReportError {
  readonly name: string | null
  readonly code: string | null
  readonly status: number | null
  readonly retryable: boolean
}

/** What ended a run, and which hop did. */
export interface RunError<Names extends string = string> extends ReportError {
  /** The hop that failed the run; `null` where none did: `assemble` threw, or the caller left. */
  readonly hop: Names | null
  /** Why that hop failed. */
  readonly reason: HopReason | null
}

/** Sums of a {@link RunReport}. */
export interface RunTotals {
  readonly hops: number
  readonly ok: number
  readonly degraded: number
  readonly failed: number
  readonly skipped: number
  readonly cancelled: number
  readonly attempts: number
  readonly retries: number
  readonly cacheHits: number
  readonly tokens: number
  readonly costUsd: number
}

/** The report, if it is one: it may come from a store, or be a run's result by mistake. @throws OptionError `ERR_OPTION_INVALID` */
export function checkReport<Report extends RunReport>(where: string, report: Report): Report {
  if ((report as Partial<RunReport> | null | undefined)?.schema === 'hop-run/1') return report
  throw optionInvalid(`the report given to ${where}`, 'a report of form hop-run/1', report, 'Write `result.report`.')
}

/** Builds the report of a run that is over. */
export function buildReport(run: Run): RunReport {
  const { deadlineMs } = run.request
  const elapsedMs = run.endedAt - run.startedAt
  const hops = Object.fromEntries(run.hops.map((hop) => [hop.name, hopReport(hop, run)]))
  return {
    schema: 'hop-run/1',
    runId: run.runId,
    pipeline: run.plan.name,
    status: run.status,
    ...originOf(run),
    degraded: run.hops.filter(isLess).map((hop) => hop.name),
    startedAt: new Date(run.wallAt).toISOString(),
    durationMs: tenth(elapsedMs),
    deadlineMs: deadlineMs === Infinity ? null : deadlineMs,
    remainingMs: deadlineMs === Infinity ? null : tenth(Math.max(0, deadlineMs - elapsedMs)),
    criticalPath: criticalPath(run.hops),
    hops,
    totals: totalsOf(Object.values(hops)),
    error: runError(run),
  }
}

function originOf({ request: { cached } }: Run): Pick<RunReport, 'source' | 'cache'> {
  const { status, ageMs } = cached ?? { status: 'off', ageMs: null }
  const source = status === 'hit' ? 'cache' : status === 'stale' ? 'stale' : 'live'
  return { source, cache: { status, ageMs: ageMs === null ? null : tenth(ageMs) } }
}

function runError({ error, status, failedHop }: Run): RunError | null {
  if (error === undefined) return null
  // A caller who left may have left after a hop had failed.
  const culprit = status === 'cancelled' ? undefined : failedHop
  return {
    name: error.name,
    code: error.code,
    status: culprit?.failure?.status ?? null,
    retryable: error.retryable,
    hop: culprit?.name ?? null,
    reason: culprit?.reason ?? null,
  }
}

/** The chain of needs, each the last to settle, that ends in the hop that settled last. */
function criticalPath(hops: readonly HopRun[]): readonly string[] {
  const path: string[] = []
  let at = latest(hops.filter((hop) => !Number.isNaN(hop.startedAt)))
  while (at !== undefined) {
    path.unshift(at.name)
    at = latest(at.plan.needs.map((index) => hops[index] as HopRun))
  }
  return path
}

function latest(hops: readonly HopRun[]): HopRun | undefined {
  let last: HopRun | undefined
  for (const hop of hops) if (last === undefined || hop.endedAt > last.endedAt) last = hop
  return last
}

function isLess(hop: HopRun): boolean {
  return hop.status === 'degraded' || (hop.status === 'failed' && hop.plan.optional)
}

function hopReport(hop: HopRun, run: Run): HopReport {
  const begun = !Number.isNaN(hop.startedAt)
  const { failure } = hop
  return {
    status: hop.status,
    source: hop.source,
    reason: hop.reason,
    needs: hop.plan.needNames,
    startMs: begun ? tenth(hop.startedAt - run.startedAt) : null,
    queueMs: tenth(hop.queueMs),
    durationMs: begun ? tenth(hop.endedAt - hop.startedAt) : 0,
    attempts: attemptsOf(hop).map((attempt) => attemptReport(attempt, hop, run)),
    cache: { status: hop.cacheStatus, ageMs: hop.cacheAgeMs === null ? null : tenth(hop.cacheAgeMs) },
    usage: hop.usageTotals,
    tainted: hop.tainted,
    error:
      failure === undefined
        ? null
        : { name: failure.name, code: failure.code, status: failure.status, retryable: failure.retryable },
  }
}

// A first success leaves no record, so that it costs nothing; it is told from the hop's own times.
function attemptsOf(hop: HopRun): readonly AttemptRecord[] {
  const own = hop.call?.records?.slice(0, hop.attemptsSeen) ?? []
  const attempts = own.concat(hop.chain?.records ?? [], hop.chain?.call?.records ?? [])
  if (hop.source === 'live' && own.length === 0 && hop.call !== undefined)
    attempts.push(firstSuccess(hop, hop.call.begunAt, null))
  const answered = hop.chain?.call
  if (hop.source?.startsWith('provider:') && answered !== undefined && answered.records === undefined) {
    attempts.push(firstSuccess(hop, answered.begunAt, hop.source.slice('provider:'.length)))
  }
  return attempts
}

function firstSuccess(hop: HopRun, startedAt: number, provider: string | null): AttemptRecord {
  return { number: 1, provider, startedAt, endedAt: hop.endedAt, outcome: 'ok', code: null, status: null, waitMs: 0 }
}

function attemptReport(attempt: AttemptRecord, hop: HopRun, run: Run): AttemptReport {
  // A call that is cancelled reads the clock a moment after its hop has: it ended with the hop.
  const endedAt = Math.min(attempt.endedAt, hop.endedAt)
  return {
    n: attempt.number,
    provider: attempt.provider,
    startMs: tenth(attempt.startedAt - run.startedAt),
    durationMs: tenth(endedAt - attempt.startedAt),
    outcome: attempt.outcome,
    code: attempt.code,
    status: attempt.status,
    waitMs: tenth(attempt.waitMs),
  }
}

function totalsOf(hops: readonly HopReport[]): RunTotals {
  const having = (status: HopStatus): number => hops.filter((hop) => hop.status === status).length
  const sum = (pick: (hop: HopReport) => number): number => hops.reduce((total, hop) => total + pick(hop), 0)
  const sent = (hop: HopReport): number => hop.attempts.filter((attempt) => attempt.outcome !== 'refused').length
  return {
    hops: hops.length,
    ok: having('ok'),
    degraded: having('degraded'),
    failed: having('failed'),
    skipped: having('skipped'),
    cancelled: having('cancelled'),
    attempts: sum(sent),
    retries: sum((hop) => hop.attempts.filter((attempt) => attempt.n > 1 && attempt.outcome !== 'refused').length),
    cacheHits: sum((hop) => (hop.cache.status === 'hit' || hop.cache.status === 'stale' ? 1 : 0)),
    tokens: sum((hop) => (hop.usage?.inputTokens ?? 0) + (hop.usage?.outputTokens ?? 0)),
    costUsd: sum((hop) => hop.usage?.costUsd ?? 0),
  }
}

function tenth(ms: number): number {
  return Math.round(ms * 10) / 10
}
