import type { ItemResult } from './item-outcome.js'

/** How far a run has come. */
export interface BatchProgress {
  /** How many items there are, where that is known. */
  readonly total: number | undefined
  /** Items with an outcome: the sum of the next four. */
  readonly done: number
  readonly ok: number
  readonly failed: number
  /** Done by an earlier run. */
  readonly skipped: number
  readonly cancelled: number
  /** Batches that ended. */
  readonly batches: number
  /** Batches under way. */
  readonly running: number
  /** Items the next batch will have. */
  readonly batchSize: number
  readonly elapsedMs: number
  readonly itemsPerSecond: number
}

/** Counts outcomes. */
export interface Tally {
  readonly counts: { ok: number; failed: number; skipped: number; cancelled: number }
  add(results: readonly ItemResult<unknown>[]): void
}

/** Returns counters at zero. */
export function createTally(): Tally {
  const counts = { ok: 0, failed: 0, skipped: 0, cancelled: 0 }
  return {
    counts,
    add(results) {
      for (const { status } of results) counts[status]++
    },
  }
}
