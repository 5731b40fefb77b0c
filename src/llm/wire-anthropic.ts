import { arrayOr, countOr, isFilled, isObject, type JsonObject, objectOr, textOr } from './json-value.js'
import {
  brokenBy,
  finishOf,
  rejected,
  type Sent,
  type TokenUsage,
  type Unstorable,
  type Verdict,
  type WireFormat,
} from './wire-format.js'

/** Anthropic's messages. Others send their own to such a path: calls to a model say how long the answer may be. */
export const anthropicMessages: WireFormat = {
  name: 'anthropic-messages',
  recognises: ({ url, body }) =>
    url.pathname.endsWith('/messages') && Array.isArray(body.messages) && body.max_tokens !== undefined,
  judgeJson(body) {
    if (!isObject(body)) return rejected('malformed')
    if (body.type === 'error') return rejected('error')
    if (body.type !== 'message') return rejected('malformed')
    const says = arrayOr(body.content).some((block) => blockSays(objectOr(block)))
    return {
      unstorable: judge(textOr(body.stop_reason), says),
      model: textOr(body.model),
      usage: isObject(body.usage) ? usageOf(body.usage) : undefined,
      finish: finishOf([textOr(body.stop_reason)]),
    }
  },
  judgeEvents: judgeStream,
}

function judgeStream(sent: Sent): Verdict {
  let message: JsonObject = {}
  let usage: JsonObject = {}
  let stop: string | undefined
  let says = false
  let isOver = false
  for (const event of sent.chunks) {
    if (event.type === 'message_start') {
      message = objectOr(event.message)
      usage = objectOr(message.usage)
    }
    if (event.type === 'content_block_start') says ||= blockSays(objectOr(event.content_block))
    if (event.type === 'content_block_delta') says ||= isFilled(objectOr(event.delta).text)
    if (event.type === 'message_delta') {
      stop = textOr(objectOr(event.delta).stop_reason) ?? stop
      // Later counts are totals, and replace those of the start; `null` is none.
      const told = Object.entries(objectOr(event.usage)).filter(([, count]) => count !== null)
      usage = { ...usage, ...Object.fromEntries(told) }
    }
    isOver ||= event.type === 'message_stop'
  }
  return {
    unstorable: brokenBy(sent) ?? (isOver ? judge(stop, says) : 'cut'),
    model: textOr(message.model),
    usage: usage.input_tokens === undefined ? undefined : usageOf(usage),
    finish: finishOf([stop]),
  }
}

// Anything but text and thoughts is a tool's: its being there says something.
function blockSays(block: JsonObject): boolean {
  if (block.type === 'text') return isFilled(block.text)
  return block.type !== undefined && block.type !== 'thinking' && block.type !== 'redacted_thinking'
}

const STOPS: Readonly<Record<string, Unstorable | 'good'>> = {
  end_turn: 'good',
  stop_sequence: 'good',
  tool_use: 'good',
  max_tokens: 'truncated',
  model_context_window_exceeded: 'truncated',
  refusal: 'refused',
  pause_turn: 'unfinished',
}

function judge(stop: string | undefined, says: boolean): Unstorable | undefined {
  if (stop === undefined) return 'unfinished'
  const meaning = Object.hasOwn(STOPS, stop) ? STOPS[stop] : 'unknown-finish'
  if (meaning !== 'good') return meaning
  return says ? undefined : 'empty'
}

// What the prompt cache read and wrote stands beside `input_tokens` here, and is not part of it.
function usageOf(usage: JsonObject): TokenUsage {
  const cacheRead = countOr(usage.cache_read_input_tokens)
  const cacheWrite = countOr(usage.cache_creation_input_tokens)
  return {
    input: countOr(usage.input_tokens) + cacheRead + cacheWrite,
    output: countOr(usage.output_tokens),
    cacheRead,
    cacheWrite,
  }
}
