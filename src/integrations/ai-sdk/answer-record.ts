import { copyOf, own } from '../../cache/ownership.js'
import { isSecretName } from '../../keys/secrets.js'
import { countOr, isObject, objectOr } from '../../llm/json-value.js'
import type { TokenUsage } from '../../llm/wire-format.js'

/** What is kept of an answer: a whole result, or the parts of a stream and what came beside it. */
export interface AnswerRecord {
  readonly v: 1
  /** The result, without the texts of request and response. */
  readonly result: Readonly<Record<string, unknown>>
  /** Of a stream: its parts. */
  readonly parts?: readonly Part[]
  /** Why it is not kept; never set on one that is. */
  readonly unstorable?: string
}

/** A part of a stream, of any version. */
export interface Part {
  readonly type: string
  readonly [field: string]: unknown
}

const GOOD = new Set(['stop', 'tool-calls'])
const BAD: Readonly<Record<string, string>> = {
  length: 'truncated',
  'content-filter': 'filtered',
  error: 'error',
  interrupted: 'cut',
}
/** Headers of a response that are nobody's business later, beside those that hold a secret. */
const PRIVATE_HEADERS = new Set(['set-cookie2', 'proxy-authenticate', 'www-authenticate'])

/** Of an answer that holds what nothing can keep or copy, such as a function: its record is without it. */
const UNSUPPORTED = 'unsupported'

/** The record of a result of `doGenerate`. */
export function recordOfResult(result: object): AnswerRecord {
  const { content, finishReason } = result as { content?: unknown; finishReason?: unknown }
  const isEmpty = !Array.isArray(content) || !content.some(isSubstance)
  return recordOf({ result }, unfinished(finishReason) ?? (isEmpty ? 'empty' : undefined))
}

/** The record of a stream that has come to its end. It takes the parts over. */
export function recordOfParts(result: object, parts: readonly Part[]): AnswerRecord {
  const finish = parts.findLast(({ type }) => type === 'finish')
  const kept = parts.filter(({ type }) => type !== 'raw')
  const verdict = parts.some(({ type }) => type === 'error')
    ? 'error'
    : finish === undefined || isUntold(finish.finishReason)
      ? 'cut'
      : (unfinished(finish.finishReason) ?? (parts.some(isSubstance) ? undefined : 'empty'))
  return recordOf({ result, parts: kept }, verdict)
}

/** Whether an answer is its caller's alone: nobody else can be given a copy. */
export function isInimitable({ unstorable }: AnswerRecord): boolean {
  return unstorable === UNSUPPORTED
}

/** A copy for somebody else; where there can be none, the value itself. */
export function copied<T>(value: T): T {
  try {
    return copyOf(value)
  } catch {
    return value
  }
}

/** Whether what a store gave back is a record: a folder of them may have been edited by hand. */
export function isAnswerRecord(value: unknown, streams: boolean): value is AnswerRecord {
  if (typeof value !== 'object' || value === null) return false
  const { v, result, parts } = value as Partial<AnswerRecord>
  return v === 1 && typeof result === 'object' && result !== null && Array.isArray(parts) === streams
}

/** Input and output tokens, told in any version. */
export function tokensOf(usage: unknown): number {
  const { input, output } = tokenCounts(usage)
  return input + output
}

/** The same apart, with what the provider's own prompt cache read and wrote. */
export function tokenCounts(usage: unknown): TokenUsage {
  const { inputTokens, outputTokens, cachedInputTokens } = objectOr(usage)
  const { cacheRead, cacheWrite } = objectOr(inputTokens)
  return {
    input: totalOf(inputTokens),
    output: totalOf(outputTokens),
    // Of version 2 and of later ones.
    cacheRead: countOr(cachedInputTokens ?? cacheRead),
    cacheWrite: countOr(cacheWrite),
  }
}

/** The usage of a record. */
export function usageOf({ result, parts }: AnswerRecord): unknown {
  return parts === undefined ? result.usage : parts.findLast(({ type }) => type === 'finish')?.usage
}

