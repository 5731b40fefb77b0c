import { optionInvalid } from '../errors/option-error.js'
import { checkAnswersAtOnce } from '../resilience/option-shape.js'
import { type Duration, formatDuration, parseDuration } from '../runtime/duration.js'
import { isSubjectTag } from '../stores/subject.js'
import { checkNamespaceOptions } from './namespace-checks.js'
import type { NamespaceOptions } from './namespace-options.js'
import type { Isolation } from './ownership.js'
import type { SettingSource, SettingSources } from './setting-source.js'

/** {@link NamespaceOptions} resolved once: complete, in milliseconds, frozen. */
export interface Policy<V = unknown, K = unknown> {
  readonly ttlMs: number
  readonly ttlOf: ((value: V) => Duration | undefined) | undefined
  readonly maxTtlMs: number
  readonly jitter: number
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  readonly refreshAhead: number | undefined
  readonly earlyRefreshBeta: number | undefined
  readonly sliding: boolean
  readonly softTimeoutMs: number | undefined
  readonly hardTimeoutMs: number
  readonly coalesce: 'process' | 'cluster'
  readonly negative: { readonly when: (error: unknown) => boolean; readonly ttlMs: number } | undefined
  readonly tagsOf: ((value: V, input: K) => readonly string[]) | undefined
  readonly subjectOf: ((input: K) => string | undefined) | undefined
  /** Tags of every entry, whatever its value: records of another type have them, too. */
  readonly fixedTags: readonly string[] | undefined
  readonly max: number
  readonly maxValueBytes: number
  readonly isolation: Isolation
  readonly cacheable: ((value: V) => boolean) | undefined
  readonly strict: boolean
  readonly detectReentrancy: boolean
  readonly schema: NamespaceOptions<V, K>['schema']
  readonly migrate: NamespaceOptions<V, K>['migrate']
  readonly cost: NamespaceOptions<V, K>['cost']
  /** Who has said `ttl` and `max`. */
  readonly sources: SettingSources
  /** An entry without tags, windows or early refresh needs no {@link About} record. */
  readonly plain: boolean
}

const DEFAULT_TTL_MS = 600_000
const DEFAULT_MAX = 100
const DEFAULT_MAX_VALUE_BYTES = 8 * 1024 * 1024
const DEFAULT_HARD_TIMEOUT_MS = 300_000
const DEFAULT_CLUSTER_HARD_TIMEOUT_MS = 600_000
/** A bare number below this is more likely seconds than milliseconds. */
const SUSPICIOUS_BELOW_MS = 10_000

/** Checks and completes the options of one namespace. @throws {OptionError} `ERR_OPTION_INVALID` */
export function resolvePolicy<V, K>(
  name: string,
  options: NamespaceOptions<V, K>,
  sources: SettingSources,
): Policy<V, K> {
  checkNamespaceOptions(name, options)
  const at = (option: string): string => `${name}.${option}`
  const ms = (option: 'maxTtl' | 'staleWhileRevalidate' | 'staleIfError', or: number): number =>
    options[option] === undefined ? or : parseDuration(options[option], at(option))
  const ttlOf = typeof options.ttl === 'function' ? options.ttl : undefined
  const maxTtlMs = ms('maxTtl', Infinity)
  const ttlMs = resolveTtl(options.ttl, at('ttl'))
  const policy = {
    ttlMs,
    ttlOf,
    maxTtlMs,
    jitter: inRange(options.jitter ?? 0.05, 0, 0.5, at('jitter')),
    staleWhileRevalidateMs: ms('staleWhileRevalidate', 0),
    staleIfErrorMs: ms('staleIfError', 0),
    refreshAhead:
      options.refreshAhead === undefined ? undefined : inRange(options.refreshAhead, 0, 1, at('refreshAhead')),
    earlyRefreshBeta: betaOf(options.earlyRefresh, at('earlyRefresh.beta')),
    sliding: options.sliding ?? false,
    softTimeoutMs:
      options.softTimeout === undefined ? undefined : parseDuration(options.softTimeout, at('softTimeout')),
    hardTimeoutMs: hardTimeoutOf(options, at('hardTimeout')),
    coalesce: options.coalesce ?? 'process',
    negative: negativeOf(options, at('negative')),
    tagsOf: tagsFunction(options.tags, at('tags')),
    subjectOf: options.subject,
    fixedTags: Array.isArray(options.tags) ? options.tags : undefined,
    max: resolveMax(options.max ?? DEFAULT_MAX, at('max')),
    maxValueBytes: positive(options.maxValueBytes ?? DEFAULT_MAX_VALUE_BYTES, at('maxValueBytes')),
    isolation: oneOf(options.isolation ?? 'freeze', ['freeze', 'clone', 'share'] as const, at('isolation')),
    cacheable: options.cacheable,
    strict: options.strict ?? false,
    detectReentrancy: options.detectReentrancy ?? false,
    schema: options.schema,
    migrate: options.migrate,
    cost: options.cost,
    sources,
  }
  refuseContradictions(name, policy, options.ttl !== undefined)
  return Object.freeze({ ...policy, ttlMs: Math.min(ttlMs, maxTtlMs), plain: isPlain(policy) })
}

