import type { ReadStatus } from '../../cache/words.js'
import type { Spending } from '../../llm/accounts.js'
import { failureWord } from '../../llm/failure-word.js'
import { LLM_CALL_CHANNEL, type LlmCall } from '../../llm/llm-call.js'
import { LLM_CHANNEL, type LlmEvent, REFUSALS } from '../../llm/llm-event.js'
import { finishOf, type Unstorable } from '../../llm/wire-format.js'
import { channelNamed } from '../../runtime/channels.js'
import { type AnswerRecord, finishReasonOf, tokenCounts, usageOf } from './answer-record.js'
import type { ModelLike } from './model-call.js'

/** What one call came to. */
export type Told =
  | { readonly record: AnswerRecord; readonly status: ReadStatus; readonly ageMs: number }
  /** Whether its caller left, and else what it failed with. */
  | { readonly failed: unknown; readonly isAborted: boolean }

/** What tells of one call. */
export interface Teller {
  (told: Told): void
  /** The call of its own, if there is one: who leaves it to others has paid for what it comes to. */
  led?: Promise<AnswerRecord>
}

/** Publishes that a call begins where somebody listens; what it came to is published by the returned function. */
export function tellCall(namespace: string, { provider, modelId }: ModelLike): Teller {
  const call: LlmCall = { format: 'ai-sdk', model: modelId, provider }
  const begun = channelNamed(LLM_CALL_CHANNEL)
  if (begun.hasSubscribers) begun.publish(call)
  const ended = channelNamed(LLM_CHANNEL)
  const publish = (told: Told): void => {
    if (ended.hasSubscribers) ended.publish(eventOf(namespace, call, told))
  }
  const tell: Teller = (told) => {
    if ('record' in told || tell.led === undefined) return publish(told)
    tell.led.then(
      (record) => publish({ record, status: 'miss', ageMs: 0 }),
      () => publish(told),
    )
  }
  return tell
}

function eventOf(namespace: string, call: LlmCall, told: Told): LlmEvent {
  const about = { namespace, format: call.format, call }
  if ('failed' in told) {
    const nothing = { original: undefined, billed: undefined, saved: undefined, finish: undefined }
    return { ...about, ...nothing, model: undefined, status: 'miss', ageMs: 0, ...failureOf(told) }
  }
  const { record, status, ageMs } = told
  const isSpared = status === 'hit' || status === 'stale' || status === 'coalesced'
  const used = spent(record)
  const { modelId } = (record.result.response ?? {}) as { readonly modelId?: unknown }
  return {
    ...about,
    model: typeof modelId === 'string' ? modelId : undefined,
    status,
    ageMs,
    unstored: record.unstorable as Unstorable | undefined,
    original: used,
    billed: used && (isSpared ? NOTHING : used),
    saved: used && (isSpared ? used : NOTHING),
    finish: isSpared && status !== 'coalesced' ? undefined : finishOf([finishReasonOf(record)]),
  }
}

function failureOf({ failed, isAborted }: Exclude<Told, { record: unknown }>) {
  if (isAborted) return { unstored: 'aborted' } as const
  const failure = failureWord(failed)
  if (REFUSALS.has(failure)) return { unstored: undefined, failure }
  // As the errors of the SDK have it, also of a good status whose body was none.
  const { statusCode } = (failed ?? {}) as { readonly statusCode?: unknown }
  const httpStatus = typeof statusCode === 'number' ? statusCode : undefined
  if (httpStatus !== undefined && httpStatus >= 300) return { unstored: 'status', httpStatus } as const
  return { unstored: 'network', httpStatus, failure } as const
}

const NOTHING: Spending = { calls: 0, input: 0, output: 0, cacheRead: 0, cacheWrite: 0, money: 0 }

/** Without prices: the middleware has none. `undefined` of an answer that told no tokens. */
function spent(record: AnswerRecord): Spending | undefined {
  const tokens = tokenCounts(usageOf(record))
  return tokens.input + tokens.output === 0 ? undefined : { ...NOTHING, calls: 1, ...tokens }
}
