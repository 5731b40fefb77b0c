import type { CacheOutcome } from '../../cache/outcome.js'
import type { LlmCall } from '../../llm/llm-call.js'
import { type LlmEvent, REFUSALS } from '../../llm/llm-event.js'
import type { AttemptReport, HopReport, RunReport } from '../../pipeline/report.js'
import type { Attributes, AttributeValue } from './api.js'

/**
 * Every attribute name in one map. `error.type`, `server.*` and `gen_ai.*` are OpenTelemetry's own names; there is no
 * convention for caches and pipelines yet.
 *
 * @see OpenTelemetry semantic conventions 1.41, general and generative AI attributes
 */
export const ATTRIBUTES = {
  operation: 'hopstash.cache.operation',
  namespace: 'hopstash.cache.namespace',
  key: 'hopstash.cache.key_digest',
  outcome: 'hopstash.cache.outcome',
  tier: 'hopstash.cache.tier',
  cause: 'hopstash.cache.miss_cause',
  age: 'hopstash.cache.age_ms',
  degraded: 'hopstash.cache.degraded',
  quantile: 'hopstash.quantile',
  pipeline: 'hopstash.pipeline.name',
  run: 'hopstash.pipeline.run_id',
  runStatus: 'hopstash.pipeline.status',
  hop: 'hopstash.hop.name',
  hopStatus: 'hopstash.hop.status',
  hopSource: 'hopstash.hop.source',
  hopReason: 'hopstash.hop.reason',
  hopQueue: 'hopstash.hop.queue_ms',
  attempt: 'hopstash.hop.attempt',
  llmOutcome: 'hopstash.llm.outcome',
  llmUnstored: 'hopstash.llm.unstored',
  llmSavedTokens: 'hopstash.llm.saved_tokens',
  llmOperation: 'gen_ai.operation.name',
  llmProvider: 'gen_ai.provider.name',
  requestModel: 'gen_ai.request.model',
  responseModel: 'gen_ai.response.model',
  finishReasons: 'gen_ai.response.finish_reasons',
  cacheReadTokens: 'gen_ai.usage.cache_read.input_tokens',
  cacheWriteTokens: 'gen_ai.usage.cache_creation.input_tokens',
  address: 'server.address',
  port: 'server.port',
  httpStatus: 'http.response.status_code',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  error: 'error.type',
} as const

/** What a cache operation is said to be: no key, no value, a short digest. */
export function cacheAttributes(outcome: CacheOutcome): Attributes {
  return given({
    [ATTRIBUTES.operation]: outcome.operation,
    [ATTRIBUTES.namespace]: outcome.namespace,
    [ATTRIBUTES.key]: outcome.key,
    [ATTRIBUTES.outcome]: outcome.status,
    [ATTRIBUTES.tier]: outcome.tier,
    [ATTRIBUTES.cause]: outcome.cause,
    [ATTRIBUTES.age]: outcome.ageMs > 0 ? Math.round(outcome.ageMs) : undefined,
    [ATTRIBUTES.degraded]: outcome.degraded.length > 0 ? outcome.degraded.join(',') : undefined,
    [ATTRIBUTES.error]: errorType(outcome.error),
  })
}

/** What the loader's share of a cache operation is said to be. */
export function loadAttributes({ namespace, key, error }: CacheOutcome): Attributes {
  return given({
    [ATTRIBUTES.namespace]: namespace,
    [ATTRIBUTES.key]: key,
    [ATTRIBUTES.error]: errorType(error),
  })
}

/** What a run is said to be. */
export function runAttributes(report: RunReport): Attributes {
  return given({
    [ATTRIBUTES.pipeline]: report.pipeline,
    [ATTRIBUTES.run]: report.runId,
    [ATTRIBUTES.runStatus]: report.status,
    [ATTRIBUTES.error]: errorType(report.error),
  })
}

