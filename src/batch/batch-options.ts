import {
  checkAnswersAtOnce,
  checkFunction,
  checkShape,
  checkSignal,
  positiveDuration,
  resolveClock,
} from '../resilience/option-shape.js'
import type { Clock } from '../runtime/clock.js'
import type { Duration } from '../runtime/duration.js'
import { settings } from '../runtime/settings.js'
import type { BatchProgress } from './batch-progress.js'
import {
  type BatchConcurrency,
  type BatchSize,
  resolveBatchSize,
  resolveConcurrency,
  type SizeState,
} from './batch-size.js'
import type { BatchCheckpoint } from './checkpoint.js'

/** How items are worked on in batches. All of it may be left out. */
export interface BatchOptions<T = unknown> {
  /** Items in a batch: a number, `'light'` (50), `'heavy'` (5), `'auto'`, or bounds for that. @defaultValue `BATCH_SIZE`, 10 */
  readonly batchSize?: BatchSize | undefined
  /** Batches at once: a number, `'conservative'` (3), `'aggressive'` (10). @defaultValue `BATCH_MAX_WORKERS`, 5 */
  readonly concurrency?: BatchConcurrency | undefined
  /** For one batch; `Infinity` for none. @defaultValue `BATCH_TIMEOUT`, 30 s */
  readonly timeout?: Duration | undefined
  /** Ends the run: nothing more is read, and what is under way is `cancelled`. */
  readonly signal?: AbortSignal | undefined
  /** Only items of one group share a batch. */
  readonly groupBy?: ((item: T) => string) | undefined
  /** Called when a batch has ended. What it throws is ignored. */
  readonly onProgress?: ((progress: BatchProgress) => void) | undefined
  /** Called, and awaited, when the outcomes of a batch were handed out. What it throws ends the run and rejects. */
  readonly onCheckpoint?: ((checkpoint: BatchCheckpoint) => void | PromiseLike<void>) | undefined
  /** Leaves out what an earlier run over the same items did; what failed then is done again. */
  readonly resume?: BatchCheckpoint | undefined
  /** For tests. */
  readonly clock?: Clock | undefined
}

/** {@link BatchOptions}, checked and complete. */
export interface BatchPlan<T> {
  readonly size: SizeState
  readonly concurrency: number
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly groupBy: ((item: T) => string) | undefined
  readonly onProgress: ((progress: BatchProgress) => void) | undefined
  readonly onCheckpoint: ((checkpoint: BatchCheckpoint) => void | PromiseLike<void>) | undefined
  readonly resume: BatchCheckpoint | undefined
  readonly clock: Clock
}

const KNOWN = [
  'batchSize',
  'concurrency',
  'timeout',
  'signal',
  'groupBy',
  'onProgress',
  'onCheckpoint',
  'resume',
  'clock',
] as const satisfies readonly (keyof BatchOptions)[]

/** Checks and completes {@link BatchOptions}. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveBatchOptions<T>(options: BatchOptions<T>, more: readonly string[] = []): BatchPlan<T> {
  checkShape('the batch options', options, [...KNOWN, ...more])
  for (const name of ['groupBy', 'onProgress', 'onCheckpoint'] as const) checkFunction(options[name], name)
  checkAnswersAtOnce(options.groupBy, 'groupBy')
  checkSignal(options.signal)
  return {
    size: resolveBatchSize(options.batchSize ?? settings().batchSize),
    concurrency: resolveConcurrency(options.concurrency ?? settings().batchMaxWorkers),
    timeoutMs: resolveTimeout(options.timeout),
    signal: options.signal,
    groupBy: options.groupBy,
    onProgress: options.onProgress,
    onCheckpoint: options.onCheckpoint,
    resume: options.resume,
    clock: resolveClock(options.clock),
  }
}

/** A timeout in ms, that of the environment if none is given. @throws OptionError `ERR_OPTION_INVALID` */
export function resolveTimeout(timeout: Duration | undefined): number {
  return timeout === undefined ? settings().batchTimeoutMs : positiveDuration(timeout, 'timeout')
}
