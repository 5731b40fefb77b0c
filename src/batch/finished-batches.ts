import { createTimerQueue } from '../resilience/timer-queue.js'
import { onceAborted } from '../runtime/abort.js'
import { leftAtOnce } from '../runtime/left-at-once.js'
import { tell } from '../runtime/tell.js'
import type { BatchPlan } from './batch-options.js'
import { createTally } from './batch-progress.js'
import { adaptSize } from './batch-size.js'
import { createProgression } from './checkpoint.js'
import { createGatherer, type Gathered } from './gather.js'
import type { ItemResult } from './item-outcome.js'
import type { ItemReader } from './item-source.js'
import { type BatchEnd, type BatchFunction, runBatch } from './run-batch.js'

/** A batch that has ended. */
export interface FinishedBatch<R> {
  readonly indices: readonly number[]
  readonly results: readonly ItemResult<R>[]
}

/** How {@link finishedBatches} hands out what has ended. */
export interface HandOut {
  /** In the order of the items; else as batches end. */
  readonly ordered: boolean
  /** Batches that may be read and not yet handed out. */
  readonly window: number
  /** Told of items that an earlier run did. */
  readonly onSkip?: (index: number) => void
}

/**
 * The batches of a run, one by one as they end.
 *
 * Reads the source only as fast as batches can be begun, and begins them only as fast as they are taken. Whoever stops
 * taking ends the run: what is under way is aborted, the source is closed.
 */
export function finishedBatches<T, R>(
  reader: ItemReader<T>,
  fn: BatchFunction<T, R>,
  plan: BatchPlan<T>,
  handOut: HandOut,
): AsyncGenerator<FinishedBatch<R>, void, undefined> {
  let run: BatchRun<R> | undefined
  const begin = (): BatchRun<R> => {
    run = createBatchRun(reader, fn, plan, handOut)
    return run
  }
  return leftAtOnce(batchesOf(begin), () => run?.leave())
}

async function* batchesOf<R>(begin: () => BatchRun<R>): AsyncGenerator<FinishedBatch<R>, void, undefined> {
  const run = begin()
  try {
    run.feed()
    for (;;) {
      const batch = await run.next()
      if (batch === undefined) return
      yield batch
      await run.taken(batch)
    }
  } finally {
    run.close()
  }
}

interface BatchRun<R> {
  feed(): void
  next(): Promise<FinishedBatch<R> | undefined>
  taken(batch: FinishedBatch<R>): Promise<void>
  /** Aborts what is under way: nobody takes it any more. */
  leave(): void
  close(): void
}

function createBatchRun<T, R>(
  reader: ItemReader<T>,
  fn: BatchFunction<T, R>,
  plan: BatchPlan<T>,
  handOut: HandOut,
): BatchRun<R> {
  const { clock, timeoutMs, concurrency, onProgress, onCheckpoint } = plan
  const timers = createTimerQueue(clock)
  const cancels = new Set<(reason: unknown) => void>()
  const progression = createProgression(plan.resume, reader.total)
  const bell = createBell()
  const tally = createTally()
  const finished = new Map<number, FinishedBatch<R>>()
  const startedAt = clock.now()
  let size = plan.size
  let running = 0
  let outstanding = 0
  let begun = 0
  let ended = 0
  let nextOut = 0
  let fed = false
  let stopped = false
  let failure: { readonly error: unknown } | undefined

  const stop = (reason: unknown): void => {
    stopped = true
    for (const cancel of [...cancels]) cancel(reason)
    bell.ring()
  }
  const leave = (): void => stop(new DOMException('Nobody takes the outcomes any more.', 'AbortError'))
  const unlisten = onceAborted(plan.signal, stop)
  const gather = createGatherer<T>({
    reader,
    groupBy: plan.groupBy,
    isDone: progression.isDone,
    onRead: progression.read,
    onSkip(index) {
      tally.counts.skipped++
      handOut.onSkip?.(index)
    },
    maxHeld: () => size.size * Math.min(concurrency, MAX_GROUPS_AHEAD),
  })

  const begin = (gathered: Gathered<T>): void => {
    const { items, indices, group } = gathered
    const batch = begun++
    running++
    outstanding++
    const job = { fn, items, indices, group, batch, timeoutMs, cancels, clock, timers }
    void runBatch<T, R>(job).then((end) => finish(batch, gathered, end))
  }
  const finish = (batch: number, { indices, target }: Gathered<T>, end: BatchEnd<R>): void => {
    running--
    ended++
    tally.add(end.results)
    const troubled = end.results.some(({ status }) => status !== 'ok')
    const sample = { target, items: indices.length, durationMs: end.durationMs, failed: end.failed, troubled }
    if (!stopped) size = adaptSize(size, sample, timeoutMs)
    finished.set(batch, { indices, results: end.results })
    tellProgress()
    bell.ring()
  }
  const tellProgress = (): void => {
    if (onProgress === undefined) return
    const { counts } = tally
    const elapsedMs = clock.now() - startedAt
    const done = counts.ok + counts.failed + counts.skipped + counts.cancelled
    const itemsPerSecond = elapsedMs > 0 ? ((done - counts.skipped) * 1000) / elapsedMs : 0
    const numbers = { ...counts, batches: ended, running, batchSize: size.size, elapsedMs, itemsPerSecond }
    tell(onProgress, { total: reader.total, done, ...numbers })
  }
  const feed = async (): Promise<void> => {
    try {
      for (;;) {
        while ((running >= concurrency || outstanding >= handOut.window) && !stopped) await bell.rung()
        if (stopped) return
        const gathered = await gather(size.size)
        if (gathered === undefined || stopped) return
        begin(gathered)
      }
    } catch (error) {
      failure = { error }
    } finally {
      fed = true
      bell.ring()
    }
  }
  const takeNext = (): FinishedBatch<R> | undefined => {
    const [first] = handOut.ordered ? [nextOut] : finished.keys()
    const batch = first === undefined ? undefined : finished.get(first)
    if (batch === undefined) return undefined
    finished.delete(first as number)
    nextOut++
    return batch
  }

  return {
    feed: () => void feed(),
    async next() {
      for (;;) {
        const batch = takeNext()
        if (batch !== undefined) return batch
        // An aborted run does not wait for a source that may hang.
        if (running === 0 && (fed || stopped)) {
          if (failure !== undefined) throw failure.error
          return undefined
        }
        await bell.rung()
      }
    },
    async taken({ indices, results }) {
      outstanding--
      for (const [at, { status }] of results.entries()) {
        if (status === 'ok') progression.done(indices[at] as number)
      }
      bell.ring()
      if (onCheckpoint !== undefined) await onCheckpoint(progression.checkpoint())
    },
    leave,
    close() {
      unlisten()
      reader.close()
      leave()
    },
  }
}

/** Groups that may be open beyond the batches under way, so that an unbounded number of workers reads no source dry. */
const MAX_GROUPS_AHEAD = 100

/** Wakes everybody who waits for something to have changed. */
function createBell() {
  let waiting: { readonly promise: Promise<void>; readonly ring: () => void } | undefined
  return {
    rung(): Promise<void> {
      if (waiting === undefined) {
        let ring = (): void => {}
        const promise = new Promise<void>((resolve) => {
          ring = resolve
        })
        waiting = { promise, ring }
      }
      return waiting.promise
    },
    ring(): void {
      const woken = waiting
      waiting = undefined
      woken?.ring()
    },
  }
}
