import type { RecordContext, RecordHost, Records } from '../../cache/records.js'
import { optionInvalid } from '../../errors/option-error.js'
import { digestOf } from '../../keys/digest.js'
import { linkedController, onceAborted } from '../../runtime/abort.js'
import {
  type AnswerRecord,
  isAnswerRecord,
  marked,
  type Part,
  recordOfParts,
  recordOfResult,
  tokensOf,
  usageOf,
} from './answer-record.js'
import {
  type CacheMiddlewareOptions,
  type CallParams,
  type CallReader,
  createCallReader,
  type MiddlewareUse,
  type ModelCall,
  type ModelLike,
  recordOptionsOf,
  resolveUse,
} from './model-call.js'
import { createPartLog, type PartLog } from './part-log.js'

/** A call to generate, of any version of the SDK. */
export interface GenerateCall<R> {
  readonly doGenerate: () => PromiseLike<R>
  readonly params: CallParams
  readonly model: ModelLike
}

/** A call to stream, of any version of the SDK. */
export interface StreamCall<R> {
  readonly doStream: () => PromiseLike<R>
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

/** What the hooks of one middleware share. */
interface Site {
  readonly records: Records<AnswerRecord>
  readonly use: MiddlewareUse
  readonly reader: CallReader
  /** Streams on their way, by call. */
  readonly flights: Map<string, StreamFlight>
}

/** A stream on its way, for those who want it meanwhile. */
interface StreamFlight {
  log: PartLog | undefined
  result: object | undefined
  readonly waiting: Set<() => void>
}

/**
 * A middleware for `wrapLanguageModel` of the AI SDK 5, 6 and 7: answers come from the namespace, streams included, with
 * their parts as the model sent them; callers of one request at one time share one call.
 *
 * The key is provider, model and every parameter but headers and signals. Only complete answers are kept: finished with
 * `stop` or `tool-calls`, not empty, without an error. `providerMetadata.hopstash` says where an answer came from, and the
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
  const site: Site = { records: namespace.records('ai-sdk'), use, reader: createCallReader(use), flights: new Map() }
  return {
    // What it says here only tells the types of the versions apart.
    specificationVersion: 'v3' as never,
    transformParams: async ({ params }) => site.reader.prepare(params),
    wrapGenerate: (call) => generate(site, call),
    wrapStream: (call) => stream(site, call),
  }
}

async function generate<R extends object>(site: Site, { doGenerate, params, model }: GenerateCall<R>): Promise<R> {
  const call = site.reader.read('generate', model, params)
  let first: R | undefined
  const load = async (context: RecordContext): Promise<AnswerRecord> => {
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
  const ask = (more = {}) =>
    site.records.load(call.key, load, {
      ...recordOptionsOf<AnswerRecord>(call, call.signal),
      cacheable: (record) => isStorable(site, record),
      ...more,
    })
  let outcome = await ask()
  // A store may hold anything.
  if (first === undefined && !isAnswerRecord(outcome.value, false)) outcome = await ask({ forceFresh: true })
  const { value, status, ageMs } = outcome
  if (first !== undefined && status !== 'hit' && status !== 'stale') return marked(first, status, 0)
  return marked(structuredClone(value.result), status, ageMs) as unknown as R
}

function stream<R extends { readonly stream: ReadableStream }>(site: Site, asked: StreamCall<R>): Promise<R> {
  const call = site.reader.read('stream', asked.model, asked.params)
  const flights = createBoarding(site.flights, flightId(call))
  return follow(site, asked, call, flights, false) as Promise<R>
}

/** Takes what comes first: the stream that is on its way, or an answer that is kept. */
function follow(
  site: Site,
  asked: StreamCall<{ readonly stream: ReadableStream }>,
  call: ModelCall,
  boarding: Boarding,
  isForced: boolean,
): Promise<object> {
  const leaving = linkedController(call.signal)
  const { flight, isFirst } = boarding
  return new Promise((resolve, reject) => {
    let isDecided = false
    const decide = (how: () => void): void => {
      if (isDecided) return
      isDecided = true
      flight.waiting.delete(takeLive)
      how()
    }
    const takeLive = (): void => {
      const { log, result } = flight
      if (log === undefined) return
      const left = (reason?: unknown): void => (reason === undefined ? leaving.release() : leaving.abort(reason))
      decide(() => resolve({ ...result, stream: live(log, left, isFirst, call.signal) }))
    }
    flight.waiting.add(takeLive)
    takeLive()
    const load = (context: RecordContext) => lead(asked, call, context, flight).finally(boarding.over)
    site.records
      .load(call.key, load, {
        ...recordOptionsOf<AnswerRecord>(call, leaving.signal),
        // A stream lasts as long as its reader waits for it.
        hardTimeout: Infinity,
        cacheable: (record) => isStorable(site, record),
        ...(isForced && { forceFresh: true }),
      })
      .then(
        ({ value, status, ageMs }) => {
          // Whoever comes from here on finds the answer, too; what is loaded behind it is for later.
          if (flight.log === undefined || status === 'stale' || status === 'hit') boarding.over()
          decide(() => {
            leaving.release()
            // A store may hold anything.
            if (isAnswerRecord(value, true)) resolve(replayed(value, status, ageMs))
            else if (!isForced) resolve(follow(site, asked, call, createBoarding(site.flights, undefined), true))
            else reject(new TypeError('No answer of a model came back'))
          })
        },
        (error: unknown) => {
          if (flight.log === undefined) boarding.over()
          decide(() => {
            leaving.release()
            reject(error)
          })
        },
      )
  })
}

async function lead(
  { doStream }: StreamCall<{ readonly stream: ReadableStream }>,
  call: ModelCall,
  context: RecordContext,
  flight: StreamFlight,
): Promise<AnswerRecord> {
  const unlisten = onceAborted(context.signal, call.abort)
  try {
    const { stream: source, ...result } = await doStream()
    flight.result = result
    const log = createPartLog(source as ReadableStream<Part>)
    flight.log = log
    for (const take of [...flight.waiting]) take()
    const record = recordOfParts(result, await log.whole)
    context.usage.add({ tokens: tokensOf(usageOf(record)) })
    return record
  } finally {
    unlisten()
  }
}

/** A caller's place in a flight that may be shared. */
interface Boarding {
  readonly flight: StreamFlight
  readonly isFirst: boolean
  /** Nobody else boards. */
  over(): void
}

function createBoarding(flights: Map<string, StreamFlight>, id: string | undefined): Boarding {
  const present = id === undefined ? undefined : flights.get(id)
  const isOpen = present !== undefined && present.log?.spent !== true
  const flight: StreamFlight = isOpen ? present : { log: undefined, result: undefined, waiting: new Set() }
  if (id !== undefined) flights.set(id, flight)
  return {
    flight,
    isFirst: !isOpen,
    over() {
      if (id !== undefined && flights.get(id) === flight) flights.delete(id)
    },
  }
}

/** A stream of its own for one caller, which ends with its signal at once: the call itself may go on for others. */
function live(
  log: PartLog,
  left: (reason?: unknown) => void,
  isFirst: boolean,
  signal: AbortSignal | undefined,
): ReadableStream<Part> {
  const each = (part: Part): Part => {
    const own = isFirst ? part : structuredClone(part)
    return part.type === 'finish' ? marked(own, isFirst ? 'miss' : 'coalesced', 0) : own
  }
  return failing(log.reader(each, left), signal)
}

function replayed({ result, parts = [] }: AnswerRecord, status: string, ageMs: number): object {
  let at = 0
  const stream = new ReadableStream<Part>({
    pull(controller) {
      const part = parts[at++]
      if (part === undefined) return controller.close()
      const own = structuredClone(part)
      controller.enqueue(part.type === 'finish' ? marked(own, status, ageMs) : own)
    },
  })
  return { ...structuredClone(result), stream }
}

function failing(source: ReadableStream<Part>, signal: AbortSignal | undefined): ReadableStream<Part> {
  if (signal === undefined) return source
  const reader = source.getReader()
  let unlisten = (): void => {}
  return new ReadableStream<Part>(
    {
      start(controller) {
        unlisten = onceAborted(signal, (reason) => {
          controller.error(reason)
          reader.cancel(reason).catch(() => undefined)
        })
      },
      async pull(controller) {
        const { done, value } = await reader.read()
        if (signal.aborted) return
        if (!done) return controller.enqueue(value)
        unlisten()
        controller.close()
      },
      cancel(reason) {
        unlisten()
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

function isStorable({ use }: Site, { unstorable }: AnswerRecord): boolean {
  return unstorable === undefined || use.alsoStore.has(unstorable)
}

/** What calls share a stream by; `undefined` for those that share nothing. */
function flightId({ key, directives }: ModelCall): string | undefined {
  const { noStore, forceFresh, onlyIfCached, scope = '' } = directives
  if (noStore === true || forceFresh === true || onlyIfCached === true) return undefined
  try {
    return digestOf([scope, key])
  } catch {
    return undefined
  }
}
