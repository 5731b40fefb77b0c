import type { Flight } from '../resilience/single-flight.js'
import type { Cell } from './cells.js'
import type { Entry } from './entry.js'
import type { SharedFlight } from './shared-flight.js'
import type { MissCause } from './words.js'

/** What a load begins with. */
export interface LoadStart {
  readonly id: string
  readonly flight: Flight<unknown>
  readonly startSeq: number
  readonly startedAt: number
  readonly generation: number
  readonly replaces: Entry | undefined
  readonly mayStandIn: boolean
  readonly noStore: boolean
  readonly missCause: MissCause | undefined
}

/**
 * One load under way.
 *
 * A class, as is whatever else lives about as long as a round trip: of object literals the engine notes where they are made,
 * and once a burst of them has outlived a collection it makes all later ones there in old memory, where each then keeps its
 * value, its promise and its closures alive for seconds. That cost a third of a read's time.
 */
export class Load {
  readonly id: string
  /** Where it is among those that run. */
  place = -1
  readonly flight: Flight<unknown>
  /** The logical time it began: an invalidation after it outranks what it brings. */
  startSeq: number
  readonly startedAt: number
  /** The coherence generation it began in. */
  generation: number
  /** The loader is in its synchronous part. */
  starting = true
  /** Nobody else joins and nothing is kept: the key was written, deleted or cleared meanwhile. */
  void = false
  ended = false
  /** Callers beside the first get a copy each, of `source`: the first may have changed what he got. */
  readersGetCopies = false
  source: unknown = undefined
  /** Callers beside the first, counted for the statistics. */
  joiners = 0
  /** The flight's promise, for callers that ask for nothing special; and what gives each its own of it. */
  plain: Promise<unknown> | undefined = undefined
  handOut: ((value: unknown) => unknown) | undefined = undefined
  /** Somebody beside the first caller waits. */
  joined = false
  /** The cells of the value, known at the end; `undefined` if they could not be told. */
  cells: readonly Cell[] | undefined = undefined
  /** The load failed and a stale value stood in. */
  servedStale = false
  replaces: Entry | undefined
  /** Whether the old value may stand in for a failed load. */
  readonly mayStandIn: boolean
  /** Neither a value nor an error of it is remembered. */
  readonly noStore: boolean
  /** Why the reader that began it missed; `undefined` for a refresh behind, and for what became one, which is no miss. */
  missCause: MissCause | undefined
  /** The miss is among those counted. */
  counted = false
  timer: unknown = undefined
  /** The timer keeps the process alive: somebody waits. */
  keepsAlive = false
  /** When `hardTimeout` ends it. */
  timeoutAt = Infinity
  /** Its way through the shared store, where there is one. */
  shared: SharedFlight | undefined = undefined
  /** The shared store had the value: how fresh it was. */
  found: 'fresh' | 'refresh' | 'stale' | undefined = undefined
  /** Settles when the store has answered the write, or will not: callers who joined late wait for it. */
  published: Promise<boolean> | undefined = undefined
  onEnd: (() => void) | undefined = undefined
  /** Called where it waits for the load of another process. */
  onFollow: (() => void) | undefined = undefined
  /** Called where the shared store had a value that is past its ttl, or near its end: it has been served. */
  refresh: (() => void) | undefined = undefined

  constructor(start: LoadStart) {
    this.id = start.id
    this.flight = start.flight
    this.startSeq = start.startSeq
    this.startedAt = start.startedAt
    this.generation = start.generation
    this.replaces = start.replaces
    this.mayStandIn = start.mayStandIn
    this.noStore = start.noStore
    this.missCause = start.missCause
  }
}
