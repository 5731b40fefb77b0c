import { arrayOr, countOr, isFilled, isObject, type JsonObject, objectOr, textOr } from './json-value.js'
import {
  brokenBy,
  finishOf,
  rejected,
  type TokenUsage,
  type Unstorable,
  type Verdict,
  type WireFormat,
} from './wire-format.js'

/**
 * OpenAI's Responses. One that writes to a conversation, or runs in the background, passes through: it changes something
 * at the provider.
 */
export const openaiResponses: WireFormat = {
  name: 'openai-responses',
  recognises: ({ url, body }) =>
    url.pathname.endsWith('/responses') &&
    // What is no call to a model, such as the responses to a survey, names none.
    ((body.input !== undefined && body.model !== undefined) || isObject(body.prompt)) &&
    (body.conversation === undefined || body.conversation === null) &&
    body.background !== true,
  judgeJson: judgeResponse,
  judgeEvents(sent) {
    let begun: unknown
    let end: unknown
    for (const event of sent.chunks) {
      if (event.type === 'response.created') begun = event.response
      if (ENDS.has(event.type as string)) end = event.response
    }
    const told = end === undefined ? { ...rejected('cut'), model: textOr(objectOr(begun).model) } : judgeResponse(end)
    return { ...told, unstorable: brokenBy(sent) ?? told.unstorable }
  },
}

const ENDS = new Set(['response.completed', 'response.incomplete', 'response.failed'])

function judgeResponse(response: unknown): Verdict {
  if (!isObject(response)) return rejected('malformed')
  if (response.status === undefined && response.error !== undefined && response.error !== null) return rejected('error')
  const { model, usage, status, incomplete_details } = response
  const finish = finishOf([textOr(objectOr(incomplete_details).reason) ?? textOr(status)])
  return { unstorable: judge(response), model: textOr(model), usage: usageOf(usage), finish }
}

function judge(response: JsonObject): Unstorable | undefined {
  switch (response.status) {
    case 'completed':
      return judgeOutput(arrayOr(response.output).map(objectOr))
    case 'incomplete': {
      const { reason } = objectOr(response.incomplete_details)
      return reason === 'max_output_tokens' ? 'truncated' : reason === 'content_filter' ? 'filtered' : 'unfinished'
    }
    case 'failed':
    case 'cancelled':
      return 'error'
    default:
      return 'unfinished'
  }
}

function judgeOutput(output: readonly JsonObject[]): Unstorable | undefined {
  const parts = output.flatMap((item) => arrayOr(item.content).map(objectOr))
  if (output.some((item) => item.type === 'message') && parts.some((part) => part.type === 'refusal')) return 'refused'
  const says = output.some((item) =>
    item.type === 'message'
      ? arrayOr(item.content).some((part) => objectOr(part).type !== 'output_text' || isFilled(objectOr(part).text))
      : item.type !== 'reasoning',
  )
  return says ? undefined : 'empty'
}

function usageOf(usage: unknown): TokenUsage | undefined {
  if (!isObject(usage)) return undefined
  const details = objectOr(usage.input_tokens_details)
  return {
    input: countOr(usage.input_tokens),
    output: countOr(usage.output_tokens),
    cacheRead: countOr(details.cached_tokens),
    cacheWrite: countOr(details.cache_write_tokens),
  }
}
