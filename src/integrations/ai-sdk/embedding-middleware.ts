import { stateOf } from '../../cache/namespace-state.js'
import type { RecordContext, RecordHost, RecordOutcome, Records } from '../../cache/records.js'
import type { ReadStatus } from '../../cache/words.js'
import { optionInvalid } from '../../errors/option-error.js'
import { sharesOf } from '../../llm/item-batch.js'
import { countOr } from '../../llm/json-value.js'
import { onceAborted } from '../../runtime/abort.js'
import type { Clock } from '../../runtime/clock.js'
import {
  type CacheMiddlewareOptions,
  type CallParams,
  type CallReader,
  createCallReader,
  type ModelCall,
  type ModelLike,
  recordOptionsOf,
  resolveUse,
} from './model-call.js'

/** Parameters of a call for embeddings, of any version of the SDK. */
export interface EmbedParams extends CallParams {
  readonly values: readonly string[]
}

/** What comes back of one. */
interface EmbedResult {
  readonly embeddings: readonly (readonly number[])[]
  readonly usage?: { readonly tokens: number } | undefined
}

/** A call for embeddings, of any version of the SDK that can wrap a model of them. */
export interface EmbedCall<R> {
  readonly doEmbed: () => PromiseLike<R>
  readonly params: EmbedParams
  readonly model: ModelLike & { doEmbed(params: never): PromiseLike<R> }
}

/** A middleware for embedding models of the AI SDK 6 and 7. */
export interface EmbeddingCacheMiddleware {
  /** Every version of the SDK reads it as its own. */
  readonly specificationVersion: never
  transformParams<P extends EmbedParams>(call: { readonly params: P }): Promise<P>
  wrapEmbed<R extends object>(call: EmbedCall<R>): Promise<R>
}

/** One embedding as it is kept. */
interface ItemRecord {
  readonly v: 1
  readonly embedding: readonly number[]
  readonly tokens: number
}

interface Site {
  readonly items: Records<ItemRecord>
  readonly reader: CallReader
  readonly clock: Clock
}

/** How long the first missing text waits to hear which others are missing, ms: some may be on their way elsewhere. */
const GATHER_MS = 20

/**
 * A middleware for `wrapEmbeddingModel` of the AI SDK 6 and 7: every text is kept under its own key, so a call asks the
 * model only for those nobody has, and finds them in whatever company they come next. (Version 5 cannot wrap embedding
 * models: there, give the provider `cachedFetch` of `hopstash/llm`.)
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 */
export function embeddingCacheMiddleware(
  namespace: RecordHost,
  options: Omit<CacheMiddlewareOptions, 'alsoStore'> = {},
): EmbeddingCacheMiddleware {
  if (typeof (namespace as RecordHost | undefined)?.records !== 'function') {
    throw optionInvalid('namespace', 'a namespace of a stash, such as stash.aiResponse', namespace)
  }
  const reader = createCallReader(resolveUse(options, 'embeddingCacheMiddleware'))
  const site: Site = { items: namespace.records('ai-sdk-embedding'), reader, clock: stateOf(namespace).clock }
  return {
    specificationVersion: 'v3' as never,
    transformParams: async ({ params }) => reader.prepare(params),
    wrapEmbed: (call) => embed(site, call as EmbedCall<EmbedResult & object>) as Promise<never>,
  }
}

