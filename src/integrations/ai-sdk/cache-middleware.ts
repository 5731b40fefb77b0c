import { stateOf } from '../../cache/namespace-state.js'
import type { RecordContext, RecordHost } from '../../cache/records.js'
import { optionInvalid } from '../../errors/option-error.js'
import { onceAborted } from '../../runtime/abort.js'
import {
  type AnswerRecord,
  copied,
  isAnswerRecord,
  isInimitable,
  marked,
  recordOfResult,
  tokensOf,
  usageOf,
} from './answer-record.js'
import {
  type CacheMiddlewareOptions,
  type CallParams,
  createCallReader,
  type ModelLike,
  recordOptionsOf,
  resolveUse,
} from './model-call.js'
import { isStorable, type MiddlewareSite, type StreamCall, stream, streamFlightsOf } from './stream-call.js'
import { tellCall } from './tell-call.js'

/** A call to generate, of any version of the SDK. */
export interface GenerateCall<R> {
  readonly doGenerate: () => PromiseLike<R>
  readonly params: CallParams
  readonly model: ModelLike
}

/** A middleware for language models of the AI SDK 5, 6 and 7. */
export interface CacheMiddleware {
  /** Every version of the SDK reads it as its own. */
  readonly specificationVersion: never
  transformParams<P extends CallParams>(call: { readonly params: P }): Promise<P>
  wrapGenerate<R extends object>(call: GenerateCall<R>): Promise<R>
  wrapStream<R extends { readonly stream: ReadableStream }>(call: StreamCall<R>): Promise<R>
}

/**
 * A middleware for `wrapLanguageModel` of the AI SDK 5, 6 and 7: answers come from the namespace, streams included, with
 * their parts as the model sent them; callers of one request at one time share one call.
 *
 * The key is provider, model and every parameter but headers and signals. Only complete answers are kept: finished with
 * `stop` or `tool-calls`, not empty, without an error, of data alone. `providerMetadata.hopstash` says where an answer came from, and the
 * `headers` of a call take directives (`hopstash/llm`).
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 * @example
 * import { createStash } from 'hopstash'
 * import { cacheMiddleware } from 'hopstash/integrations/ai-sdk'
 * const stash = createStash()
 * const middleware = cacheMiddleware(stash.aiResponse)
 * let calls = 0
 * const doGenerate = async () => ({ content: [{ type: 'text', text: `answer ${++calls}` }], finishReason: 'stop', usage: {} })
 * const call = { doGenerate, params: { prompt: [] }, model: { provider: 'test', modelId: 'small' } }
 * await middleware.wrapGenerate(call)
 * ;(await middleware.wrapGenerate(call)).content // => [{ type: 'text', text: 'answer 1' }]
 */
export function cacheMiddleware(namespace: RecordHost, options: CacheMiddlewareOptions = {}): CacheMiddleware {
  if (typeof (namespace as RecordHost | undefined)?.records !== 'function') {
    throw optionInvalid('namespace', 'a namespace of a stash, such as stash.aiResponse', namespace)
  }
  const use = resolveUse(options, 'cacheMiddleware')
  const state = stateOf(namespace)
  const site: MiddlewareSite = {
    name: namespace.name,
    records: namespace.records('ai-sdk'),
    use,
    reader: createCallReader(use),
    flights: streamFlightsOf(state),
    time: state.coherence,
  }
  return {
    // What it says here only tells the types of the versions apart.
    specificationVersion: 'v3' as never,
    transformParams: async ({ params }) => site.reader.prepare(params),
    wrapGenerate: (call) => generate(site, call),
    wrapStream: (call) => stream(site, call),
  }
}

async function generate<R extends object>(
  site: MiddlewareSite,
  { doGenerate, params, model }: GenerateCall<R>,
): Promise<R> {
  const call = site.reader.read('generate', model, params)
  const tell = tellCall(site.name, model)
  let first: R | undefined
  const lead = async (context: RecordContext): Promise<AnswerRecord> => {
    const unlisten = onceAborted(context.signal, call.abort)
    try {
      first = await doGenerate()
    } finally {
      unlisten()
    }
    const record = recordOfResult(first)
    context.usage.add({ tokens: tokensOf(usageOf(record)) })
    return record
  }
  const load = (context: RecordContext): Promise<AnswerRecord> => {
    tell.led = lead(context)
    return tell.led
  }
  const ask = (more = {}) =>
    site.records.load(call.key, load, {
      ...recordOptionsOf<AnswerRecord>(call, call.signal),
      cacheable: (record) => isStorable(site, record),
      ...more,
    })
  const answered = async () => {
    let outcome = await ask()
    // A store may hold anything.
    if (first === undefined && !isAnswerRecord(outcome.value, false)) outcome = await ask({ forceFresh: true })
    return first === undefined && isInimitable(outcome.value) ? ask({ noStore: true }) : outcome
  }
  const { value, status, ageMs } = await answered().catch((error: unknown) => {
    tell({ failed: error, isAborted: call.signal?.aborted === true })
    throw error
  })
  tell({ record: value, status, ageMs })
  if (first !== undefined && status !== 'hit' && status !== 'stale') return marked(first, status, 0)
  return marked(copied(value.result), status, ageMs) as unknown as R
}