/** What a hop is said to be. */
export function hopAttributes(pipeline: string, name: string, hop: HopReport): Attributes {
  const { usage } = hop
  return given({
    [ATTRIBUTES.pipeline]: pipeline,
    [ATTRIBUTES.hop]: name,
    [ATTRIBUTES.hopStatus]: hop.status,
    [ATTRIBUTES.hopSource]: hop.source,
    [ATTRIBUTES.hopReason]: hop.reason,
    [ATTRIBUTES.hopQueue]: hop.queueMs > 0 ? hop.queueMs : undefined,
    [ATTRIBUTES.inputTokens]: numberIn(usage, 'inputTokens'),
    [ATTRIBUTES.outputTokens]: numberIn(usage, 'outputTokens'),
    [ATTRIBUTES.httpStatus]: hop.error?.status,
    [ATTRIBUTES.error]: errorType(hop.error),
  })
}

/** What one attempt of a hop is said to be. */
export function attemptAttributes(hop: string, attempt: AttemptReport): Attributes {
  const { n, outcome, status, code } = attempt
  return given({
    [ATTRIBUTES.hop]: hop,
    [ATTRIBUTES.attempt]: n,
    [ATTRIBUTES.httpStatus]: status,
    [ATTRIBUTES.error]: outcome === 'ok' ? undefined : errorType({ status, code, name: outcome }),
  })
}

/** `chat gpt-5`. */
export function llmSpanName({ call }: LlmEvent): string {
  return call.model === undefined ? operationOf(call) : `${operationOf(call)} ${lineOf(call.model)}`
}

/** What a call to a model is said to be. Tokens are those that were used: none for an answer that was kept. */
export function llmAttributes(event: LlmEvent): Attributes {
  const { call, status, billed, saved, finish } = event
  const [address, port] = siteOf(call)
  const isAsked = llmLeaves(event)
  return given({
    [ATTRIBUTES.llmOperation]: operationOf(call),
    [ATTRIBUTES.llmProvider]: providerOf(call),
    [ATTRIBUTES.requestModel]: lineOf(call.model),
    [ATTRIBUTES.responseModel]: lineOf(event.model),
    [ATTRIBUTES.finishReasons]: finish?.slice(0, MOST_REASONS).map(wordOf),
    [ATTRIBUTES.inputTokens]: numberIn(billed ?? null, 'input'),
    [ATTRIBUTES.outputTokens]: numberIn(billed ?? null, 'output'),
    [ATTRIBUTES.cacheReadTokens]: numberIn(billed ?? null, 'cacheRead'),
    [ATTRIBUTES.cacheWriteTokens]: numberIn(billed ?? null, 'cacheWrite'),
    [ATTRIBUTES.llmSavedTokens]: saved && saved.input + saved.output > 0 ? saved.input + saved.output : undefined,
    [ATTRIBUTES.llmOutcome]: status,
    [ATTRIBUTES.llmUnstored]: event.unstored,
    [ATTRIBUTES.namespace]: event.namespace,
    [ATTRIBUTES.age]: event.ageMs > 0 ? Math.round(event.ageMs) : undefined,
    [ATTRIBUTES.address]: isAsked ? lineOf(address) : undefined,
    [ATTRIBUTES.port]: isAsked ? port : undefined,
    [ATTRIBUTES.httpStatus]: event.httpStatus,
    [ATTRIBUTES.error]: llmFailure(event),
  })
}

/** How a call failed; an answer that is merely not worth keeping is none. */
export function llmFailure({ unstored, httpStatus, failure }: LlmEvent): string | undefined {
  if (failure !== undefined) return wordOf(failure)
  if (unstored === undefined || !FAILURES.has(unstored)) return undefined
  return unstored === 'status' && httpStatus !== undefined ? String(httpStatus) : unstored
}

/** Whether a call went to a model, be it with somebody else's: what was kept, and what is refused, leaves no process. */
export function llmLeaves({ status, failure }: LlmEvent): boolean {
  return status !== 'hit' && status !== 'stale' && !(failure !== undefined && REFUSALS.has(failure))
}

