export type { PipelineError } from '../errors/pipeline-error.js'
export {
  DEADLINE_HEADER,
  type DeadlineFromOptions,
  deadlineFrom,
  deadlineHeaders,
} from '../resilience/deadline-header.js'
export type { Priority } from '../resilience/limiter.js'
export type { Duration } from '../runtime/duration.js'
export type { RunCache } from './cached-runs.js'
export { type AuthContext, defineHop, type Hop, type HopCache, type HopOptions } from './define-hop.js'
export {
  type FallbackContext,
  type FallbackFunction,
  type ProviderContext,
  type ProviderOptions,
  type ProviderStep,
  provider,
  type StaleStep,
  staleFor,
} from './fallback.js'
export { fromGraph, type GraphHop, type GraphOptions } from './from-graph.js'
export type { HopContext, HopLog, LogFields, Logger, Usage, UsageMeter } from './hop-context.js'
export { mermaid } from './mermaid.js'
export { type Pipeline, type PipelineBuilder, type PipelineOptions, pipeline } from './pipeline.js'
export type { Plan, PlanHop, PlanWarning } from './plan.js'
export { type HopPolicies, resilient } from './policies.js'
export type { AttemptReport, HopReport, ReportError, RunError, RunReport, RunTotals } from './report.js'
export { runReportSchema } from './report-schema.js'
export { type HopEndEvent, type HopRetryEvent, type RunEvent, toServerSentEvents } from './run-events.js'
export type { RunObserver } from './run-listeners.js'
export type { HopMetrics, MetricSource, RunMetrics } from './run-metrics.js'
export type { RunOptions } from './run-options.js'
export type { RunResult } from './run-result.js'
export type { Sight } from './sight.js'
export { defineUpstream, type SharedUpstream, type UpstreamOptions, type UpstreamState } from './upstream.js'
export type { UsageTotals } from './usage.js'
export { type PublicHop, type PublicReport, publicReport, serverTiming, waterfall } from './views.js'
export type {
  AttemptOutcome,
  HopCacheStatus,
  HopPhase,
  HopReason,
  HopSource,
  HopStatus,
  RunSource,
  RunStatus,
} from './words.js'