/** An answer of the caller's own, with what the cache has to say in its provider metadata. */
export function marked<T extends object>(answer: T, status: string, ageMs: number): T {
  const { providerMetadata } = answer as { providerMetadata?: object }
  const hopstash = { status, ageMs: Math.round(ageMs) }
  return { ...answer, providerMetadata: { ...providerMetadata, hopstash } }
}

function recordOf(
  { result, ...rest }: { readonly result: object; readonly parts?: readonly Part[] },
  unstorable: string | undefined,
): AnswerRecord {
  // A copy: what is kept is frozen, and what was answered is its caller's, who may change it.
  const record: AnswerRecord = { v: 1, result: copied(withoutTexts(result)), ...rest }
  const owned = own(record, { isolation: 'freeze', copy: false, maxBytes: Infinity })
  if ('refused' in owned) return withoutAnswer(record)
  return unstorable === undefined ? owned.value : { ...owned.value, unstorable }
}

/** What can be told of an answer that cannot be kept: its tokens, and why it ended. */
function withoutAnswer(record: AnswerRecord): AnswerRecord {
  const { input, output } = tokenCounts(usageOf(record))
  const end = { finishReason: finishReasonOf(record), usage: { inputTokens: input, outputTokens: output } }
  const isStream = record.parts !== undefined
  return {
    v: 1,
    ...(isStream ? { result: {}, parts: [{ type: 'finish', ...end }] } : { result: end }),
    unstorable: UNSUPPORTED,
  }
}

/** Why the model stopped, in one word of the SDK's. */
export function finishReasonOf({ result, parts }: AnswerRecord): string | undefined {
  return wordOf(
    parts === undefined ? result.finishReason : parts.findLast(({ type }) => type === 'finish')?.finishReason,
  )
}

// Version 2 says it in one word, later ones in theirs and the provider's.
function wordOf(finishReason: unknown): string | undefined {
  const reason =
    typeof finishReason === 'object' && finishReason !== null
      ? (finishReason as { unified?: unknown }).unified
      : finishReason
  return typeof reason === 'string' ? reason : undefined
}

// What providers end a stream with that was cut: version 2 has a word for it, 3 one for the lack of any, 4 `interrupted`.
function isUntold(finishReason: unknown): boolean {
  const { unified, raw } = objectOr(finishReason)
  return finishReason === 'unknown' || (unified === 'other' && typeof raw !== 'string')
}

function unfinished(finishReason: unknown): string | undefined {
  const reason = wordOf(finishReason)
  if (reason === undefined) return 'unknown-finish'
  return GOOD.has(reason) ? undefined : (BAD[reason] ?? 'unknown-finish')
}

/** Whether a part of an answer says anything. */
function isSubstance(part: unknown): boolean {
  const { type, text, delta } = (part ?? {}) as { type?: unknown; text?: unknown; delta?: unknown }
  if (type === 'text' || type === 'reasoning') return typeof text === 'string' && text.trim() !== ''
  if (type === 'text-delta' || type === 'reasoning-delta') return typeof delta === 'string' && delta.trim() !== ''
  return type === 'tool-call' || type === 'file' || type === 'source' || type === 'tool-result'
}

/**
 * What of a result is for others than its caller: without the texts of request and response, for the one would be kept twice
 * over and the other is what was parsed, and without headers that hold a secret.
 */
export function withoutTexts(result: object): Readonly<Record<string, unknown>> {
  const { request: _request, stream: _stream, response, ...rest } = result as Record<string, unknown>
  if (typeof response !== 'object' || response === null) return rest
  const { body: _body, headers, ...about } = response as Record<string, unknown>
  const kept = Object.entries((headers ?? {}) as object).filter(
    ([name]) => !PRIVATE_HEADERS.has(name.toLowerCase()) && !isSecretName(name),
  )
  return { ...rest, response: { ...about, ...(kept.length > 0 && { headers: Object.fromEntries(kept) }) } }
}

function totalOf(tokens: unknown): number {
  return countOr(isObject(tokens) ? tokens.total : tokens)
}
