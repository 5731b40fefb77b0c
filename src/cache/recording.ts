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

/**
 * Pure: the mode of a stash: its option, else `CACHE_MODE`, else `'record'`. Of the environment, `replay` and `refresh` are
 * for stashes with a store.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`
 */
export function resolveMode(option: unknown, environment: Settings, hasStore: boolean): CacheMode {
  if (option !== undefined && !MODES.includes(option as CacheMode)) {
    throw optionInvalid('mode', `one of ${MODES.join(', ')}`, option)
  }
  const mode = (option as CacheMode | undefined) ?? environment.cacheMode ?? 'record'
  if (hasStore || mode === 'record' || mode === 'off') return mode
  if (option === undefined) return 'record'
  throw optionInvalid('mode', "'record' or 'off' where there is no store", mode, "Give `store: 'file:./.cache'`.")
}
