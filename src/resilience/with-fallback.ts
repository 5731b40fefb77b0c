import { optionInvalid } from '../errors/option-error.js'
import { copyPlain } from './copy-plain.js'
import { checkWork } from './timeout.js'

/** What {@link withFallback} came to. */
export interface FallbackOutcome<T> {
  readonly value: T
  /** Of `work` itself, of a function of the chain, or a value of it. */
  readonly source: 'live' | 'function' | 'default'
  /** Whether the value stands in for one that could not be had: then it is nothing to keep. */
  readonly degraded: boolean
  /** What `work` failed with. */
  readonly error: unknown
}

/**
 * Calls `work`; when it fails, takes the first step of `chain` that does not: a function, which is told the error, or a
 * value, of which each call gets a copy.
 *
 * Rejects with what `work` failed with when all steps fail, too. It has no time limit of its own, and neither has a step.
 *
 * @throws OptionError `ERR_OPTION_INVALID`, as a rejection.
 * @example
 * import { withFallback } from 'hopstash/resilience'
 * const score = await withFallback(async () => JSON.parse('{'), [{ score: 0 }])
 * score.value // => { score: 0 }
 * score.degraded // => true
 */
export async function withFallback<T, F>(
  work: () => T | PromiseLike<T>,
  chain: readonly (((error: unknown) => F | PromiseLike<F>) | F)[],
): Promise<FallbackOutcome<T | F>> {
  checkWork(work)
  if (!Array.isArray(chain) || chain.length === 0) throw optionInvalid('chain', 'a list of functions and values', chain)
  try {
    return { value: await work(), source: 'live', degraded: false, error: undefined }
  } catch (error) {
    for (const step of chain) {
      if (typeof step !== 'function') return { value: copyPlain(step), source: 'default', degraded: true, error }
      try {
        return { value: await step(error), source: 'function', degraded: true, error }
      } catch {
        // The first failure says more than those of what stands in for it.
      }
    }
    throw error
  }
}
