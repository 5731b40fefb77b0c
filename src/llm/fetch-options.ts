import { optionInvalid } from '../errors/option-error.js'
import { checkScrubs, type Scrub } from '../keys/secrets.js'
import { checkFlag, checkFunction, checkShape } from '../resilience/option-shape.js'
import type { LlmAnswer } from './accounts.js'
import { checkDirectives, DIRECTIVE_NAMES, type LlmDirectives } from './directives.js'
import { checkPrices, defaultPrices, type PriceTable } from './prices.js'
import { checkPacing, type Pacing } from './replay.js'
import type { LlmRequest, Unstorable } from './wire-format.js'

/** The `fetch` SDKs take and give. */
export type FetchLike = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** What may be kept although it is not a complete, unfiltered answer. */
export type StorableAnyway = 'truncated' | 'filtered' | 'refused' | 'empty' | 'unfinished' | 'unknown-finish'

/** A request the cache has nothing to do with. */
export interface PassingRequest {
  readonly method: string
  readonly url: URL
}

/** Options of `cachedFetch`: directives for all calls, and what follows. */
export interface CachedFetchOptions extends Omit<LlmDirectives, 'scope' | 'tags'> {
  /** Makes the calls. @defaultValue the global `fetch`, looked up at each call */
  readonly fetch?: FetchLike
  /** A hard partition, for all calls or by request; see `byCredentials`. @defaultValue none */
  readonly scope?: string | ((request: LlmRequest) => string | undefined)
  /** Tags of the entries, for all calls or by request. */
  readonly tags?: readonly string[] | ((request: LlmRequest) => readonly string[])
  /** Directives by request. A header of the call wins over them, and they win over the options. */
  readonly directives?: (request: LlmRequest) => LlmDirectives | undefined
  /** Takes a JSON POST of no known format into the cache. @defaultValue none: it passes through */
  readonly accept?: (request: LlmRequest) => boolean
  /** Lets a request that is never recorded go to the network in mode `replay`. @defaultValue none: `ERR_REPLAY_MISS` */
  readonly allow?: (request: PassingRequest) => boolean
  /** Top-level body fields that change nothing, beside `metadata`, `user` and the like. */
  readonly ignoreFields?: readonly string[]
  /** Request headers that change the answer, beside the providers' own. */
  readonly keyHeaders?: readonly string[]
  /** Kinds of answers to keep although they are not good. @defaultValue none */
  readonly alsoStore?: readonly StorableAnyway[]
  /** How a kept event stream is replayed. @defaultValue `'instant'` */
  readonly pacing?: Pacing
  /** Read an upstream call to its end, and keep the answer, when everyone has left. @defaultValue `false`: abort it */
  readonly finishOnAbort?: boolean
  /** Bytes of one answer that are shared and kept; a longer one is neither. @defaultValue 8 MiB */
  readonly maxSharedBytes?: number
  /** Dollars for a million tokens, by model; they win over the default ones. */
  readonly prices?: PriceTable
  /** Hears of every call when it is over. */
  readonly onAnswer?: (answer: LlmAnswer) => void
  /** What must not stand in the description of a request that a folder store keeps, beside the default list. */
  readonly scrub?: readonly Scrub[]
}

/** The options, complete. */
export interface ResolvedOptions {
  readonly fetch: FetchLike | undefined
  readonly scope: CachedFetchOptions['scope']
  readonly tags: CachedFetchOptions['tags']
  readonly shared: LlmDirectives
  readonly directives: CachedFetchOptions['directives']
  readonly accept: (request: LlmRequest) => boolean
  readonly allow: (request: PassingRequest) => boolean
  readonly ignoreFields: readonly string[]
  readonly keyHeaders: readonly string[]
  readonly alsoStore: ReadonlySet<Unstorable>
  readonly pacing: Pacing
  readonly finishOnAbort: boolean
  readonly maxSharedBytes: number
  readonly prices: PriceTable
  readonly onAnswer: ((answer: LlmAnswer) => void) | undefined
  readonly scrub: readonly Scrub[]
}

const OWN_NAMES = [
  'fetch',
  'directives',
  'accept',
  'allow',
  'ignoreFields',
  'keyHeaders',
  'alsoStore',
  'pacing',
  'finishOnAbort',
  'maxSharedBytes',
  'prices',
  'onAnswer',
  'scrub',
]
const FUNCTIONS = ['fetch', 'directives', 'accept', 'allow', 'onAnswer'] as const
const STORABLE: readonly StorableAnyway[] = [
  'truncated',
  'filtered',
  'refused',
  'empty',
  'unfinished',
  'unknown-finish',
]
const DEFAULT_SHARED_BYTES = 8 * 1024 * 1024

/** Checks and completes the options. @throws {OptionError} `ERR_OPTION_INVALID` */
export function resolveOptions(options: CachedFetchOptions): ResolvedOptions {
  checkShape('cachedFetch', options, [...OWN_NAMES, ...DIRECTIVE_NAMES])
  for (const name of FUNCTIONS) checkFunction(options[name], name)
  checkFlag(options.finishOnAbort, 'finishOnAbort')
  const { scope, tags, maxSharedBytes = DEFAULT_SHARED_BYTES, pacing = 'instant', alsoStore = [] } = options
  const shared = Object.fromEntries(
    Object.entries(options).filter(([name]) => !OWN_NAMES.includes(name) && name !== 'scope' && name !== 'tags'),
  ) as LlmDirectives
  checkDirectives(shared, 'cachedFetch')
  checkDirectives(
    { ...(typeof scope !== 'function' && { scope }), ...(typeof tags !== 'function' && { tags }) } as LlmDirectives,
    'cachedFetch',
  )
  if (!(typeof maxSharedBytes === 'number' && maxSharedBytes >= 0))
    throw optionInvalid('maxSharedBytes', 'a number of bytes', maxSharedBytes)
  checkPacing(pacing)
  if (options.prices !== undefined) checkPrices(options.prices)
  if (!Array.isArray(alsoStore) || !alsoStore.every((kind) => STORABLE.includes(kind))) {
    throw optionInvalid('alsoStore', `a list of some of: ${STORABLE.join(', ')}`, alsoStore)
  }
  return {
    fetch: options.fetch,
    scope,
    tags,
    shared,
    directives: options.directives,
    accept: options.accept ?? (() => false),
    allow: options.allow ?? (() => false),
    ignoreFields: namesOf('ignoreFields', options.ignoreFields),
    keyHeaders: namesOf('keyHeaders', options.keyHeaders),
    alsoStore: new Set<Unstorable>(alsoStore),
    pacing,
    finishOnAbort: options.finishOnAbort ?? false,
    maxSharedBytes,
    prices: { ...defaultPrices, ...options.prices },
    onAnswer: options.onAnswer,
    scrub: checkScrubs(options.scrub ?? []),
  }
}

/** The answer of a host's function to a question. @throws {OptionError} `ERR_OPTION_INVALID`: a promise would be taken for a yes */
export function yesOrNo(option: string, answer: unknown): boolean {
  if (typeof answer === 'boolean') return answer
  throw optionInvalid(option, 'a function that returns true or false', answer)
}

function namesOf(option: string, names: readonly string[] = []): readonly string[] {
  if (!Array.isArray(names) || names.some((name) => typeof name !== 'string' || name === '')) {
    throw optionInvalid(option, 'an array of names', names)
  }
  return names
}