/** Checks a number of entries. Unbounded memory is refused. */
export function resolveMax(max: unknown, option: string): number {
  if (!Number.isInteger(max) || (max as number) < 1 || (max as number) > 100_000_000) {
    throw optionInvalid(option, 'a whole number of entries from 1 to 100,000,000', max)
  }
  return max as number
}

/** Checks a ttl that is not a function; warns once a namespace of what looks like seconds. */
function resolveTtl(ttl: unknown, option: string): number {
  if (ttl === undefined || typeof ttl === 'function') return DEFAULT_TTL_MS
  const ms = parseDuration(ttl as Duration, option)
  if (typeof ttl === 'number' && ttl >= 1 && ttl < SUSPICIOUS_BELOW_MS) warnOfSeconds(option, ttl)
  return ms
}

/** The same policy with what the environment or `resize` changed. */
export function withChanges<V, K>(
  policy: Policy<V, K>,
  changes: { readonly ttlMs?: number; readonly max?: number },
  source: SettingSource,
): Policy<V, K> {
  const { max = policy.max } = changes
  const ttlMs = Math.min(changes.ttlMs ?? policy.ttlMs, policy.maxTtlMs)
  const ttlOf = changes.ttlMs === undefined ? policy.ttlOf : undefined
  const sources = {
    ttl: changes.ttlMs === undefined ? policy.sources.ttl : source,
    max: changes.max === undefined ? policy.sources.max : source,
  }
  const changed = { ...policy, ttlMs, max, ttlOf, sources }
  return Object.freeze({ ...changed, plain: isPlain(changed) })
}

/** The lifetime a policy gives, ms: `null` if it never ends, `undefined` if a function decides. */
export function ttlOf(policy: Pick<Policy, 'ttlOf' | 'ttlMs'>): number | null | undefined {
  if (policy.ttlOf !== undefined) return undefined
  return policy.ttlMs === Infinity ? null : policy.ttlMs
}

/** The part of a policy that is about time: free of value types. */
type Timing = Pick<
  Policy,
  | 'ttlMs'
  | 'maxTtlMs'
  | 'staleWhileRevalidateMs'
  | 'staleIfErrorMs'
  | 'refreshAhead'
  | 'earlyRefreshBeta'
  | 'sliding'
  | 'softTimeoutMs'
  | 'hardTimeoutMs'
> & { readonly ttlOf: unknown }

function isPlain(policy: Timing): boolean {
  const windows = policy.staleWhileRevalidateMs + policy.staleIfErrorMs
  return windows === 0 && !policy.sliding && policy.refreshAhead === undefined && policy.earlyRefreshBeta === undefined
}

function hardTimeoutOf(
  options: Pick<NamespaceOptions<never, never>, 'hardTimeout' | 'coalesce'>,
  option: string,
): number {
  const { hardTimeout, coalesce } = options
  oneOf(coalesce ?? 'process', ['process', 'cluster'] as const, option.replace(/hardTimeout$/, 'coalesce'))
  if (hardTimeout === undefined)
    return coalesce === 'cluster' ? DEFAULT_CLUSTER_HARD_TIMEOUT_MS : DEFAULT_HARD_TIMEOUT_MS
  const ms = parseDuration(hardTimeout, option)
  if (ms === 0) throw optionInvalid(option, 'longer than 0', hardTimeout)
  return ms
}

