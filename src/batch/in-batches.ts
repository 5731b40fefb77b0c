import { optionInvalid } from '../errors/option-error.js'
import { checkFlag } from '../resilience/option-shape.js'
import { leftAtOnce } from '../runtime/left-at-once.js'
import { type BatchOptions, resolveBatchOptions } from './batch-options.js'
import { finishedBatches } from './finished-batches.js'
import { type ItemOutcome, type ItemResult, itemCancelled } from './item-outcome.js'
import { type BatchSource, openSource } from './item-source.js'
import type { BatchFunction } from './run-batch.js'

/**
 * Works on items in batches; resolves with one outcome an item, in the order of the items.
 *
 * It does not reject for an item or a batch: a batch that throws, takes longer than `timeout` or returns another number
 * of rows than it was given items has `failed` outcomes, the others go on. After `signal` aborts, what is left is
 * `cancelled`; of an iterable, what was not begun is not among the outcomes. It rejects when the source itself throws,
 * `groupBy` or `onCheckpoint`.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`, as a rejection.
 * @example
 * import { processInBatches } from 'hopstash/batch'
 * const outcomes = await processInBatches(['a', 'b', 'c'], (batch) => batch.map((text) => text.toUpperCase()), { batchSize: 2 })
 * outcomes.map((outcome) => outcome.value) // => ['A', 'B', 'C']
 */
export async function processInBatches<T, R>(
  items: BatchSource<T>,
  fn: BatchFunction<T, R>,
  options: BatchOptions<T> = {},
): Promise<ItemOutcome<R>[]> {
  const plan = resolveBatchOptions(options)
  const reader = openBatches(items, fn)
  const outcomes: ItemOutcome<R>[] = []
  const put = (index: number, result: ItemResult<R>): void => {
    outcomes[index] = { index, ...result }
  }
  const onSkip = (index: number): void => put(index, RESUMED)
  const { concurrency: window, signal } = plan
  for await (const { indices, results } of finishedBatches(reader, fn, plan, { ordered: false, window, onSkip })) {
    for (const [at, result] of results.entries()) put(indices[at] as number, result)
  }
  if (signal?.aborted === true) {
    const count = Math.max(outcomes.length, reader.total ?? 0)
    for (let index = 0; index < count; index++)
      if (outcomes[index] === undefined) put(index, itemCancelled(signal.reason))
  }
  return outcomes
}

/** How outcomes are streamed. */
export interface StreamOptions<T = unknown> extends BatchOptions<T> {
  /**
   * In the order of the items. A batch that takes long then holds up those behind it: at most twice as many batches as
   * may run at once are read and not yet handed out. @defaultValue `true`, with `groupBy` `false`
   */
  readonly ordered?: boolean
}

/**
 * {@link processInBatches} for sources of any length: hands out outcomes as they come, and reads no faster than they are
 * taken, so that memory does not grow with the number of items.
 *
 * Leaving the loop ends the run. When `signal` aborts, the outcomes of what was under way still come, as `cancelled`;
 * then the loop throws the signal's reason, so that an early end does not look like a complete one. Items that an earlier
 * run did (`resume`) are left out.
 *
 * @throws {OptionError} `ERR_OPTION_INVALID`, at the call.
 * @example
 * import { perItem, streamInBatches } from 'hopstash/batch'
 * async function* rows() {
 *   for (let id = 1; id <= 3; id++) yield { id }
 * }
 * const done: number[] = []
 * for await (const outcome of streamInBatches(rows(), perItem((row: { id: number }) => row.id * 10))) {
 *   if (outcome.status === 'ok') done.push(outcome.value)
 * }
 * done // => [10, 20, 30]
 */
export function streamInBatches<T, R>(
  items: BatchSource<T>,
  fn: BatchFunction<T, R>,
  options: StreamOptions<T> = {},
): AsyncGenerator<ItemOutcome<R>, void, void> {
  const plan = resolveBatchOptions(options, ['ordered'])
  checkFlag(options.ordered, 'ordered')
  const ordered = options.ordered ?? plan.groupBy === undefined
  if (ordered && plan.groupBy !== undefined) {
    // The first item may wait for others of its group for as long as the source has any.
    throw optionInvalid('ordered', 'absent or false where `groupBy` is given', ordered)
  }
  const reader = openBatches(items, fn)
  const window = ordered ? plan.concurrency * 2 : plan.concurrency
  const batches = finishedBatches(reader, fn, plan, { ordered, window })
  return leftAtOnce(outcomesOf(batches, plan.signal), () => void batches.return())
}

async function* outcomesOf<R>(
  batches: ReturnType<typeof finishedBatches<never, R>>,
  signal: AbortSignal | undefined,
): AsyncGenerator<ItemOutcome<R>, void, void> {
  for await (const { indices, results } of batches) {
    for (const [at, result] of results.entries()) yield { index: indices[at] as number, ...result }
  }
  signal?.throwIfAborted()
}

function openBatches<T, R>(items: BatchSource<T>, fn: BatchFunction<T, R>) {
  if (typeof fn !== 'function') throw optionInvalid('fn', 'a function of a batch, or perItem(fn)', fn)
  return openSource(items)
}

const RESUMED = Object.freeze({ status: 'skipped', reason: 'resumed', error: undefined } as const)
