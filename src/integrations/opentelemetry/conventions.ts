import type { CacheOutcome } from '../../cache/outcome.js'
import type { HopReport, RunReport } from '../../pipeline/report.js'
import type { Attributes } from './api.js'

/**
 * Every attribute name in one map. `error.type` and `gen_ai.*` are OpenTelemetry's own names; there is no convention
 * for caches and pipelines yet.
 *
 * @see OpenTelemetry semantic conventions 1.37, general and generative AI attributes
 */
export const ATTRIBUTES = {
  operation: 'hopstash.cache.operation',
  namespace: 'hopstash.cache.namespace',
  key: 'hopstash.cache.key_digest',
  outcome: 'hopstash.cache.outcome',
  tier: 'hopstash.cache.tier',
  cause: 'hopstash.cache.miss_cause',
  age: 'hopstash.cache.age_ms',
  degraded: 'hopstash.cache.degraded',
  quantile: 'hopstash.quantile',
  pipeline: 'hopstash.pipeline.name',
  run: 'hopstash.pipeline.run_id',
  runStatus: 'hopstash.pipeline.status',
  hop: 'hopstash.hop.name',
  hopStatus: 'hopstash.hop.status',
  hopSource: 'hopstash.hop.source',
  hopReason: 'hopstash.hop.reason',
  hopQueue: 'hopstash.hop.queue_ms',
  attempt: 'hopstash.hop.attempt',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  error: 'error.type',
} as const

/** What a cache operation is said to be: no key, no value, a short digest. */
export function cacheAttributes(outcome: CacheOutcome): Attributes {
  return given({
    [ATTRIBUTES.operation]: outcome.operation,
    [ATTRIBUTES.namespace]: outcome.namespace,
    [ATTRIBUTES.key]: outcome.key,
    [ATTRIBUTES.outcome]: outcome.status,
    [ATTRIBUTES.tier]: outcome.tier,
    [ATTRIBUTES.cause]: outcome.cause,
    [ATTRIBUTES.age]: outcome.ageMs > 0 ? Math.round(outcome.ageMs) : undefined,
    [ATTRIBUTES.degraded]: outcome.degraded.length > 0 ? outcome.degraded.join(',') : undefined,
    [ATTRIBUTES.error]: outcome.error?.code ?? outcome.error?.name,
  })
}

/** What a run is said to be. */
export function runAttributes(report: RunReport): Attributes {
  return given({
    [ATTRIBUTES.pipeline]: report.pipeline,
    [ATTRIBUTES.run]: report.runId,
    [ATTRIBUTES.runStatus]: report.status,
    [ATTRIBUTES.error]: report.error?.code ?? report.error?.name,
  })
}

/** What a hop is said to be. */
export function hopAttributes(pipeline: string, name: string, hop: HopReport): Attributes {
  const { usage } = hop
  return given({
    [ATTRIBUTES.pipeline]: pipeline,
    [ATTRIBUTES.hop]: name,
    [ATTRIBUTES.hopStatus]: hop.status,
    [ATTRIBUTES.hopSource]: hop.source,
    [ATTRIBUTES.hopReason]: hop.reason,
    [ATTRIBUTES.hopQueue]: hop.queueMs > 0 ? hop.queueMs : undefined,
    [ATTRIBUTES.inputTokens]: numberIn(usage, 'inputTokens'),
    [ATTRIBUTES.outputTokens]: numberIn(usage, 'outputTokens'),
    [ATTRIBUTES.error]: hop.error?.code ?? hop.error?.name,
  })
}

function numberIn(usage: object | null, name: string): number | undefined {
  const value = (usage as Readonly<Record<string, unknown>> | null)?.[name]
  return typeof value === 'number' && value > 0 ? value : undefined
}

function given(all: Readonly<Record<string, string | number | boolean | null | undefined>>): Attributes {
  const known = Object.entries(all).filter(([, value]) => value !== undefined && value !== null)
  return Object.fromEntries(known) as Attributes
}