function negativeOf(options: Pick<NamespaceOptions<never, never>, 'negative'>, option: string): Policy['negative'] {
  if (options.negative === undefined) return undefined
  const { when, ttl } = options.negative
  if (typeof when !== 'function') throw optionInvalid(`${option}.when`, 'a function of the error', when)
  checkAnswersAtOnce(when, `${option}.when`)
  return { when, ttlMs: parseDuration(ttl, `${option}.ttl`) }
}

function tagsFunction<V, K>(tags: NamespaceOptions<V, K>['tags'], option: string): Policy<V, K>['tagsOf'] {
  if (tags === undefined || typeof tags === 'function') return tags
  const list = checkTags(tags, option)
  return () => list
}

/** Checks a list of tags. */
export function checkTags(tags: unknown, option: string): readonly string[] {
  if (!Array.isArray(tags)) throw optionInvalid(option, 'an array of strings', tags)
  for (const tag of tags) {
    if (typeof tag !== 'string' || tag === '' || tag.length > 512 || isSubjectTag(tag)) {
      throw optionInvalid(option, 'tags of 1 to 512 characters, none that begins like one of the package itself', tag)
    }
  }
  return tags
}

function betaOf(early: NamespaceOptions<never, never>['earlyRefresh'], option: string): number | undefined {
  if (early === undefined || early === false) return undefined
  return early === true ? 1 : inRange(early.beta ?? 1, 0.01, 100, option)
}

function refuseContradictions(name: string, policy: Timing, isTtlGiven: boolean): void {
  const { softTimeoutMs, hardTimeoutMs, maxTtlMs, ttlMs, ttlOf, sliding } = policy
  if (softTimeoutMs !== undefined && softTimeoutMs >= hardTimeoutMs) {
    throw optionInvalid(
      `${name}.softTimeout`,
      `shorter than hardTimeout (${formatDuration(hardTimeoutMs)})`,
      softTimeoutMs,
    )
  }
  if (softTimeoutMs !== undefined && policy.staleIfErrorMs + policy.staleWhileRevalidateMs === 0) {
    throw optionInvalid(
      `${name}.softTimeout`,
      'used with staleIfError or staleWhileRevalidate: there is nothing stale to serve',
      softTimeoutMs,
    )
  }
  if (isTtlGiven && ttlOf === undefined && ttlMs > maxTtlMs && ttlMs !== Infinity) {
    throw optionInvalid(`${name}.ttl`, `at most maxTtl (${formatDuration(maxTtlMs)})`, ttlMs)
  }
  if (sliding && (policy.refreshAhead !== undefined || policy.earlyRefreshBeta !== undefined)) {
    throw optionInvalid(
      `${name}.sliding`,
      'used without refreshAhead and earlyRefresh: a sliding entry never gets there',
      true,
    )
  }
}

function positive(value: number, option: string): number {
  if (!(typeof value === 'number' && value > 0)) throw optionInvalid(option, 'a number above 0', value)
  return value
}

function inRange(value: number, low: number, high: number, option: string): number {
  if (!(typeof value === 'number' && value >= low && value <= high))
    throw optionInvalid(option, `a number from ${low} to ${high}`, value)
  return value
}

/** Checks a value against a closed list. */
export function oneOf<T extends string>(value: T, allowed: readonly T[], option: string): T {
  if (!allowed.includes(value))
    throw optionInvalid(option, `one of ${allowed.map((one) => `'${one}'`).join(', ')}`, value)
  return value
}

function warnOfSeconds(option: string, ttl: number): void {
  if (typeof process === 'undefined' || typeof process.emitWarning !== 'function') return
  const message = `\`${option}\` is ${ttl} milliseconds (${ttl / 1000} s). If seconds were meant, write '${ttl}s'; to keep it, write '${ttl}ms'.`
  process.emitWarning(message, { type: 'HopstashWarning', code: 'HOPSTASH_TTL_UNIT' })
}
