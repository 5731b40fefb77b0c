export { SCRUBBED, type Scrub } from '../keys/secrets.js'
export type { Account, LlmAnswer, LlmStats, Spending } from './accounts.js'
export {
  anthropicMiddleware,
  type CachedFetch,
  type CachedMiddleware,
  cachedFetch,
  type SdkRequest,
} from './cached-fetch.js'
export { type DescribeOptions, describeRequest } from './describe-request.js'
export { DIRECTIVE_HEADER, directives, type LlmDirectives } from './directives.js'
export type { CachedFetchOptions, FetchLike, StorableAnyway } from './fetch-options.js'
export type { JsonObject } from './json-value.js'
export { LLM_CALL_CHANNEL, type LlmCall } from './llm-call.js'
export { LLM_CHANNEL, type LlmEvent } from './llm-event.js'
export { DEFAULT_PRICES_AS_OF, defaultPrices, type ModelPrice, type PriceTable } from './prices.js'
export type { Recording } from './recording.js'
export type { Pacing } from './replay.js'
export { byCredentials, REQUEST_KEY_VERSION } from './request-key.js'
export type { LlmRequest, TokenUsage, Unstorable, WireFormatName } from './wire-format.js'
