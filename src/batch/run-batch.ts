import { batchTimeout, rowsMisaligned } from '../errors/batch-error.js'
import { preview } from '../errors/option-error.js'
import { NO_SLOT, type TimerQueue } from '../resilience/timer-queue.js'
import type { Clock } from '../runtime/clock.js'
import { tellOutcome } from '../runtime/tell-outcome.js'
import { isThenable } from '../runtime/thenable.js'
import { type ItemResult, itemCancelled, itemDone, itemFailed } from './item-outcome.js'

/** What a batch function is told beside its items. */
export interface BatchContext {
  /** Aborts at the batch's timeout, and with the caller's signal. Made when it is asked for. */
  readonly signal: AbortSignal
  /** Number of the batch, from 0. */
  readonly batch: number
  /** Places of the items among all items, in the same order. */
  readonly indices: readonly number[]
  /** What `groupBy` said of them. */
  readonly group: string | undefined
}

/** One row an item, in their order. A row that is an `Error`, or a promise that rejects, fails its item alone. */
export type BatchRows<R> = readonly (R | Error | PromiseLike<R | Error>)[]

/** Works on several items at once. */
export type BatchFunction<T, R> = (
  items: readonly T[],
  context: BatchContext,
) => BatchRows<R> | PromiseLike<BatchRows<R>>

/** One batch, ready to run. */
export interface BatchJob<T, R> {
  readonly fn: BatchFunction<T, R>
  readonly items: readonly T[]
  readonly indices: readonly number[]
  readonly group: string | undefined
  readonly batch: number
  readonly timeoutMs: number
  /** Holds, while the batch runs, what cancels it. One listener on the caller's signal serves all batches. */
  readonly cancels: Set<(reason: unknown) => void>
  readonly clock: Clock
  readonly timers: TimerQueue
}

/** What a batch came to. */
export interface BatchEnd<R> {
  /** One an item, in their order. */
  readonly results: readonly ItemResult<R>[]
  /** It threw, timed out, or its rows could not be told apart. */
  readonly failed: boolean
  readonly durationMs: number
}

/**
 * Runs one batch; never rejects.
 *
 * Rows that are promises settle one by one, so what was done before a timeout stays done. Rows are matched by place, and
 * only if there are as many as items: another number fails every item with `ERR_BATCH_MISALIGNED`.
 */
export function runBatch<T, R>(job: BatchJob<T, R>): Promise<BatchEnd<R>> {
  return new Promise((resolve) => {
    const { fn, items, clock, timers, timeoutMs, cancels } = job
    const count = items.length
    const startedAt = clock.now()
    const results: (ItemResult<R> | undefined)[] = Array.from({ length: count })
    const context = createContext(job)
    let open = count
    let over = false

    const end = (rest: ItemResult<R> | undefined, failed: boolean): void => {
      if (over) return
      over = true
      timers.remove(timed)
      cancels.delete(cancel)
      resolve({
        results: results.map((result) => result ?? (rest as ItemResult<R>)),
        failed,
        durationMs: clock.now() - startedAt,
      })
    }
    const settle = (place: number, result: ItemResult<R>): void => {
      if (over) return
      results[place] = result
      open--
      if (open === 0) end(undefined, false)
    }
    const accept = (rows: unknown): void => {
      if (!Array.isArray(rows) || rows.length !== count) {
        const received = Array.isArray(rows) ? rows.length : preview(rows)
        // Nobody waits for these rows any more, so nobody else would hear of those that reject.
        if (Array.isArray(rows)) for (const row of rows) tellOutcome(() => row, ignore, ignore)
        end(itemFailed(rowsMisaligned('the batch function', count, received), 'contract_output'), true)
        return
      }
      for (let place = 0; place < count; place++) {
        const row = rows[place] as R | Error | PromiseLike<R | Error>
        tellOutcome<R | Error>(
          () => row,
          (value) => settle(place, resultOf<R>(value)),
          (error) => settle(place, itemFailed(error)),
        )
      }
    }
    const cancel = (reason: unknown): void => {
      // First the batch ends, then its calls: rows that reject because of the signal are cancelled, not failed.
      end(itemCancelled(reason), false)
      context.abort(reason)
    }
    const timed = {
      dueAt: startedAt + timeoutMs,
      slot: NO_SLOT,
      onDue: () => {
        const error = batchTimeout(`Batch ${job.batch}`, timeoutMs)
        end(itemFailed(error, 'timeout'), true)
        context.abort(error)
      },
    }
    if (timeoutMs !== Infinity) timers.add(timed, startedAt)
    cancels.add(cancel)
    try {
      const rows = fn(items, context.given)
      if (isThenable(rows)) Promise.resolve(rows).then(accept, (error) => end(itemFailed(error), true))
      else accept(rows)
    } catch (error) {
      end(itemFailed(error), true)
    }
  })
}

function resultOf<R>(row: R | Error): ItemResult<R> {
  return row instanceof Error ? itemFailed(row) : itemDone(row)
}

function createContext<T, R>(job: BatchJob<T, R>) {
  let controller: AbortController | undefined
  let aborted: { readonly reason: unknown } | undefined
  const given: BatchContext = {
    get signal() {
      if (controller === undefined) {
        controller = new AbortController()
        if (aborted !== undefined) controller.abort(aborted.reason)
      }
      return controller.signal
    },
    batch: job.batch,
    indices: job.indices,
    group: job.group,
  }
  const abort = (reason: unknown): void => {
    aborted ??= { reason }
    controller?.abort(reason)
  }
  return { given, abort }
}

function ignore(): void {}
