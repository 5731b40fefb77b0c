import { optionInvalid } from '../errors/option-error.js'
import type { CacheMode, Settings } from '../runtime/settings.js'

/** What there is to say of a request: its key as it was given, and a text for people. */
export interface Asked {
  readonly input: unknown
  readonly describe?: (() => string) | undefined
}

/** What a store that keeps requests can tell of them. */
export interface Requests {
  /** What is recorded of a request. Throws for a key without a canonical form. */
  text(asked: Asked): string
  /** The recorded request of a namespace that differs least, and where. */
  nearest(namespace: string, asked: Asked): Promise<NearestRequest | undefined>
}

/** A recorded request, and the paths at which what was asked is another. */
export interface NearestRequest {
  readonly file: string
  readonly paths: readonly string[]
}

/** How a stash uses what is stored, as its namespaces know it. */
export interface Recording {
  readonly mode: CacheMode
  /** Nothing expires by time: of a lifetime only counts whether it is 0. */
  readonly timeless: boolean
  readonly requests: Requests | undefined
  /** What is wrong with the store, if something is. */
  readonly problem: () => string | undefined
}

const MODES: readonly CacheMode[] = ['record', 'replay', 'refresh', 'off']

/** Where a stash keeps what it has: in a store, in memory because `'memory'` was said, or there for want of a word. */
export type Whereabouts = 'store' | 'memory' | 'unsaid'

/** What is wrong with a store that was not named. */
export const NO_STORE = "none is named: set CACHE_URL, or give `store` ('memory' loads in every mode)."

/** Pure: where a stash keeps what it has. */
export function whereaboutsOf(store: unknown, { cacheUrl }: Settings, hasStore: boolean): Whereabouts {
  if (hasStore) return 'store'
  return store === undefined && cacheUrl === undefined ? 'unsaid' : 'memory'
}

/**
 * Pure: the mode of a stash: its option, else `CACHE_MODE`, else `'record'`. Of the environment, `replay` and `refresh` are
 * for stashes with a store; but where none was named a replay finds nothing, for a forgotten one must not call anybody.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 */
export function resolveMode(option: unknown, environment: Settings, where: Whereabouts): CacheMode {
  if (option !== undefined && !MODES.includes(option as CacheMode)) {
    throw optionInvalid('mode', `one of ${MODES.join(', ')}`, option)
  }
  const mode = (option as CacheMode | undefined) ?? environment.cacheMode ?? 'record'
  if (where === 'store' || mode === 'record' || mode === 'off') return mode
  if (option === undefined) return mode === 'replay' && where === 'unsaid' ? 'replay' : 'record'
  throw optionInvalid('mode', "'record' or 'off' where there is no store", mode, "Give `store: 'file:./.cache'`.")
}
