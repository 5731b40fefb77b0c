import type { ItemOutcome } from './item-outcome.js'
import type { Overlap } from './shared-document.js'

/** What became of an item of a graph, told apart by `status`. */
export type GraphOutcome<R> = ItemOutcome<R> & {
  readonly id: string
  /** How often it ran: 2 after a conflict, 0 if it was skipped. */
  readonly runs: number
  /** Where its first run met what others had changed meanwhile. */
  readonly conflict: Overlap | null
}

/** What {@link processGraph} resolves with. */
export interface GraphResult<R, D> {
  /** One an item, in the order of the items. */
  readonly outcomes: readonly GraphOutcome<R>[]
  /** The document with all edits of the items that are `ok`. Frozen. */
  readonly document: D
  readonly report: GraphReport
}

/** How a graph was worked on. */
export interface GraphReport {
  /** Ids in the order in which their results took effect. */
  readonly order: readonly string[]
  /** Calls of `run`. */
  readonly runs: number
  readonly conflicts: readonly ({ readonly id: string } & Overlap)[]
  /** Most items that ran at once. */
  readonly atOnce: number
  readonly durationMs: number
}
