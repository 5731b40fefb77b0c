import { optionInvalid } from '../errors/option-error.js'
import { checkShape, wholeNumber } from '../resilience/option-shape.js'

/** Bounds of a size that adapts. */
export interface AdaptiveSize {
  /** @defaultValue `1` */
  readonly min?: number
  /** @defaultValue `1000` */
  readonly max?: number
  /** Size of the first batches. @defaultValue `8` */
  readonly start?: number
}

/** Items in a batch: a number, `'light'` (50), `'heavy'` (5), or a size that adapts to time and failures. */
export type BatchSize = number | 'light' | 'heavy' | 'auto' | AdaptiveSize

/** Batches at once: a number, `'conservative'` (3) or `'aggressive'` (10). */
export type BatchConcurrency = number | 'conservative' | 'aggressive'

const NAMED_SIZES: Readonly<Record<string, number>> = { light: 50, heavy: 5 }
const NAMED_WORKERS: Readonly<Record<string, number>> = { conservative: 3, aggressive: 10 }

/** The state of a size that adapts; immutable. */
export interface SizeState {
  readonly min: number
  readonly max: number
  readonly size: number
  /** Sizes double until the first sign of trouble, then grow by a tenth. */
  readonly doubling: boolean
  /** Time per item, ms: of the last batch before the size changed, then smoothed over those since. */
  readonly perItemMs: number | undefined
  /** Clean batches since the size last changed. */
  readonly held: number
}

/** What one batch showed. */
export interface SizeSample {
  /** The size that was aimed at when the batch was gathered. */
  readonly target: number
  /** How many items it had. */
  readonly items: number
  readonly durationMs: number
  /** The whole batch failed: it threw, timed out or returned rows that cannot be told apart. */
  readonly failed: boolean
  /** Some of its items failed. */
  readonly troubled: boolean
}

/** A time per item this much shorter is worth a larger batch. */
const IMPROVED = 0.95
/** A time per item this much longer says that the batches became too large. */
const WORSE = 1.5
/** After so many batches without a change a slightly larger one is tried again. */
const PROBE_AFTER = 8
const SMOOTHING = 0.3

/** Checks and completes a size; a fixed one has `min` equal to `max`. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveBatchSize(option: BatchSize): SizeState {
  if (option === 'auto') return startingAt(1, 1000, 8)
  if (typeof option === 'string') return fixed(namedNumber(option, NAMED_SIZES, 'batchSize', ", 'auto'"))
  if (typeof option === 'number') return fixed(wholeNumber(option, 'batchSize', 1))
  checkShape('batchSize', option, ['min', 'max', 'start'])
  const min = wholeNumber(option.min ?? 1, 'batchSize.min', 1)
  const max = wholeNumber(option.max ?? Math.max(min, 1000), 'batchSize.max', min)
  const start = wholeNumber(option.start ?? Math.min(max, Math.max(min, 8)), 'batchSize.start', min)
  if (start > max) throw optionInvalid('batchSize.start', `a whole number from ${min} to ${max}`, start)
  return startingAt(min, max, start)
}

/** Checks and completes a number of workers. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveConcurrency(option: BatchConcurrency): number {
  if (typeof option === 'string') return namedNumber(option, NAMED_WORKERS, 'concurrency', '')
  return wholeNumber(option, 'concurrency', 1, true)
}

/**
 * The state after a batch: additive growth, multiplicative shrinking.
 *
 * A failed batch halves the size, once for all batches that were sent at the size before. A clean full one grows it while
 * the time per item still gets shorter, and only while a batch stays below half of its timeout.
 */
export function adaptSize(state: SizeState, sample: SizeSample, timeoutMs = Infinity): SizeState {
  if (state.min === state.max) return state
  if (sample.failed) {
    if (sample.target > state.size) return state
    return resized(state, Math.floor(sample.target / 2), false, undefined)
  }
  if (sample.target !== state.size || sample.items < sample.target) return state
  const perItemMs = sample.durationMs / sample.items
  const known = state.perItemMs
  const smoothed = known === undefined ? perItemMs : known + SMOOTHING * (perItemMs - known)
  if (known !== undefined && perItemMs > known * WORSE) {
    return resized(state, Math.floor(state.size * 0.75), false, perItemMs)
  }
  const roomy = sample.durationMs * 2 <= timeoutMs && !sample.troubled
  const better = known === undefined || perItemMs <= known * IMPROVED || state.held >= PROBE_AFTER
  if (!roomy || !better) return { ...state, perItemMs: smoothed, held: state.held + 1, doubling: false }
  return resized(
    state,
    state.doubling ? state.size * 2 : state.size + Math.ceil(state.size / 10),
    state.doubling,
    perItemMs,
  )
}

function resized(state: SizeState, size: number, doubling: boolean, perItemMs: number | undefined): SizeState {
  return { ...state, size: Math.min(state.max, Math.max(state.min, size)), doubling, perItemMs, held: 0 }
}

function startingAt(min: number, max: number, size: number): SizeState {
  return { min, max, size, doubling: true, perItemMs: undefined, held: 0 }
}

function fixed(size: number): SizeState {
  return startingAt(size, size, size)
}

function namedNumber(name: string, known: Readonly<Record<string, number>>, option: string, more: string): number {
  const found = Object.hasOwn(known, name) ? known[name] : undefined
  if (found !== undefined) return found
  const names = Object.keys(known).map((known) => `'${known}'`)
  throw optionInvalid(option, `a whole number from 1, ${names.join(', ')}${more}`, name)
}
