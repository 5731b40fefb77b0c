import { isObject, type JsonObject, parsed } from './json-value.js'
import type { SseEvent } from './sse.js'

/** The wire formats that are recognised; `json` is any other JSON request a host opted in. */
export type WireFormatName =
  | 'openai-chat'
  | 'openai-responses'
  | 'openai-embeddings'
  | 'anthropic-messages'
  | 'gemini'
  | 'json'

/** A request as the cache sees it. */
export interface LlmRequest {
  readonly method: string
  readonly url: URL
  /** Of the request, credentials and all, without the directives of this package. */
  readonly headers: Headers
  readonly body: JsonObject
}

/**
 * Why an answer is handed to its caller but not stored.
 *
 * `truncated` at a token limit. `filtered` by the provider. `refused` by the model. `empty`: no text and no tool call.
 * `unfinished`: paused, queued, or without a reason to finish. `unknown-finish`: a finish reason nobody knows here.
 * `cut`: the end is missing. `error`: an error in the body. `malformed`: no such format. `status`: any but 200.
 * `network`: no whole answer came. `aborted`: the last reader left. `too-large`: over the bound of a shared stream.
 * `unsupported`: it holds what nothing can keep or copy, such as a function (of the AI SDK alone: others answer bytes).
 */
export type Unstorable =
  | 'truncated'
  | 'filtered'
  | 'refused'
  | 'empty'
  | 'unfinished'
  | 'unknown-finish'
  | 'cut'
  | 'error'
  | 'malformed'
  | 'status'
  | 'network'
  | 'aborted'
  | 'too-large'
  | 'unsupported'

/** Tokens of one call, told alike for every provider. */
export interface TokenUsage {
  /** Of the prompt in all: those read from and written to the provider's own prompt cache included. */
  readonly input: number
  readonly output: number
  /** Of `input`, how many the provider's prompt cache had. */
  readonly cacheRead: number
  /** Of `input`, how many the provider wrote to its prompt cache. */
  readonly cacheWrite: number
}

/** What an answer turned out to be. */
export interface Verdict {
  /** `undefined`: complete and good. */
  readonly unstorable: Unstorable | undefined
  readonly model: string | undefined
  readonly usage: TokenUsage | undefined
  /** Why the model stopped, in the provider's words. */
  readonly finish?: readonly string[] | undefined
  /** What the provider answered with, if it did. */
  readonly httpStatus?: number | undefined
  /** Of a call that brought no answer, what that is called. */
  readonly failure?: string | undefined
}

/** What the events of a stream hold. */
export interface Sent {
  readonly chunks: readonly JsonObject[]
  /** Events that hold no JSON object. */
  readonly others: number
  /** One of them tells of an error. */
  readonly isError: boolean
  /** OpenAI's last event has come; gateways put it behind the streams of other formats, too. */
  readonly isDone: boolean
}

/** One wire format: which requests are of it, and which answers prove complete and good. */
export interface WireFormat {
  readonly name: WireFormatName
  recognises(request: LlmRequest): boolean
  judgeJson(body: unknown, request: LlmRequest): Verdict
  judgeEvents(sent: Sent, request: LlmRequest): Verdict
}

/** Reads what events hold. */
export function sentIn(events: readonly SseEvent[]): Sent {
  const chunks: JsonObject[] = []
  let others = 0
  let isError = false
  let isDone = false
  for (const { name, data } of events) {
    if (data.trim() === '[DONE]') {
      isDone = true
      continue
    }
    const chunk = parsed(data)
    if (isObject(chunk)) chunks.push(chunk)
    else others++
    isError ||= name === 'error' || (isObject(chunk) && isFailure(chunk))
  }
  return { chunks, others, isError, isDone }
}

/** Whether an answer, or a piece of one, tells that there is none. */
export function isFailure({ error, type, object }: JsonObject): boolean {
  return (error !== undefined && error !== null) || type === 'error' || object === 'error'
}

/** Why a stream is none of a known format, whatever else it says; what it told of tokens counts all the same. */
export function brokenBy({ isError, others }: Sent): Unstorable | undefined {
  return isError ? 'error' : others > 0 ? 'malformed' : undefined
}

/** A verdict about something that is no answer. */
export function rejected(unstorable: Unstorable): Verdict {
  return { unstorable, model: undefined, usage: undefined }
}

/** Reasons to stop out of an answer; `undefined` if it told none. */
export function finishOf(reasons: readonly (string | undefined)[]): readonly string[] | undefined {
  const told = reasons.filter((reason) => reason !== undefined)
  return told.length === 0 ? undefined : told
}
