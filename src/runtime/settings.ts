import { optionInvalid } from '../errors/option-error.js'
import { type Duration, parseDuration } from './duration.js'

/** What the environment says, read once. */
export interface Settings {
  /** `CACHE_URL`: where the shared store is. */
  readonly cacheUrl: string | undefined
  /** `CACHE_MODE`: `record`, `replay`, `refresh` or `off`, for a folder store. */
  readonly cacheMode: CacheMode | undefined
  /** `CACHE_<NAME>_SIZE` and `CACHE_<NAME>_TTL`, unparsed, by variable. */
  readonly namespaceVariables: Readonly<Record<string, string>>
  /** `BATCH_MAX_WORKERS`. @defaultValue `5` */
  readonly batchMaxWorkers: number
  /** `BATCH_SIZE`. @defaultValue `10` */
  readonly batchSize: number
  /** `BATCH_TIMEOUT`, a bare number in seconds. @defaultValue 30,000 ms */
  readonly batchTimeoutMs: number
}

/** Modes of a folder store. */
export type CacheMode = 'record' | 'replay' | 'refresh' | 'off'

const MODES: readonly CacheMode[] = ['record', 'replay', 'refresh', 'off']
const NAMESPACE_VARIABLE = /^CACHE_[A-Z0-9_]+_(?:SIZE|TTL)$/

// Read at the first use, not at import, so that --env-file and dotenv have run; one reading for the whole process.
let current: Settings | undefined

/**
 * What the environment said when the first stash was made. Frozen.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID` naming the variable that cannot be used.
 */
export function settings(): Settings {
  current ??= readSettings(typeof process === 'undefined' ? {} : process.env)
  return current
}

/** Pure: the settings in an environment. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const variables: Record<string, string> = {}
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && value !== '' && NAMESPACE_VARIABLE.test(name)) variables[name] = value
  }
  const mode = environment.CACHE_MODE || undefined
  if (mode !== undefined && !MODES.includes(mode as CacheMode)) {
    throw optionInvalid('CACHE_MODE', `one of ${MODES.join(', ')}`, mode)
  }
  return Object.freeze({
    cacheUrl: environment.CACHE_URL || undefined,
    cacheMode: mode as CacheMode | undefined,
    namespaceVariables: Object.freeze(variables),
    batchMaxWorkers: wholeNumber(environment, 'BATCH_MAX_WORKERS', 5),
    batchSize: wholeNumber(environment, 'BATCH_SIZE', 10),
    batchTimeoutMs: durationOf(environment.BATCH_TIMEOUT, 'BATCH_TIMEOUT') ?? 30_000,
  })
}

/** Size and lifetime the environment sets for a namespace: `aiResponse` listens to `CACHE_AI_RESPONSE_TTL`. */
export function namespaceSettings(name: string, from: Settings): { readonly max?: number; readonly ttlMs?: number } {
  const stem = `CACHE_${name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase()}`
  const size = from.namespaceVariables[`${stem}_SIZE`]
  const ttlMs = durationOf(from.namespaceVariables[`${stem}_TTL`], `${stem}_TTL`)
  return {
    ...(size !== undefined && { max: wholeNumber(from.namespaceVariables, `${stem}_SIZE`, 0) }),
    ...(ttlMs !== undefined && { ttlMs }),
  }
}

function wholeNumber(environment: Readonly<Record<string, string | undefined>>, name: string, or: number): number {
  const text = environment[name]
  if (text === undefined || text === '') return or
  if (!/^[1-9]\d{0,7}$/.test(text)) throw optionInvalid(name, 'a whole number from 1 to 99,999,999', text)
  return Number(text)
}

// A bare number is seconds here, as in existing deployments.
function durationOf(text: string | undefined, name: string): number | undefined {
  if (text === undefined || text === '') return undefined
  if (/^\d{1,12}(?:\.\d{1,6})?$/.test(text)) return Math.ceil(Number(text) * 1000)
  if (/^(?:infinity|never)$/i.test(text)) return Infinity
  try {
    return parseDuration(text as Duration, name)
  } catch {
    throw optionInvalid(name, "seconds, or a duration such as '15m', or 'never'", text)
  }
}
