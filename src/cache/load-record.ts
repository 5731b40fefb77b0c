import type { Flight } from '../resilience/single-flight.js'
import type { Cell } from './cells.js'
import type { Entry } from './entry.js'
import type { SharedFlight } from './shared-flight.js'
import type { MissCause } from './words.js'

/** One load under way. */
export interface Load {
  readonly id: string
  readonly flight: Flight<unknown>
  /** The logical time it began: an invalidation after it outranks what it brings. */
  startSeq: number
  readonly startedAt: number
  /** The coherence generation it began in. */
  generation: number
  /** The loader is in its synchronous part. */
  starting: boolean
  /** Nobody else joins and nothing is kept: the key was written, deleted or cleared meanwhile. */
  void: boolean
  ended: boolean
  /** Callers beside the first get a copy each, of `source`: the first may have changed what he got. */
  readersGetCopies: boolean
  source: unknown
  /** Callers beside the first, counted for the statistics. */
  joiners: number
  /** The flight's promise, for callers that ask for nothing special; and what gives each its own of it. */
  plain: Promise<unknown> | undefined
  handOut: ((value: unknown) => unknown) | undefined
  /** Somebody beside the first caller waits. */
  joined: boolean
  /** The cells of the value, known at the end; `undefined` if they could not be told. */
  cells: readonly Cell[] | undefined
  /** The load failed and a stale value stood in. */
  servedStale: boolean
  replaces: Entry | undefined
  /** Whether the old value may stand in for a failed load. */
  readonly mayStandIn: boolean
  /** Neither a value nor an error of it is remembered. */
  readonly noStore: boolean
  /** Why the reader that began it missed; `undefined` for a refresh behind, which is no miss. */
  readonly missCause: MissCause | undefined
  timer: unknown
  /** The timer keeps the process alive: somebody waits. */
  keepsAlive: boolean
  /** When `hardTimeout` ends it. */
  timeoutAt: number
  /** Its way through the shared store, where there is one. */
  shared: SharedFlight | undefined
  /** The shared store had the value: how fresh it was. */
  found: 'fresh' | 'refresh' | 'stale' | undefined
  /** Settles when the store has answered the write, or will not: callers who joined late wait for it. */
  published: Promise<boolean> | undefined
  onEnd: (() => void) | undefined
}
