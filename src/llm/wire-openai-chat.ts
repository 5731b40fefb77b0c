import { arrayOr, countOr, isFilled, isObject, type JsonObject, objectOr, parsed, textOr } from './json-value.js'
import type { SseEvent } from './sse.js'
import {
  finishOf,
  type LlmRequest,
  rejected,
  type TokenUsage,
  type Unstorable,
  type Verdict,
  type WireFormat,
} from './wire-format.js'

/** Chat completions, as OpenAI and everyone compatible speak them. */
export const openaiChat: WireFormat = {
  name: 'openai-chat',
  recognises: ({ url, body }) => url.pathname.endsWith('/chat/completions') && Array.isArray(body.messages),
  judgeJson(body, request) {
    if (!isObject(body)) return rejected('malformed')
    if (isError(body)) return rejected('error')
    const choices = arrayOr(body.choices).map((choice) =>
      choiceOf(objectOr(choice), objectOr(objectOr(choice).message)),
    )
    return verdictOf(choices, judge(choices, request), textOr(body.model), chatUsage(body.usage))
  },
  judgeEvents: judgeStream,
}

/** Prompt and answer tokens; what the prompt cache had is part of the prompt tokens here. */
export function chatUsage(usage: unknown): TokenUsage | undefined {
  if (!isObject(usage)) return undefined
  const details = objectOr(usage.prompt_tokens_details)
  return {
    input: countOr(usage.prompt_tokens),
    output: countOr(usage.completion_tokens),
    cacheRead: countOr(details.cached_tokens),
    cacheWrite: countOr(details.cache_write_tokens),
  }
}

interface Choice {
  finish: string | undefined
  hasContent: boolean
  hasRefusal: boolean
}

function choiceOf(choice: JsonObject, said: JsonObject): Choice {
  return {
    finish: textOr(choice.finish_reason),
    hasContent:
      isFilled(said.content) || isFilled(said.tool_calls) || isObject(said.function_call) || isObject(said.audio),
    hasRefusal: isFilled(said.refusal),
  }
}

function judgeStream(events: readonly SseEvent[], request: LlmRequest): Verdict {
  const choices = new Map<number, Choice>()
  let isDone = false
  let model: string | undefined
  let usage: TokenUsage | undefined
  for (const { data } of events) {
    if (data.trim() === '[DONE]') {
      isDone = true
      continue
    }
    const chunk = parsed(data)
    if (!isObject(chunk)) return rejected('malformed')
    if (isError(chunk)) return rejected('error')
    model ??= textOr(chunk.model)
    usage = chatUsage(chunk.usage) ?? usage
    for (const choice of arrayOr(chunk.choices)) addDelta(choices, objectOr(choice))
  }
  const all = [...choices.values()]
  return verdictOf(all, isDone ? judge(all, request) : 'cut', model, usage)
}

function verdictOf(
  choices: readonly Choice[],
  unstorable: Unstorable | undefined,
  model: string | undefined,
  usage: TokenUsage | undefined,
): Verdict {
  return { unstorable, model, usage, finish: finishOf(choices.map(({ finish }) => finish)) }
}

function addDelta(choices: Map<number, Choice>, delta: JsonObject): void {
  const index = countOr(delta.index)
  const part = choiceOf(delta, objectOr(delta.delta))
  const known = choices.get(index)
  if (known === undefined) {
    choices.set(index, part)
    return
  }
  known.finish = part.finish ?? known.finish
  known.hasContent ||= part.hasContent
  known.hasRefusal ||= part.hasRefusal
}

const FINISHES: Readonly<Record<string, Unstorable | 'good'>> = {
  stop: 'good',
  tool_calls: 'good',
  function_call: 'good',
  length: 'truncated',
  model_length: 'truncated',
  content_filter: 'filtered',
  error: 'error',
}

function judge(choices: readonly Choice[], { body }: LlmRequest): Unstorable | undefined {
  if (choices.length === 0) return 'empty'
  if (choices.length < countOr(body.n)) return 'cut'
  for (const { finish, hasContent, hasRefusal } of choices) {
    if (finish === undefined) return 'unfinished'
    const meaning = Object.hasOwn(FINISHES, finish) ? FINISHES[finish] : 'unknown-finish'
    if (meaning !== 'good') return meaning
    if (hasRefusal) return 'refused'
    if (!hasContent) return 'empty'
  }
  return undefined
}

function isError(body: JsonObject): boolean {
  return body.error !== undefined && body.error !== null
}
