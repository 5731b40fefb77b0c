import { summaryOf } from './answer-summary.js'
import { parsed } from './json-value.js'
import { readEvents } from './sse.js'
import { anthropicMessages } from './wire-anthropic.js'
import { openaiEmbeddings } from './wire-embeddings.js'
import { type LlmRequest, sentIn, type Verdict, type WireFormat } from './wire-format.js'
import { gemini } from './wire-gemini.js'
import { openaiChat } from './wire-openai-chat.js'
import { openaiResponses } from './wire-openai-responses.js'

const FORMATS: readonly WireFormat[] = [openaiChat, openaiResponses, anthropicMessages, gemini, openaiEmbeddings]

/** The format of a request, told by its path and the shape of its body; `undefined` if it is none of them. */
export function formatOf(request: LlmRequest): WireFormat | undefined {
  return FORMATS.find((format) => format.recognises(request))
}

/** Whether an answer of status 200 proves complete and good, and what it used. */
export function judgeAnswer(format: WireFormat, request: LlmRequest, contentType: string, text: string): Verdict {
  if (isEventStream(contentType)) return format.judgeEvents(sentIn(readEvents(text)), request)
  const body = parsed(text)
  if (body !== undefined) return format.judgeJson(body, request)
  return { ...format.judgeJson(summaryOf(text, text), request), unstorable: 'cut', finish: undefined }
}

/** Whether a content type is that of an event stream. */
export function isEventStream(contentType: string): boolean {
  return /^text\/event-stream\b/i.test(contentType)
}
