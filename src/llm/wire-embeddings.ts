import { arrayOr, countOr, isObject, objectOr, textOr } from './json-value.js'
import { isFailure, rejected, type TokenUsage, type Unstorable, type WireFormat } from './wire-format.js'

/** OpenAI's embeddings: cached by item, see `embeddings.ts`. This judges a whole answer. */
export const openaiEmbeddings: WireFormat = {
  name: 'openai-embeddings',
  recognises: ({ url, body }) => url.pathname.endsWith('/embeddings') && inputsOf(body.input) !== undefined,
  judgeJson(body, request) {
    if (!isObject(body)) return rejected('malformed')
    if (isFailure(body)) return rejected('error')
    const isBase64 = request.body.encoding_format === 'base64'
    return {
      unstorable: judgeItems(arrayOr(body.data), inputsOf(request.body.input)?.length ?? 0, isBase64),
      model: textOr(body.model),
      usage: embeddingUsage(body.usage),
    }
  },
  judgeEvents: () => rejected('malformed'),
}

/** The inputs of a request one by one: texts, or lists of tokens. `undefined` for what is neither. */
export function inputsOf(input: unknown): readonly unknown[] | undefined {
  if (typeof input === 'string') return [input]
  if (!Array.isArray(input) || input.length === 0) return undefined
  if (input.every((item) => typeof item === 'number')) return [input]
  return input.every((item) => typeof item === 'string') || input.every(isTokens) ? input : undefined
}

/** Prompt tokens; an embedding has no others. */
export function embeddingUsage(usage: unknown): TokenUsage | undefined {
  if (!isObject(usage)) return undefined
  return { input: countOr(usage.prompt_tokens ?? usage.total_tokens), output: 0, cacheRead: 0, cacheWrite: 0 }
}

/**
 * Whether the items are exactly those asked for: as many, each index once, each a vector of the form asked for, all of
 * one length.
 */
export function judgeItems(items: readonly unknown[], count: number, isBase64: boolean): Unstorable | undefined {
  if (items.length === 0) return 'empty'
  if (items.length !== count) return 'cut'
  const seen = new Set<unknown>()
  let length: number | undefined
  for (const item of items) {
    const { index, embedding } = objectOr(item)
    if (!Number.isInteger(index) || (index as number) < 0 || (index as number) >= count) return 'malformed'
    if (!isVector(embedding, isBase64)) return 'malformed'
    length ??= embedding.length
    if (embedding.length !== length) return 'malformed'
    seen.add(index)
  }
  return seen.size === count ? undefined : 'malformed'
}

function isVector(embedding: unknown, isBase64: boolean): embedding is string | readonly number[] {
  if (isBase64) return typeof embedding === 'string' && embedding.length > 0 && BASE64.test(embedding)
  return Array.isArray(embedding) && embedding.length > 0 && embedding.every(Number.isFinite)
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

function isTokens(item: unknown): boolean {
  return Array.isArray(item) && item.length > 0 && item.every((token) => typeof token === 'number')
}
