import { LLM_CALL_CHANNEL, type LlmCall } from '../../llm/llm-call.js'
import { LLM_CHANNEL, type LlmEvent } from '../../llm/llm-event.js'
import { subscribeTo } from '../../runtime/channels.js'
import type { Clock } from '../../runtime/clock.js'
import { KIND_CLIENT, KIND_INTERNAL, type OpenTelemetryApi, SCOPE, STATUS_ERROR } from './api.js'
import { llmAttributes, llmFailure, llmLeaves, llmSpanName } from './conventions.js'
import { quietly } from './quietly.js'

/** Makes a span of every call to a model; returns what ends that. */
export function observeCalls<Context>(api: OpenTelemetryApi<Context>, clock: Clock): () => void {
  // What was active when a call was made: its answer ends among the readers of a stream, who may be anybody.
  const begun = new WeakMap<LlmCall, { readonly at: number; readonly context: Context }>()
  const ends = [
    subscribeTo(LLM_CALL_CHANNEL, (message) =>
      quietly(() => begun.set(message as LlmCall, { at: clock.wall(), context: api.context.active() })),
    ),
    subscribeTo(LLM_CHANNEL, (message) =>
      quietly(() => {
        const event = message as LlmEvent
        const { at, context } = begun.get(event.call) ?? { at: clock.wall(), context: api.context.active() }
        callSpan(event, api, at, clock.wall(), context)
      }),
    ),
  ]
  return () => {
    for (const end of ends) end()
  }
}

function callSpan<Context>(
  event: LlmEvent,
  api: OpenTelemetryApi<Context>,
  startTime: number,
  endTime: number,
  context: Context,
): void {
  const kind = llmLeaves(event) ? KIND_CLIENT : KIND_INTERNAL
  const attributes = { ...llmAttributes(event) }
  const span = api.trace.getTracer(SCOPE).startSpan(llmSpanName(event), { startTime, kind, attributes }, context)
  if (llmFailure(event) !== undefined) span.setStatus({ code: STATUS_ERROR })
  span.end(endTime)
}
