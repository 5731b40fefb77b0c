import type { LlmAnswer } from './accounts.js'
import type { LlmCall } from './llm-call.js'

/** Name of the diagnostics channel on which every call is published once it is answered, has failed or is refused, as an {@link LlmEvent}. */
export const LLM_CHANNEL = 'hopstash:llm'

/** What became of one call. A call whose old answer is replaced behind it has two events. */
export interface LlmEvent extends Omit<LlmAnswer, 'format'> {
  readonly namespace: string
  readonly format: LlmCall['format']
  readonly call: LlmCall
  /** Why the model stopped, in the provider's words; known of what it just said, not of what is replayed. */
  readonly finish: readonly string[] | undefined
  /** What the provider answered this call with, or the one it shared; absent where none was made, or nothing came. */
  readonly httpStatus?: number | undefined
  /** Of a call that brought no answer, the code or the class of the error. */
  readonly failure?: string | undefined
}

/** Codes of what is refused without a call to the model: there was nothing kept. */
export const REFUSALS: ReadonlySet<string> = new Set(['ERR_NOT_CACHED', 'ERR_REPLAY_MISS'])
