import type { Flight } from '../resilience/single-flight.js'
import type { Cell } from './cells.js'
import type { Entry } from './entry.js'

/** One load under way. */
export interface Load {
  readonly id: string
  readonly flight: Flight<unknown>
  /** The logical time it began: an invalidation after it outranks what it brings. */
  readonly startSeq: number
  readonly startedAt: number
  /** The loader is in its synchronous part. */
  starting: boolean
  /** Nobody else joins and nothing is kept: the key was written, deleted or cleared meanwhile. */
  void: boolean
  ended: boolean
  /** Callers beside the first get a copy each. */
  readersGetCopies: boolean
  /** The cells of the value, known at the end; `undefined` if they could not be told. */
  cells: readonly Cell[] | undefined
  /** The load failed and a stale value stood in. */
  servedStale: boolean
  readonly replaces: Entry | undefined
  /** Whether the old value may stand in for a failed load. */
  readonly mayStandIn: boolean
  /** A refresh behind a stale answer: nobody waits. */
  readonly background: boolean
  timer: unknown
}
