import type { AttemptOutcome, HopCacheStatus, HopReason, HopSource, HopStatus, RunSource, RunStatus } from './words.js'

const HOP_STATUSES = all<HopStatus>({ ok: 0, degraded: 0, failed: 0, skipped: 0, cancelled: 0 })
const RUN_STATUSES = all<RunStatus>({ ok: 0, degraded: 0, failed: 0, cancelled: 0, timeout: 0 })
const RUN_SOURCES = all<RunSource>({ live: 0, cache: 0, stale: 0 })
const HOP_SOURCES = all<Exclude<HopSource, `provider:${string}`>>({
  live: 0,
  cache: 0,
  stale: 0,
  function: 0,
  default: 0,
})
const OUTCOMES = all<AttemptOutcome>({ ok: 0, error: 0, timeout: 0, aborted: 0, refused: 0 })
const CACHE_STATUSES = all<HopCacheStatus>({
  hit: 0,
  stale: 0,
  revalidated: 0,
  miss: 0,
  coalesced: 0,
  bypass: 0,
  off: 0,
})
const HOP_REASONS = all<HopReason>({
  timeout: 0,
  deadline: 0,
  error: 0,
  contract_input: 0,
  contract_output: 0,
  breaker_open: 0,
  rate_limited: 0,
  retry_budget_exhausted: 0,
  queue_full: 0,
  auth: 0,
  upstream_failed: 0,
  condition_false: 0,
  disabled: 0,
  aborted: 0,
  sibling_failed: 0,
  run_cached: 0,
})

/** A JSON Schema, or a part of one. */
type JsonSchema = Readonly<Record<string, unknown>>

const text = { type: 'string' }
const flag = { type: 'boolean' }
const count = { type: 'integer', minimum: 0 }
const amount = { type: 'number', minimum: 0 }
const names = listOf(text)
const reason = { enum: [...HOP_REASONS, null] }

const errorParts = { name: maybe(text), code: maybe(text), status: maybe({ type: 'number' }), retryable: flag }
const cache = closed({ status: { enum: CACHE_STATUSES }, ageMs: maybe(amount) })

const attempt = closed({
  n: { type: 'integer', minimum: 1 },
  provider: maybe(text),
  // Of a shared call that another run had begun.
  startMs: { type: 'number' },
  durationMs: amount,
  outcome: { enum: OUTCOMES },
  code: maybe(text),
  status: maybe({ type: 'number' }),
  waitMs: amount,
})

const hop = closed({
  status: { enum: HOP_STATUSES },
  source: { anyOf: [{ enum: [...HOP_SOURCES, null] }, { type: 'string', pattern: '^provider:' }] },
  reason,
  needs: names,
  startMs: maybe(amount),
  queueMs: amount,
  durationMs: amount,
  attempts: listOf(attempt),
  cache,
  usage: maybe(closed({ calls: amount, inputTokens: amount, outputTokens: amount, costUsd: amount })),
  tainted: flag,
  error: maybe(closed(errorParts)),
})

const totals = closed({
  hops: count,
  ok: count,
  degraded: count,
  failed: count,
  skipped: count,
  cancelled: count,
  attempts: count,
  retries: count,
  cacheHits: count,
  tokens: amount,
  costUsd: amount,
})

/**
 * The JSON Schema (draft 2020-12) of a run's report, form `hop-run/1`, for whoever stores or receives reports.
 *
 * @example
 * import { runReportSchema } from 'hopstash/pipeline'
 * runReportSchema.title // => 'hop-run/1'
 */
export const runReportSchema: JsonSchema = deepFreeze({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'hop-run/1',
  ...closed({
    schema: { const: 'hop-run/1' },
    runId: { type: 'string', pattern: '^[0-9A-HJKMNP-TV-Z]{26}$' },
    pipeline: text,
    status: { enum: RUN_STATUSES },
    source: { enum: RUN_SOURCES },
    cache,
    degraded: names,
    startedAt: { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' },
    durationMs: amount,
    deadlineMs: maybe(amount),
    remainingMs: maybe(amount),
    criticalPath: names,
    hops: { type: 'object', additionalProperties: hop },
    totals,
    error: maybe(closed({ ...errorParts, hop: maybe(text), reason })),
  }),
})

/** All words of a union: leaving one out is a compile error. */
function all<Word extends string>(words: Readonly<Record<Word, 0>>): readonly string[] {
  return Object.keys(words)
}

/** An object with exactly these properties. */
function closed(properties: JsonSchema): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false }
}

function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items }
}

function maybe(schema: JsonSchema): JsonSchema {
  return { anyOf: [schema, { type: 'null' }] }
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part)
  return Object.freeze(value)
}
