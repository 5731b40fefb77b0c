import { optionInvalid, optionUnknown } from '../errors/option-error.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { requireBoolean, requireSignal, requireText } from './argument-checks.js'
import { checkTags } from './policy.js'

/** Directives of one read. Every name means the same as in the namespace's options; the call wins. */
export interface ReadOptions {
  readonly ttl?: Duration | undefined
  readonly tags?: readonly string[] | undefined
  readonly scope?: string | undefined
  /** Whose data the value is, for `stash.forget`. */
  readonly subject?: string | undefined
  /** Lets this caller leave; the load goes on while others wait. */
  readonly signal?: AbortSignal | undefined
  /** Load again and replace what is there. */
  readonly forceFresh?: boolean | undefined
  /** Leave no trace of what is loaded. The load is not shared. */
  readonly noStore?: boolean | undefined
  /** Do not load: reject with `ERR_NOT_CACHED` on a miss. */
  readonly onlyIfCached?: boolean | undefined
  /** Oldest acceptable age of a cached value. */
  readonly maxAge?: Duration | undefined
  readonly staleWhileRevalidate?: Duration | undefined
  readonly staleIfError?: Duration | undefined
  readonly softTimeout?: Duration | undefined
  readonly hardTimeout?: Duration | undefined
}

const READ_OPTION_NAMES = [
  'ttl',
  'tags',
  'scope',
  'subject',
  'signal',
  'forceFresh',
  'noStore',
  'onlyIfCached',
  'maxAge',
  'staleWhileRevalidate',
  'staleIfError',
  'softTimeout',
  'hardTimeout',
] as const satisfies readonly (keyof ReadOptions)[]

/** Directives of one write. */
export interface WriteOptions {
  readonly ttl?: Duration | undefined
  readonly tags?: readonly string[] | undefined
  readonly scope?: string | undefined
  /** Whose data the value is, for `stash.forget`. */
  readonly subject?: string | undefined
  readonly staleWhileRevalidate?: Duration | undefined
  readonly staleIfError?: Duration | undefined
  /** Reject unless the shared store acknowledged. @defaultValue resolve with what happened per tier */
  readonly require?: 'store' | undefined
}

const WRITE_OPTION_NAMES = [
  'ttl',
  'tags',
  'scope',
  'subject',
  'staleWhileRevalidate',
  'staleIfError',
  'require',
] as const satisfies readonly (keyof WriteOptions)[]

/** Where a key lives, for calls that need nothing else. */
export interface ScopeOption {
  readonly scope?: string | undefined
}

/** @throws {OptionError} `ERR_OPTION_INVALID` for a name nobody knows, a duration that is none, and tags that are none. */
export function checkReadOptions(options: ReadOptions): void {
  checkOptions(options, READ_OPTION_NAMES, 'the read options')
}

/** @throws {OptionError} `ERR_OPTION_INVALID`, as for reads. */
export function checkWriteOptions(options: WriteOptions): void {
  checkOptions(options, WRITE_OPTION_NAMES, 'the write options')
}

/** @throws {OptionError} `ERR_OPTION_INVALID` for a name nobody knows: a misspelt `scope` must not reach another partition. */
export function checkScopeOption(options: ScopeOption | undefined): void {
  if (options !== undefined) checkOptions(options, ['scope'], 'the options of a read')
}

/** The same for `delete` and `expire`. @throws {OptionError} `ERR_OPTION_INVALID` */
export function checkRemoveOptions(options: ScopeOption | undefined): void {
  if (options !== undefined) checkOptions(options, ['scope', 'require'], 'the options of a removal')
}

/** Whether a hit needs no more thought than without options: nothing in them concerns what is already there. */
export function leavesHitsAlone(options: ReadOptions): boolean {
  return options !== null && options.signal === undefined && options.maxAge === undefined && options.forceFresh !== true
}

const DURATION_NAMES: readonly string[] = [
  'ttl',
  'maxAge',
  'staleWhileRevalidate',
  'staleIfError',
  'softTimeout',
  'hardTimeout',
] satisfies readonly (keyof ReadOptions)[]

const BOOLEAN_NAMES: readonly string[] = [
  'forceFresh',
  'noStore',
  'onlyIfCached',
] satisfies readonly (keyof ReadOptions)[]

function checkOptions(options: object, known: readonly string[], where: string): void {
  // The text is made only where it is needed: this runs with every read that has options.
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw optionInvalid('options', `an object with some of: ${known.join(', ')}`, options)
  for (const [name, value] of Object.entries(options)) {
    if (!known.includes(name)) throw optionUnknown(where, name, known)
    if (value === undefined) continue
    if (DURATION_NAMES.includes(name)) checkDuration(value, name)
    else if (name === 'tags') checkTags(value, name)
    else if (name === 'signal') requireSignal(value)
    else if (name === 'require') requireStore(value)
    else if (BOOLEAN_NAMES.includes(name)) requireBoolean(value, name)
    else requireText(value, name)
  }
}

function checkDuration(value: Duration, name: string): void {
  const ms = parseDuration(value, name)
  if (ms === 0 && name === 'hardTimeout') throw optionInvalid(name, 'longer than 0', value)
}

// A misspelt demand would be no demand.
function requireStore(value: unknown): void {
  if (value !== 'store') throw optionInvalid('require', "'store', or left out", value)
}
