import type { StashMethods } from '../../cache/build-stash.js'
import { CACHE_CHANNEL, type CacheOutcome } from '../../cache/outcome.js'
import { optionInvalid } from '../../errors/option-error.js'
import type { RunReport } from '../../pipeline/report.js'
import { checkShape, resolveClock } from '../../resilience/option-shape.js'
import { subscribeTo } from '../../runtime/channels.js'
import type { Clock } from '../../runtime/clock.js'
import { type Attributes, type OpenTelemetryApi, SCOPE, type SpanLike, STATUS_ERROR } from './api.js'
import { cacheAttributes, loadAttributes } from './conventions.js'
import { observeCalls } from './llm-spans.js'
import { observeStats } from './metrics.js'
import { quietly } from './quietly.js'
import { toSpans } from './run-spans.js'

/** Options of {@link instrument}. */
export interface InstrumentOptions<Context = unknown> {
  /** The host's `@opentelemetry/api`. */
  readonly api: OpenTelemetryApi<Context>
  /** Whose statistics become metrics. Of one stash in a process: those of a second one would take their place. */
  readonly stash?: Pick<StashMethods, 'stats' | 'health'> | undefined
  /** Whose runs become spans. */
  readonly pipelines?: readonly { subscribe(observer: (report: RunReport) => void): () => void }[] | undefined
  /**
   * Which cache operations become spans: those that did more than find a value in memory, all of them, or none. Of every
   * stash in the process. While they do, each operation fills an outcome. Calls to models become spans with either of the
   * first two. @defaultValue `'work'`
   */
  readonly spans?: 'work' | 'all' | 'none' | undefined
  readonly clock?: Clock | undefined
}

/** What {@link instrument} began. */
export interface Instrumentation {
  /** Ends it: nothing is measured and nothing listened to any more. */
  stop(): void
}

const KNOWN = ['api', 'stash', 'pipelines', 'spans', 'clock'] as const

/**
 * Makes metrics and spans of what a stash and pipelines do, through the host's OpenTelemetry API.
 *
 * Metrics are read from the statistics when they are collected, so a hit costs nothing more. Spans of cache operations
 * are children of the span that was active where the operation was begun. Attributes hold names and words, a short
 * digest instead of a key, and never a value, a prompt or an answer.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 */
export function instrument<Context>(options: InstrumentOptions<Context>): Instrumentation {
  checkShape('instrument()', options, KNOWN)
  const { api, stash, pipelines = [], spans = 'work' } = options
  const clock = resolveClock(options.clock)
  if (typeof api?.trace?.getTracer !== 'function' || typeof api.metrics?.getMeter !== 'function')
    throw optionInvalid('api', 'the module @opentelemetry/api', api)
  if (spans !== 'work' && spans !== 'all' && spans !== 'none')
    throw optionInvalid('spans', "'work', 'all' or 'none'", spans)
  if (!Array.isArray(pipelines as unknown) || !pipelines.every((one) => typeof one?.subscribe === 'function'))
    throw optionInvalid('pipelines', 'a list of pipelines', pipelines)
  if (stash !== undefined && (typeof stash?.stats !== 'function' || typeof stash.health !== 'function'))
    throw optionInvalid('stash', 'a stash', stash)
  const ends = [
    ...(stash === undefined ? [] : [observeStats(stash, api.metrics.getMeter(SCOPE))]),
    ...pipelines.map((pipeline) => pipeline.subscribe((report) => quietly(() => toSpans(report, api)))),
    ...(spans === 'none'
      ? []
      : [
          subscribeTo(CACHE_CHANNEL, (message) =>
            quietly(() => cacheSpan(message as CacheOutcome, api, clock, spans === 'all')),
          ),
          observeCalls(api, clock),
        ]),
  ]
  return {
    stop() {
      for (const end of ends.splice(0)) end()
    },
  }
}

function cacheSpan<Context>(
  outcome: CacheOutcome,
  api: OpenTelemetryApi<Context>,
  clock: Clock,
  wantsAll: boolean,
): void {
  const isFoundHere = outcome.status === 'hit' && outcome.tier === 'memory'
  if (isFoundHere && !wantsAll) return
  const endedAt = clock.wall()
  const tracer = api.trace.getTracer(SCOPE)
  const open = (name: string, ms: number, attributes: Attributes, context: Context): SpanLike => {
    const span = tracer.startSpan(name, { startTime: endedAt - ms, attributes: { ...attributes } }, context)
    if (outcome.error !== undefined) span.setStatus({ code: STATUS_ERROR })
    return span
  }
  const { operation, namespace, durationMs, loadMs } = outcome
  const around = api.context.active()
  const span = open(`cache ${operation} ${namespace}`, durationMs, cacheAttributes(outcome), around)
  // Who waits for a loader ends with it.
  if (loadMs !== undefined)
    open(`load ${namespace}`, loadMs, loadAttributes(outcome), api.trace.setSpan(around, span)).end(endedAt)
  span.end(endedAt)
}
