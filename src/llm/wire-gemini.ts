import { arrayOr, countOr, isFilled, isObject, type JsonObject, objectOr, textOr } from './json-value.js'
import {
  brokenBy,
  finishOf,
  isFailure,
  type LlmRequest,
  rejected,
  type TokenUsage,
  type Unstorable,
  type Verdict,
  type WireFormat,
} from './wire-format.js'

/** Gemini's `generateContent` and `streamGenerateContent`, as events or as one JSON array. */
export const gemini: WireFormat = {
  name: 'gemini',
  recognises: ({ url, body }) => METHOD.test(url.pathname) && Array.isArray(body.contents),
  judgeJson(body, request) {
    const chunks: readonly unknown[] = Array.isArray(body) ? body : [body]
    if (!chunks.every(isObject)) return rejected('malformed')
    return judgeChunks(chunks, request, chunks.some(isFailure) ? 'error' : undefined)
  },
  judgeEvents: (sent, request) => judgeChunks(sent.chunks, request, brokenBy(sent)),
}

const METHOD = /:(?:generateContent|streamGenerateContent)$/

interface Candidate {
  finish: string | undefined
  says: boolean
}

function judgeChunks(chunks: readonly JsonObject[], request: LlmRequest, broken: Unstorable | undefined): Verdict {
  const candidates = new Map<number, Candidate>()
  let model: string | undefined
  let usage: TokenUsage | undefined
  let isBlocked = false
  for (const chunk of chunks) {
    model ??= textOr(chunk.modelVersion)
    // Each chunk tells the totals so far.
    usage = usageOf(chunk.usageMetadata) ?? usage
    isBlocked ||= textOr(objectOr(chunk.promptFeedback).blockReason) !== undefined
    for (const candidate of arrayOr(chunk.candidates)) addPart(candidates, objectOr(candidate))
  }
  const all = [...candidates.values()]
  const finish = finishOf(all.map((candidate) => candidate.finish))
  return { unstorable: broken ?? (isBlocked ? 'filtered' : judge(all, request)), model, usage, finish }
}

function addPart(candidates: Map<number, Candidate>, part: JsonObject): void {
  const index = countOr(part.index)
  const known = candidates.get(index) ?? { finish: undefined, says: false }
  known.finish = textOr(part.finishReason) ?? known.finish
  known.says ||= arrayOr(objectOr(part.content).parts).some((piece) => pieceSays(objectOr(piece)))
  candidates.set(index, known)
}

function pieceSays(piece: JsonObject): boolean {
  if (piece.thought === true) return false
  return piece.text === undefined
    ? Object.keys(piece).some((name) => name !== 'thoughtSignature')
    : isFilled(piece.text)
}

const FILTERS = new Set([
  'SAFETY',
  'RECITATION',
  'LANGUAGE',
  'BLOCKLIST',
  'PROHIBITED_CONTENT',
  'SPII',
  'IMAGE_SAFETY',
  'IMAGE_PROHIBITED_CONTENT',
  'IMAGE_RECITATION',
])
const FAILURES = new Set(['MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL', 'OTHER', 'IMAGE_OTHER', 'NO_IMAGE'])

function judge(candidates: readonly Candidate[], { body }: LlmRequest): Unstorable | undefined {
  if (candidates.length === 0) return 'cut'
  if (candidates.length < countOr(objectOr(body.generationConfig).candidateCount)) return 'cut'
  for (const { finish, says } of candidates) {
    // The last chunk has the reason: without one the stream was cut.
    if (finish === undefined) return 'cut'
    if (finish === 'MAX_TOKENS') return 'truncated'
    if (FILTERS.has(finish)) return 'filtered'
    if (FAILURES.has(finish)) return 'error'
    if (finish !== 'STOP') return 'unknown-finish'
    if (!says) return 'empty'
  }
  return undefined
}

function usageOf(usage: unknown): TokenUsage | undefined {
  if (!isObject(usage)) return undefined
  return {
    input: countOr(usage.promptTokenCount) + countOr(usage.toolUsePromptTokenCount),
    output: countOr(usage.candidatesTokenCount) + countOr(usage.thoughtsTokenCount),
    cacheRead: countOr(usage.cachedContentTokenCount),
    cacheWrite: 0,
  }
}