async function embed<R extends EmbedResult>(site: Site, asked: EmbedCall<R>): Promise<R> {
  const { values, ...around } = asked.params
  const call = site.reader.read('embed', asked.model, asked.params)
  const { params: _params, ...stem } = call.key as { readonly params: object }
  const { headers: _headers, abortSignal: _signal, ...counts } = around
  // A text that occurs twice is one item.
  const unique = [...new Set(values)]
  const batch = createBatch(site.clock, asked, call, unique.length)
  const loads = unique.map((value) => {
    const one: ModelCall = { ...call, key: { ...stem, params: counts, value } }
    const ask = (more = {}) =>
      site.items.load(one.key, (context) => batch.ask(value, context), {
        ...recordOptionsOf<ItemRecord>(one, call.signal),
        ...more,
      })
    // A store may hold anything.
    const sound = (outcome: RecordOutcome<ItemRecord>) =>
      isItemRecord(outcome.value) ? outcome : ask({ forceFresh: true })
    return ask().then(sound).finally(batch.settled)
  })
  const outcomes = await Promise.all(loads)
  const found = new Map(unique.map((value, index) => [value, outcomes[index]]))
  const embeddings = values.map((value) => [...(found.get(value)?.value.embedding ?? [])])
  const tokens = outcomes.reduce((sum, { value }) => sum + value.tokens, 0)
  const { providerMetadata, ...result } = (batch.result ?? { warnings: [] }) as R & {
    readonly providerMetadata?: object
  }
  const hopstash = { status: statusOf(outcomes.map(({ status }) => status)), hits: outcomes.filter(isKept).length }
  return {
    ...result,
    embeddings,
    usage: { tokens },
    providerMetadata: { ...providerMetadata, hopstash },
  } as unknown as R
}

function isItemRecord(value: unknown): value is ItemRecord {
  const { v, embedding, tokens } = (value ?? {}) as Partial<ItemRecord>
  return v === 1 && typeof tokens === 'number' && Array.isArray(embedding) && embedding.every(Number.isFinite)
}

function isKept({ status }: { readonly status: ReadStatus }): boolean {
  return status === 'hit' || status === 'stale'
}

function statusOf(statuses: readonly ReadStatus[]): ReadStatus {
  return statuses.find((status) => status !== 'hit') ?? 'hit'
}

interface Ask {
  readonly value: string
  readonly context: RecordContext
  resolve(record: ItemRecord): void
  reject(error: unknown): void
}

/** Gathers the texts of one call that nobody has, and asks for them at once. */
function createBatch<R extends EmbedResult>(clock: Clock, asked: EmbedCall<R>, call: ModelCall, count: number) {
  let waiting: Ask[] = []
  let known = 0
  let timer: unknown
  let result: R | undefined

  const flush = (): void => {
    clock.clearTimer(timer)
    timer = undefined
    const asks = waiting
    waiting = []
    if (asks.length === 0) return
    const isWhole = asks.length === asked.params.values.length
    const values = asks.map(({ value }) => value)
    // The type of its parameters is the SDK's own.
    const some = (): PromiseLike<R> => asked.model.doEmbed({ ...asked.params, values } as never)
    const gone = whenAllGone(asks, call.abort)
    Promise.resolve(isWhole ? asked.doEmbed() : some())
      .then((came) => {
        result = came
        handOut(asks, came)
      })
      .catch((error: unknown) => {
        for (const ask of asks) ask.reject(error)
      })
      .finally(gone)
  }
  const next = (): void => {
    if (++known >= count) flush()
    else if (waiting.length > 0) timer ??= clock.setTimer(flush, GATHER_MS, true)
  }
  return {
    ask: (value: string, context: RecordContext) =>
      new Promise<ItemRecord>((resolve, reject) => {
        waiting.push({ value, context, resolve, reject })
        next()
      }),
    settled: next,
    get result() {
      return result
    },
  }
}

// By position, so their number is all that can be checked: one too few, and every text would get its neighbour's vector.
function handOut(asks: readonly Ask[], { embeddings, usage }: EmbedResult): void {
  if (embeddings.length !== asks.length) {
    throw new TypeError(`The model returned ${embeddings.length} embeddings for ${asks.length} texts`)
  }
  const shares = sharesOf(
    countOr(usage?.tokens),
    asks.map(({ value }) => value),
  )
  for (const [index, ask] of asks.entries()) {
    const tokens = shares[index] ?? 0
    ask.context.usage.add({ tokens })
    ask.resolve({ v: 1, embedding: embeddings[index] as readonly number[], tokens })
  }
}

function whenAllGone(asks: readonly Ask[], abort: (reason: unknown) => void): () => void {
  let left = asks.length
  const releases = asks.map(({ context }) =>
    onceAborted(context.signal, (reason) => {
      if (--left === 0) abort(reason)
    }),
  )
  return () => {
    for (const release of releases) release()
  }
}