/** What is told of an error where it tells a status: that, as HTTP's conventions have it; else its code or class. */
function errorType(
  error:
    | { readonly status?: number | null; readonly code?: string | null | undefined; readonly name: string | null }
    | null
    | undefined,
): string | undefined {
  if (error === null || error === undefined) return undefined
  if (typeof error.status === 'number' && error.status >= 300) return String(error.status)
  const word = error.code ?? error.name
  return word === null ? undefined : wordOf(word)
}

/** The conventions' word for what has none of its own. */
const OTHER = '_OTHER'
const MOST_REASONS = 8
const MOST_LINE = 120

/** A word that came from outside, such as a code or a reason to finish: whoever counts by it must not get texts. */
function wordOf(text: string): string {
  return /^[\w.:@/-]{1,64}$/.test(text) ? text : OTHER
}

/** A name that came from outside: of a bounded length, and on one line. */
function lineOf(text: string | undefined): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get out.
  return text?.slice(0, MOST_LINE).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ')
}

const FAILURES: ReadonlySet<string> = new Set(['status', 'network', 'aborted', 'error', 'malformed', 'cut'])

function operationOf({ format }: LlmCall): string {
  if (format === 'openai-embeddings') return 'embeddings'
  return format === 'gemini' || format === 'json' ? 'generate_content' : 'chat'
}

// By host first: many providers speak OpenAI's format.
const PROVIDERS: readonly (readonly [host: RegExp, provider: string])[] = [
  [/(?:^|\.)openai\.azure\.com$/, 'azure.ai.openai'],
  [/(?:^|\.)services\.ai\.azure\.com$/, 'azure.ai.inference'],
  [/(?:^|\.)openai\.com$/, 'openai'],
  [/(?:^|\.)anthropic\.com$/, 'anthropic'],
  [/^bedrock[\w.-]*\.amazonaws\.com$/, 'aws.bedrock'],
  [/^generativelanguage\.googleapis\.com$/, 'gcp.gemini'],
  [/aiplatform\.googleapis\.com$/, 'gcp.vertex_ai'],
  [/(?:^|\.)mistral\.ai$/, 'mistral_ai'],
  [/(?:^|\.)groq\.com$/, 'groq'],
  [/(?:^|\.)deepseek\.com$/, 'deepseek'],
  [/(?:^|\.)x\.ai$/, 'x_ai'],
  [/(?:^|\.)perplexity\.ai$/, 'perplexity'],
  [/(?:^|\.)cohere\.(?:ai|com)$/, 'cohere'],
]

function providerOf(call: LlmCall): string {
  const { format, provider } = call
  // The AI SDK's name for it, without the kind of model: `openai.chat`.
  if (provider !== undefined) return wordOf(provider.split('.')[0] ?? provider)
  const [host = ''] = siteOf(call)
  const known = PROVIDERS.find(([pattern]) => pattern.test(host))?.[1]
  if (known !== undefined) return known
  if (format === 'anthropic-messages') return 'anthropic'
  return format === 'gemini' ? 'gcp.gen_ai' : format === 'json' ? wordOf(host) : 'openai'
}

function siteOf({ host }: LlmCall): [address: string | undefined, port: number | undefined] {
  const [, address, port] = /^(.*?)(?::(\d+))?$/.exec(host ?? '') ?? []
  return address === undefined || address === '' ? [undefined, undefined] : [address, Number(port ?? 443)]
}

function numberIn(usage: object | null, name: string): number | undefined {
  const value = (usage as Readonly<Record<string, unknown>> | null)?.[name]
  return typeof value === 'number' && value > 0 ? value : undefined
}

function given(all: Readonly<Record<string, AttributeValue | null | undefined>>): Attributes {
  const known = Object.entries(all).filter(([, value]) => value !== undefined && value !== null)
  return Object.fromEntries(known) as Attributes
}
