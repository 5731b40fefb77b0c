import { optionInvalid } from '../errors/option-error.js'
import { createLimiter } from '../resilience/limiter.js'
import { checkShape, wholeNumber } from '../resilience/option-shape.js'
import type { BatchContext, BatchFunction } from './run-batch.js'

/** What a function of one item is told beside it. */
export interface ItemContext extends Omit<BatchContext, 'indices'> {
  /** Place of the item among all items, from 0. */
  readonly index: number
}

/** Options of {@link perItem}. */
export interface PerItemOptions {
  /** Items of one batch at once; all of them if left out. */
  readonly concurrency?: number
}

/**
 * Makes a batch function of a function of one item.
 *
 * The items of a batch run at once, unless `concurrency` says otherwise: at most batches at once times items at once. One
 * that throws fails alone.
 *
 * @throws OptionError `ERR_OPTION_INVALID`
 * @example
 * import { perItem, processInBatches } from 'hopstash/batch'
 * const outcomes = await processInBatches([1, 2, 3], perItem((n: number) => n * n))
 * outcomes.map((outcome) => outcome.value) // => [1, 4, 9]
 */
export function perItem<T, R>(
  fn: (item: T, context: ItemContext) => R | PromiseLike<R>,
  options: PerItemOptions = {},
): BatchFunction<T, R> {
  if (typeof fn !== 'function') throw optionInvalid('perItem', 'a function of an item', fn)
  checkShape('the perItem options', options, ['concurrency'])
  const limit = wholeNumber(options.concurrency ?? Infinity, 'perItem.concurrency', 1, true)
  return (items, context) => {
    const work = async (item: T, place: number): Promise<R> => fn(item, contextOf(context, place))
    if (limit >= items.length) return items.map(work)
    const limiter = createLimiter({ limit, queue: Infinity })
    return items.map((item, place) =>
      limiter.run(() => {
        // What waited longer than its batch lived is not begun.
        context.signal.throwIfAborted()
        return work(item, place)
      }),
    )
  }
}

function contextOf(context: BatchContext, place: number): ItemContext {
  return {
    get signal() {
      return context.signal
    },
    batch: context.batch,
    group: context.group,
    index: context.indices[place] as number,
  }
}
