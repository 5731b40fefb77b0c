import type { RecordOptions } from '../../cache/records.js'
import { optionInvalid, optionUnknown } from '../../errors/option-error.js'
import { scrubJsonText } from '../../keys/secrets.js'
import { taggedJson } from '../../keys/tagged-json.js'
import {
  checkDirectives,
  DIRECTIVE_HEADER,
  DIRECTIVE_NAMES,
  type LlmDirectives,
  readDirectives,
} from '../../llm/directives.js'

/** What the middleware reads of a model of the AI SDK, of any version. */
export interface ModelLike {
  readonly specificationVersion?: string
  readonly provider: string
  readonly modelId: string
}

/** What the middleware reads of the parameters of a call, of any version. */
export interface CallParams {
  readonly prompt?: unknown
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
  readonly abortSignal?: AbortSignal | undefined
}

/** Why an answer that is not good may be kept all the same. */
export type AlsoStorable = 'truncated' | 'filtered' | 'empty' | 'unknown-finish'

/** Options of {@link cacheMiddleware}: directives for all calls, and what follows. */
export interface CacheMiddlewareOptions extends LlmDirectives {
  /** Request headers that change the answer, such as that of an organisation. @defaultValue none are in the key */
  readonly keyHeaders?: readonly string[]
  /** Kinds of answers to keep although they are not good. @defaultValue none */
  readonly alsoStore?: readonly AlsoStorable[]
}

/** The options, checked. */
export interface MiddlewareUse {
  readonly shared: LlmDirectives
  readonly keyHeaders: readonly string[]
  readonly alsoStore: ReadonlySet<string>
}

/** One call: its key, and what was asked of the cache for it. */
export interface ModelCall {
  readonly key: object
  readonly directives: LlmDirectives
  readonly signal: AbortSignal | undefined
  /** Aborts the call upstream; nothing where another middleware replaced the parameters. */
  readonly abort: (reason: unknown) => void
}

const OWN_OPTIONS = ['keyHeaders', 'alsoStore']
const ALSO_STORABLE: readonly string[] = ['truncated', 'filtered', 'empty', 'unknown-finish']

/** Checks options. @throws {OptionError} `ERR_OPTION_INVALID` */
export function resolveUse(options: CacheMiddlewareOptions, where: string): MiddlewareUse {
  const { keyHeaders = [], alsoStore = [], ...shared } = options
  const known = [...DIRECTIVE_NAMES, ...OWN_OPTIONS]
  for (const name of Object.keys(options)) if (!known.includes(name)) throw optionUnknown(where, name, known)
  checkDirectives(shared, where)
  if (!Array.isArray(keyHeaders) || keyHeaders.some((name) => typeof name !== 'string')) {
    throw optionInvalid('keyHeaders', 'names of headers', keyHeaders)
  }
  for (const kind of alsoStore) {
    if (!ALSO_STORABLE.includes(kind)) throw optionInvalid('alsoStore', `some of ${ALSO_STORABLE.join(', ')}`, kind)
  }
  return { shared, keyHeaders: keyHeaders.map((name) => name.toLowerCase()), alsoStore: new Set(alsoStore) }
}

/** What a call had before its parameters were prepared. */
interface Prepared {
  readonly signal: AbortSignal | undefined
  readonly directives: LlmDirectives
  readonly controller: AbortController
}

/** Prepares parameters and reads them again: the two hooks of a middleware know each other by the parameters alone. */
export interface CallReader {
  /** Parameters with a signal of the cache's own, so that who shares a call decides together when it ends. */
  prepare<P extends CallParams>(params: P): P
  read(kind: string, model: ModelLike, params: CallParams): ModelCall
}

/** Returns a reader of calls. */
export function createCallReader(use: MiddlewareUse): CallReader {
  const prepared = new WeakMap<object, Prepared>()
  return {
    prepare(params) {
      const controller = new AbortController()
      const { asked, headers } = withoutDirectives(params.headers)
      const own = { ...params, abortSignal: controller.signal, ...(headers !== params.headers && { headers }) }
      prepared.set(own, { signal: params.abortSignal, directives: asked, controller })
      return own
    },
    read(kind, model, params) {
      const before = prepared.get(params)
      const directives = { ...use.shared, ...before?.directives }
      return {
        key: keyOf(kind, model, params, use.keyHeaders, directives.sample),
        directives,
        signal: before === undefined ? params.abortSignal : before.signal,
        abort: (reason) => before?.controller.abort(reason),
      }
    },
  }
}

/** Options of the record of a call. */
export function recordOptionsOf<R>(call: ModelCall, signal: AbortSignal | undefined): RecordOptions<R> {
  const { sample: _sample, ...asked } = call.directives
  return {
    ...asked,
    // A call lasts as long as its caller waits for it.
    hardTimeout: Infinity,
    standIn: true,
    describe: () => scrubJsonText(taggedJson(call.key, undefined), []),
    ...(signal !== undefined && { signal }),
  }
}

// The whole call but what cannot change the answer: a list of what counts would miss the parameter of next year.
function keyOf(
  kind: string,
  { provider, modelId, specificationVersion = '' }: ModelLike,
  params: CallParams,
  keyHeaders: readonly string[],
  sample: number | undefined,
): object {
  const {
    headers,
    abortSignal: _signal,
    includeRawChunks,
    ...counts
  } = params as CallParams & {
    readonly includeRawChunks?: boolean
  }
  const named = Object.entries(headers ?? {}).flatMap(([name, value]) =>
    value !== undefined && keyHeaders.includes(name.toLowerCase()) ? [[name.toLowerCase(), value] as const] : [],
  )
  return {
    kind,
    provider,
    model: modelId,
    spec: specificationVersion,
    ...(named.length > 0 && { headers: Object.fromEntries(named) }),
    ...(includeRawChunks === true && { includeRawChunks }),
    ...(sample !== undefined && sample > 0 && { sample }),
    params: counts,
  }
}

function withoutDirectives(headers: CallParams['headers']): {
  readonly asked: LlmDirectives
  readonly headers: CallParams['headers']
} {
  const name = Object.keys(headers ?? {}).find((one) => one.toLowerCase() === DIRECTIVE_HEADER)
  if (headers === undefined || name === undefined) return { asked: {}, headers }
  const { [name]: text, ...others } = headers
  return { asked: readDirectives(text ?? ''), headers: others }
}
