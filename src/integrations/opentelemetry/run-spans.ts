import { optionInvalid } from '../../errors/option-error.js'
import { checkReport, type HopReport, type RunReport } from '../../pipeline/report.js'
import { type Attributes, KIND_CLIENT, type OpenTelemetryApi, SCOPE, type SpanLike, STATUS_ERROR } from './api.js'
import { attemptAttributes, hopAttributes, runAttributes } from './conventions.js'

/**
 * Tells a finished run as OpenTelemetry spans: one for the run, below it one a hop, below that one an attempt.
 *
 * The run's span is a child of the span that is active now. Hops that never began have no span. Nothing of inputs,
 * outputs and messages of errors is in them.
 *
 * @param api The host's `@opentelemetry/api`.
 * @throws OptionError `ERR_OPTION_INVALID`
 * @example
 * import * as api from '@opentelemetry/api'
 * import { toSpans } from 'hopstash/integrations/opentelemetry'
 * import { pipeline } from 'hopstash/pipeline'
 * const double = pipeline<number>('double').hop('two', { run: ({ input }) => input * 2 }).assemble(({ two }) => two)
 * const run = await double.run(21)
 * toSpans(run.report, api)
 */
export function toSpans<Context>(report: RunReport, api: OpenTelemetryApi<Context>): void {
  checkReport('toSpans', report)
  if (typeof api?.trace?.getTracer !== 'function') throw optionInvalid('api', 'the module @opentelemetry/api', api)
  const tracer = api.trace.getTracer(SCOPE)
  const startedAt = Date.parse(report.startedAt)
  const open = (name: string, startMs: number, attributes: Attributes, context: Context, kind?: number) =>
    tracer.startSpan(
      name,
      { startTime: startedAt + startMs, attributes: { ...attributes }, ...(kind !== undefined && { kind }) },
      context,
    )
  const run = open(`run ${report.pipeline}`, 0, runAttributes(report), api.context.active())
  const inRun = api.trace.setSpan(api.context.active(), run)
  for (const [name, hop] of Object.entries<HopReport>(report.hops)) {
    if (hop.startMs === null) continue
    const attributes = hopAttributes(report.pipeline, name, hop)
    const span = open(`hop ${name}`, hop.startMs, attributes, inRun)
    const inHop = api.trace.setSpan(inRun, span)
    for (const attempt of hop.attempts) {
      const about = attemptAttributes(name, attempt)
      const one = open(`attempt ${name}`, attempt.startMs, about, inHop, KIND_CLIENT)
      end(one, startedAt + attempt.startMs + attempt.durationMs, attempt.outcome === 'ok')
    }
    end(span, startedAt + hop.startMs + hop.durationMs, hop.status !== 'failed')
  }
  end(run, startedAt + report.durationMs, report.status === 'ok' || report.status === 'degraded')
}

function end(span: SpanLike, at: number, isOk: boolean): void {
  if (!isOk) span.setStatus({ code: STATUS_ERROR })
  span.end(at)
}
