import type { HopCacheStatus, HopReason, HopStatus, PublicReport } from 'hopstash/pipeline'
import { z } from 'zod'
import { jobAd, jsonResume } from './modules/documents.js'
import { analysis } from './modules/hermes/contract.js'
import { jobSearchContract } from './modules/job-search/contract.js'

/** The hops of the pipeline, in the order in which they are declared. */
export const HOP_NAMES = ['loader', 'fastsvm', 'hermes', 'imaginator', 'jobs'] as const
export type HopName = (typeof HOP_NAMES)[number]

/** What a user asks: how does this resume fit this ad? */
export const analysisRequest = z.object({
  resume: jsonResume,
  job: jobAd,
  /** Also look for open posts that fit. */
  includeJobs: z.boolean().default(false),
})
export type AnalysisRequest = z.output<typeof analysisRequest>

/** The combined payload of all modules. */
const payload = z.strictObject({
  /** Hermes' findings; `suggested_experiences` begins with the top gap. */
  analysis,
  /** Imaginator's first draft, its critique, and the section that came of both; the section names the top gap. */
  generated_text: z.string().min(1),
  critique: z.string().min(1),
  final_written_section: z.string().min(1),
  /** Only when asked for, switched on, and answered: an empty list means that nothing fits. */
  jobs: jobSearchContract.output.shape.jobs.optional(),
})
export type AnalysisPayload = z.infer<typeof payload>

const HOP_STATUSES = ['ok', 'degraded', 'failed', 'skipped', 'cancelled'] as const satisfies readonly HopStatus[]
const HOP_SOURCES = ['live', 'cache', 'stale', 'provider', 'function', 'default'] as const
const HOP_REASONS = [
  'timeout',
  'deadline',
  'error',
  'contract_input',
  'contract_output',
  'breaker_open',
  'rate_limited',
  'retry_budget_exhausted',
  'queue_full',
  'auth',
  'upstream_failed',
  'condition_false',
  'disabled',
  'aborted',
  'sibling_failed',
  'run_cached',
] as const satisfies readonly HopReason[]
const CACHE_STATUSES = [
  'hit',
  'stale',
  'revalidated',
  'miss',
  'coalesced',
  'bypass',
  'off',
] as const satisfies readonly HopCacheStatus[]

const ms = z.number().nonnegative()
const hop = z.strictObject({
  status: z.enum(HOP_STATUSES),
  source: z.enum(HOP_SOURCES).nullable(),
  reason: z.enum(HOP_REASONS).nullable(),
  cache: z.enum(CACHE_STATUSES),
  durationMs: ms,
})

/** What clients are told of a run: which hop, how it ended, and why it is not `ok`. */
const report = z.strictObject({
  runId: z.string(),
  status: z.enum(['ok', 'degraded', 'failed', 'cancelled', 'timeout']),
  source: z.enum(['live', 'cache', 'stale']),
  degraded: z.array(z.enum(HOP_NAMES)),
  durationMs: ms,
  hops: z.record(z.enum(HOP_NAMES), hop),
  error: z
    .strictObject({
      code: z.string().nullable(),
      retryable: z.boolean(),
      /** Which hop failed the run, and why. */
      hop: z.enum(HOP_NAMES).nullable(),
      reason: z.enum(HOP_REASONS).nullable(),
    })
    .nullable(),
})

/** What a user gets, whatever failed: the same fields, and the truth about how they came to be. */
export const analysisResponse = payload.extend({
  status: z.enum(['ok', 'degraded']),
  metrics: z.strictObject({ total_ms: ms, hops: z.record(z.enum(HOP_NAMES), ms) }),
  report,
})
export type AnalysisResponse = z.infer<typeof analysisResponse>

/** What a user gets where a hop that had no fallback failed. */
export const analysisFailure = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string() }),
  report,
})

/** The response for a payload and the report of the run that made it. */
export function responseOf(output: AnalysisPayload, run: PublicReport<HopName>): AnalysisResponse {
  const hops = HOP_NAMES.map((name) => [name, run.hops[name].durationMs])
  return {
    status: run.status === 'ok' ? 'ok' : 'degraded',
    ...output,
    metrics: { total_ms: run.durationMs, hops: Object.fromEntries(hops) },
    report: { ...run, degraded: [...run.degraded] },
  }
}
