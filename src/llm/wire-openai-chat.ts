import { arrayOr, countOr, isFilled, isObject, type JsonObject, objectOr, textOr } from './json-value.js'
import {
  brokenBy,
  finishOf,
  isFailure,
  type LlmRequest,
  rejected,
  type Sent,
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
    if (isFailure(body)) return rejected('error')
    const choices = arrayOr(body.choices).map((choice) =>
      choiceOf(objectOr(choice), objectOr(objectOr(choice).message)),
    )
    const unstorable = Array.isArray(body.choices) ? judge(choices, request) : 'malformed'
    return verdictOf(choices, unstorable, textOr(body.model), chatUsage(body.usage))
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
    // A router tells here that the model broke off.
    finish: isFailure(choice) ? 'error' : textOr(choice.finish_reason),
    hasContent:
      [said.content, said.tool_calls, said.images].some(isFilled) ||
      isObject(said.function_call) ||
      isObject(said.audio),
    hasRefusal: isFilled(said.refusal),
  }
}

function judgeStream(sent: Sent, request: LlmRequest): Verdict {
  const choices = new Map<number, Choice>()
  let model: string | undefined
  let usage: TokenUsage | undefined
  for (const chunk of sent.chunks) {
    model ??= textOr(chunk.model)
    // The second is Groq's, of streams for which nobody asked to be told.
    usage = chatUsage(chunk.usage) ?? chatUsage(objectOr(chunk.x_groq).usage) ?? usage
    for (const choice of arrayOr(chunk.choices)) addDelta(choices, objectOr(choice))
  }
  const all = [...choices.values()]
  return verdictOf(all, brokenBy(sent) ?? (sent.isDone ? judge(all, request) : 'cut'), model, usage)
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
