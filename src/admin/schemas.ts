import { runReportSchema } from '../pipeline/report-schema.js'

const DRAFT = 'https://json-schema.org/draft/2020-12/schema'

const count = { type: 'integer', minimum: 0 }
const amount = { type: 'number', minimum: 0 }
const rate = { type: 'string', pattern: '^\\d{1,3}\\.\\d{2}%$' }
const word = { type: 'string' }
const done = { const: 'success' }
const counts = mapOf(count)
const percentiles = record({ p50: nullable(amount), p95: nullable(amount), p99: nullable(amount) })
const saved = record({ calls: count, ms: amount, tokens: count, money: { type: 'number' } })

const cache = record({
  size: count,
  max_size: count,
  hits: count,
  misses: count,
  hit_rate: rate,
  ttl: nullable(amount),
  namespace: word,
  bytes: count,
  stale: count,
  coalesced: count,
  bypassed: count,
  evictions: count,
  loads: count,
  load_errors: count,
  refreshes: count,
  writes: count,
  deletes: count,
  in_flight: count,
  refused: counts,
  miss_causes: counts,
  saved,
  latency_ms: mapOf(percentiles),
})
const totals = record({
  size: count,
  bytes: count,
  max_bytes: count,
  hits: count,
  misses: count,
  stale: count,
  coalesced: count,
  hit_rate: rate,
  saved,
})
const provider = record({
  configured: { type: 'boolean' },
  state: { enum: ['unknown', 'ready', 'degraded', 'down', 'unconfigured'] },
})
const hop = record({ status: counts, source: counts, retries: count, duration_ms: percentiles })
const pipeline = record({ runs: record({ status: counts, duration_ms: percentiles }), hops: mapOf(hop) })

/**
 * JSON Schemas (draft 2020-12) of what the admin handler answers, by endpoint; `error` is that of every refusal.
 *
 * Fields may be added in minor releases of the package; none of these goes away in one.
 */
export const adminSchemas = Object.freeze({
  stats: schema('stats', record({ status: done, caches: mapOf(cache), totals })),
  health: schema(
    'health',
    record({
      status: { enum: ['ok', 'degraded', 'closed'] },
      memory: record({ entries: count, bytes: count, max_bytes: count }),
      store: nullable({ type: 'object', required: ['kind', 'away', 'deaf', 'pending'] }),
      providers: mapOf(provider),
      pool: {},
    }),
  ),
  keys: schema('keys', record({ status: done, providers: mapOf(record({ configured: { type: 'boolean' } })) })),
  runs: schema(
    'runs',
    record({ status: done, runs: { type: 'array', items: runReportSchema }, pipelines: mapOf(pipeline) }),
  ),
  registry: schema(
    'registry',
    record({
      status: done,
      items: {
        type: 'array',
        items: record({
          kind: { enum: ['namespace', 'function', 'hop', 'pipeline'] },
          name: word,
          category: nullable(word),
          tags: { type: 'array', items: word },
          description: nullable(word),
        }),
      },
    }),
  ),
  error: schema('error', record({ status: { const: 'error' }, error: record({ code: word, message: word }) })),
})

function schema(title: string, body: object): object {
  return { $schema: DRAFT, title: `hopstash admin: ${title}`, ...body }
}

function record(properties: Readonly<Record<string, object>>): object {
  return { type: 'object', required: Object.keys(properties), properties }
}

function mapOf(values: object): object {
  return { type: 'object', additionalProperties: values }
}

function nullable(inner: object): object {
  return { anyOf: [inner, { type: 'null' }] }
}
