import { optionInvalid } from '../errors/option-error.js'
import { copyPlain } from '../resilience/copy-plain.js'
import { checkShape } from '../resilience/option-shape.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import type { HopContext, HopLog, UsageMeter } from './hop-context.js'
import { checkUpstream, type SharedUpstream } from './upstream.js'
import type { HopReason } from './words.js'

const STEP = Symbol('hopstash.fallbackStep')

/** Fallback step: the hop's last good value from its cache, expired by at most `maxAgeMs`. */
export interface StaleStep {
  readonly [STEP]: 'stale'
  readonly maxAgeMs: number
}

/** Fallback step: another provider of the same answer. */
export interface ProviderStep<In, Answer> {
  readonly [STEP]: 'provider'
  readonly name: string
  readonly call: (context: ProviderContext<In>) => Answer | PromiseLike<Answer>
  /** Who is called; a name, unless it is shared with other pipelines. */
  readonly upstream: string | SharedUpstream
}

/** Options of {@link provider}. */
export interface ProviderOptions {
  /** Whose breaker, limit and retry budget it uses. @defaultValue its name */
  readonly upstream?: string | SharedUpstream | undefined
}

/** What a {@link provider} is called with. */
export type ProviderContext<In> = Omit<HopContext<In, undefined, undefined>, 'client' | 'auth'>

/** What a fallback function is called with. */
export interface FallbackContext<In> {
  readonly input: In
  /** Why there is no fresh answer. */
  readonly reason: HopReason
  /** What the last attempt threw. */
  readonly error: unknown
  readonly signal: AbortSignal
  /** What is left of the run's deadline, ms. */
  readonly remainingMs: number
  readonly usage: UsageMeter
  readonly log: HopLog
}

/** A fallback function. */
export type FallbackFunction<In, Out> = (context: FallbackContext<In>) => Out | PromiseLike<Out>

/** {@link HopOptions.fallback}, checked. */
export type FallbackStep =
  | { readonly kind: 'stale'; readonly maxAgeMs: number }
  | {
      readonly kind: 'provider'
      readonly name: string
      readonly call: (context: never) => unknown
      readonly upstream: string | SharedUpstream
    }
  | { readonly kind: 'function'; readonly run: FallbackFunction<unknown, unknown> }
  | { readonly kind: 'value'; readonly value: unknown }

/**
 * Fallback step: the last good value in the hop's `cache`, if it expired at most `maxAge` ago.
 *
 * @throws OptionError `ERR_OPTION_INVALID`
 */
export function staleFor(maxAge: Duration): StaleStep {
  return Object.freeze({ [STEP]: 'stale' as const, maxAgeMs: parseDuration(maxAge, 'staleFor') })
}

/**
 * Fallback step: asks another provider, once, within the hop's attempt timeout and behind a breaker of its own. The
 * answer passes the hop's output contract and is reported with source `provider:<name>`.
 *
 * @throws OptionError `ERR_OPTION_INVALID`
 */
export function provider<In, Answer>(
  name: string,
  call: (context: ProviderContext<In>) => Answer | PromiseLike<Answer>,
  options: ProviderOptions = {},
): ProviderStep<In, Answer> {
  if (typeof name !== 'string' || !/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(name)) {
    throw optionInvalid('provider name', 'a name of letters, digits, `_`, `-` or `.`', name)
  }
  if (typeof call !== 'function') throw optionInvalid(`provider '${name}'`, 'a function', call)
  checkShape(`provider '${name}'`, options, ['upstream'])
  const { upstream = name } = options
  checkUpstream(`provider '${name}'.upstream`, upstream)
  return Object.freeze({ [STEP]: 'provider' as const, name, call, upstream })
}

/** Checks a fallback chain. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveFallback(where: string, chain: unknown, cached: boolean): readonly FallbackStep[] {
  if (chain === undefined) return []
  if (!Array.isArray(chain) || chain.length === 0) {
    throw optionInvalid(`${where}.fallback`, 'a list of steps', chain, 'An empty list as the value is written `[[]]`.')
  }
  return Object.freeze(chain.map((step, index) => resolveStep(`${where}.fallback[${index}]`, step, cached)))
}

function resolveStep(where: string, step: unknown, cached: boolean): FallbackStep {
  if (typeof step === 'function') return { kind: 'function', run: step as FallbackFunction<unknown, unknown> }
  const kind = typeof step === 'object' && step !== null && STEP in step ? step[STEP] : 'value'
  if (kind === 'value') return { kind, value: copyPlain(step) }
  if (kind === 'provider') {
    const { name, call, upstream } = step as ProviderStep<never, unknown>
    return { kind, name, call, upstream }
  }
  if (!cached) throw optionInvalid(where, 'used with `cache`', 'staleFor', 'A stale value comes from the hop cache.')
  return { kind: 'stale', maxAgeMs: (step as StaleStep).maxAgeMs }
}
