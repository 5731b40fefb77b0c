import { checkReport, type HopReport, type RunError, type RunReport } from './report.js'
import type { HopCacheStatus, HopReason, HopSource, HopStatus, RunSource, RunStatus } from './words.js'

const BAR_WIDTH = 40
/** More entries than this make proxies drop the whole header block. */
const MAX_TIMINGS = 20
const MARKS: Readonly<Record<HopStatus, string>> = { ok: '=', degraded: '~', failed: '!', skipped: '-', cancelled: 'x' }

/**
 * Returns the report as a text waterfall, a line per hop.
 *
 * `=` ok, `~` degraded, `!` failed, `-` skipped, `x` cancelled.
 */
export function waterfall(report: RunReport): string {
  const names = Object.keys(checkReport('waterfall', report).hops)
  const width = Math.max(4, ...names.map((name) => name.length))
  const scale = report.durationMs > 0 ? BAR_WIDTH / report.durationMs : 0
  const lines = names.map((name) => {
    const hop = report.hops[name] as HopReport
    const cells = [
      name.padEnd(width),
      `|${bar(hop, scale)}|`,
      `${hop.durationMs} ms`.padStart(11),
      hop.status,
      note(hop),
    ]
    return cells.join(' ').trimEnd()
  })
  const path = report.criticalPath.length > 0 ? `, critical path ${report.criticalPath.join(' -> ')}` : ''
  const cached = report.cache.status === 'off' ? '' : ` (cache ${report.cache.status})`
  return [`${report.pipeline} ${report.status}${cached} in ${report.durationMs} ms${path}`, ...lines].join('\n')
}

function bar(hop: HopReport, scale: number): string {
  if (hop.startMs === null) return ' '.repeat(BAR_WIDTH)
  const from = Math.min(BAR_WIDTH - 1, Math.floor(hop.startMs * scale))
  const length = Math.max(1, Math.min(BAR_WIDTH - from, Math.round(hop.durationMs * scale)))
  return `${' '.repeat(from)}${MARKS[hop.status].repeat(length)}`.padEnd(BAR_WIDTH)
}

function note(hop: HopReport): string {
  const parts: string[] = []
  const cached = hop.source === 'cache' || hop.source === hop.cache.status
  if (hop.source !== null && hop.source !== 'live' && !cached) parts.push(`from ${hop.source}`)
  if (hop.cache.status !== 'off') parts.push(`cache ${hop.cache.status}`)
  if (hop.reason !== null) parts.push(`reason ${hop.reason}`)
  if (hop.attempts.length > 1) parts.push(`${hop.attempts.length} attempts`)
  return parts.length === 0 ? '' : `(${parts.join(', ')})`
}

/**
 * Returns the value of a `Server-Timing` header: `total` and the hops, at most 20 entries, tokens only.
 *
 * It tells how the service is built: leave it out for callers who should not know.
 */
export function serverTiming(report: RunReport): string {
  const { status, cache } = checkReport('serverTiming', report)
  const total = cache.status === 'off' ? status : `${status} ${cache.status}`
  const entries = [`total;dur=${report.durationMs};desc="${total}"`]
  for (const [name, hop] of Object.entries(report.hops)) {
    if (entries.length >= MAX_TIMINGS) break
    entries.push(`${name};dur=${hop.durationMs};desc="${timingWords(hop)}"`)
  }
  return entries.join(', ')
}

function timingWords({ status, source, reason, cache }: HopReport): string {
  const words: (string | null)[] = status === 'ok' ? [cache.status === 'off' ? source : cache.status] : [status, reason]
  // That a hop without a fresh answer had missed goes without saying.
  if (status === 'degraded' && source === 'stale') words.push(source)
  return words.filter((word) => word !== null).join(' ')
}

/** What a client may see of a run. */
export interface PublicReport<Names extends string = string> {
  readonly runId: string
  readonly status: RunStatus
  readonly source: RunSource
  readonly degraded: readonly Names[]
  readonly durationMs: number
  readonly hops: Readonly<Record<Names, PublicHop>>
  readonly error: Pick<RunError<Names>, 'code' | 'retryable' | 'hop' | 'reason'> | null
}

/** One hop of a {@link PublicReport}. */
export interface PublicHop {
  readonly status: HopStatus
  /** Without the name of a provider. */
  readonly source: Exclude<HopSource, `provider:${string}`> | 'provider' | null
  readonly reason: HopReason | null
  readonly cache: HopCacheStatus
  readonly durationMs: number
}

/** Returns the part of a report that may go to clients: no providers, no attempts, no usage, no cost. */
export function publicReport<Names extends string = string>(report: RunReport<Names>): PublicReport<Names>
/** The same of a report that may be one of several pipelines'. */
export function publicReport<Report extends RunReport>(
  report: Report,
): Report extends RunReport<infer Names> ? PublicReport<Names> : never
export function publicReport(report: RunReport): PublicReport {
  checkReport('publicReport', report)
  const hops = Object.entries<HopReport>(report.hops).map(([name, hop]): [string, PublicHop] => [
    name,
    {
      status: hop.status,
      source: publicSource(hop.source),
      reason: hop.reason,
      cache: hop.cache.status,
      durationMs: hop.durationMs,
    },
  ])
  const { error } = report
  return {
    runId: report.runId,
    status: report.status,
    source: report.source,
    degraded: report.degraded,
    durationMs: report.durationMs,
    hops: Object.fromEntries(hops),
    error:
      error === null ? null : { code: error.code, retryable: error.retryable, hop: error.hop, reason: error.reason },
  }
}

/** A source without the name of a provider. */
export function publicSource(source: HopSource | null): PublicHop['source'] {
  return source?.startsWith('provider:') ? 'provider' : (source as PublicHop['source'])
}
