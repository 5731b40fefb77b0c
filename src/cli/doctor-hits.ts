import type { CacheDocument } from '../observe/stats-json.js'
import type { AdminStats } from './admin-stats.js'
import { advice, type Finding, ok, trouble } from './finding.js'
import { bytesText, count, durationText } from './text.js'

/** Fewer reads say nothing. */
const ENOUGH = 100
const LOW = 0.5
const SHARE_OF_FAILURES = 0.1

/** A batch that takes longer is given up, unless BATCH_TIMEOUT says otherwise. */
const SLOW_MS = 30_000
const NEARLY_FULL = 0.9

/** Pure: what the statistics of a process say about its namespaces, and its memory. */
export function examineHits({ caches, totals }: Pick<AdminStats, 'caches' | 'totals'>): Finding[] {
  const findings = Object.entries(caches).flatMap(([name, cache]) => examineCache(name, cache))
  const evictions = Object.values(caches).reduce((sum, cache) => sum + cache.evictions, 0)
  if (totals !== undefined && totals.bytes >= totals.max_bytes * NEARLY_FULL && evictions > 0) {
    findings.push(
      advice(
        'memory',
        `${bytesText(totals.bytes)} of ${bytesText(totals.max_bytes)} used, ${count(evictions, 'entry', 'entries')} evicted`,
        'Raise maxBytes of the stash, or lower maxValueBytes, so that large values do not push out many small ones.',
      ),
    )
  }
  return findings.length > 0 ? findings : [ok('hit rates', `nothing was read ${ENOUGH} times yet: too few to judge`)]
}

function examineCache(name: string, cache: CacheDocument): Finding[] {
  const { hits, stale, misses, loads, load_errors: failed, latency_ms: latency } = cache
  const reads = hits + stale + misses
  const findings: Finding[] = []
  const slowMs = latency.load?.p95 ?? 0
  if (slowMs >= SLOW_MS) {
    const change =
      'Make batches smaller (BATCH_SIZE) or more at once (BATCH_MAX_WORKERS); staleWhileRevalidate spares readers the wait.'
    findings.push(advice(name, `loads are slow: one in twenty takes ${durationText(slowMs)} or longer`, change))
  }
  if (reads < ENOUGH) return findings
  const found = `${cache.hit_rate} of ${reads} reads were hits`
  if ((hits + stale) / reads >= LOW) findings.push(ok(name, found))
  else {
    const { why, change } = causeOf(cache)
    findings.push(trouble(name, `${found}; ${why}`, change))
  }
  if (loads >= ENOUGH && failed / loads > SHARE_OF_FAILURES) {
    const change = 'See what the loader throws; staleIfError serves the old value meanwhile.'
    findings.push(advice(name, `${failed} of ${loads} loads failed`, change))
  }
  const refused = Object.entries(cache.refused).filter(([, times]) => times > 0)
  if (refused.length > 0)
    findings.push(
      advice(
        name,
        refusedText(refused),
        'docs/events-and-stats.md lists the reasons; the outcomes on the diagnostics channel tell which keys.',
      ),
    )
  return findings
}

function refusedText(refused: readonly (readonly [string, number])[]): string {
  return `values were loaded but not kept: ${refused.map(([reason, times]) => `${reason} ${times}`).join(', ')}`
}

interface Cause {
  readonly why: string
  readonly change: string
}

/** The commonest cause of the misses, and what helps against it. */
function causeOf(cache: CacheDocument): Cause {
  const [cause = 'unknown', times = 0] = Object.entries(cache.miss_causes).sort(([, a], [, b]) => b - a)[0] ?? []
  const share = cache.misses === 0 ? 0 : Math.round((times / cache.misses) * 100)
  const of = `${share}% of the misses`
  switch (cause) {
    case 'expired':
      return {
        why: `lifetime too short: ${of} were there and had expired${cache.ttl === null ? '' : ` (ttl ${cache.ttl} s)`}`,
        change: 'Raise ttl, or set staleWhileRevalidate so that readers do not wait for what has just expired.',
      }
    case 'evicted':
      return {
        why: `too small: ${of} were there and had been evicted (${cache.size} of ${cache.max_size} entries)`,
        change: 'Raise max of the namespace, maxBytes of the stash, or give it a shared store.',
      }
    case 'invalidated':
      return {
        why: `invalidated too often: ${of} were there and had been invalidated`,
        change: 'Use narrower tags, invalidate only on a change, or mode expire with staleWhileRevalidate.',
      }
    case 'bypass':
      return { why: `${of} were reads with forceFresh`, change: 'Leave forceFresh out where a cached value will do.' }
    case 'never':
      return {
        why: `unstable key, or nothing is asked twice: ${of} were never there before`,
        change:
          'Compare two keys that should be one with namespace.diffKeys(a, b): times, ids and order of lists are the usual reason.',
      }
    default:
      return {
        why: `too many keys to tell: the cause of ${of} is not known`,
        change: 'Raise max of the namespace, and look again; compare keys with namespace.diffKeys(a, b).',
      }
  }
}
