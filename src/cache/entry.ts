import type { Cell } from './cells.js'

/**
 * One value in memory. Six fields, because there may be a million of them: whatever only some entries need is in
 * {@link About}, which replaces the plain `storedAt` number where there is more to say.
 */
export class Entry<V = unknown> {
  /** The promise every hit returns; made by the first one. Never set where readers get copies. */
  promise: Promise<V> | undefined = undefined
  /** All lifetimes folded into one: the coarse instant from which the hit path has to stop and think. */
  checkAt: number
  /** The coherence generation this entry was last found valid in. */
  generation: number
  // Behind what a hit reads: the former lie in one line of the processor's cache more often.
  readonly value: V
  readonly bytes: number
  readonly about: number | About

  constructor(value: V, checkAt: number, generation: number, bytes: number, about: number | About) {
    this.checkAt = checkAt
    this.generation = generation
    this.value = value
    this.bytes = bytes
    this.about = about
  }
}

/** What is known of an entry beyond value and size. Instants are on the clock's monotonic scale, whole ms. */
export class About {
  readonly storedAt: number
  /** Mutable: a sliding read and `expire` move it. */
  freshUntil: number
  /** When a sliding read last moved the end of the ttl. */
  slidAt: number
  /** A background refresh is due from here on. */
  readonly refreshAt: number
  /** Lengths of the stale windows behind the ttl. */
  readonly staleForMs: number
  readonly errorForMs: number
  /** How long the load took: what a hit saves. */
  readonly loadMs: number
  /** Sequence number taken before the load began; a later invalidation of one of the cells outranks it. */
  readonly startSeq: number
  readonly cells: readonly Cell[]
  readonly readersGetCopies: boolean
  /** How the entry stands to the shared store; absent where there is none. */
  shared: SharedStamp | undefined = undefined
  /** Failures of its refresh in a row; most entries never have any. */
  trouble: { failures: number; retryAt: number } | undefined = undefined

  constructor(init: Omit<About, 'slidAt' | 'trouble' | 'retryAt' | 'shared'>) {
    this.storedAt = init.storedAt
    this.slidAt = init.storedAt
    this.freshUntil = init.freshUntil
    this.refreshAt = init.refreshAt
    this.staleForMs = init.staleForMs
    this.errorForMs = init.errorForMs
    this.loadMs = init.loadMs
    this.startSeq = init.startSeq
    this.cells = init.cells
    this.readersGetCopies = init.readersGetCopies
  }

  /** No refresh is tried before this instant: the last one failed. */
  get retryAt(): number {
    return this.trouble?.retryAt ?? 0
  }
}

/** What an entry in memory remembers of its stored twin. */
export interface SharedStamp {
  /** Write nonce of the stored entry; `undefined` for a value the store never confirmed. */
  readonly id: string | undefined
  /** The store's sequence number from before the load. */
  readonly startSeq: number
  /** The epoch the flight that brought it began in, moved on by each confirmation. */
  epoch: number
  /** What peers call the key. */
  readonly digest: string
  /** The outage a value without an id was kept in. */
  readonly outage: number
}

/**
 * The farthest instant a folded lifetime names: the largest number V8 keeps without a heap cell. An entry that lives
 * longer is looked at again then.
 */
export function horizonFrom(nowMs: number): number {
  return nowMs < 2 ** 30 ? NEAR_HORIZON : Number.MAX_SAFE_INTEGER
}
const NEAR_HORIZON = 2 ** 31 - 1

/** Whether a plain entry's `checkAt` is a horizon and so no end of a ttl. No ttl of a plain entry ends on one. */
export function livesForEver(checkAt: number): boolean {
  return checkAt === NEAR_HORIZON || checkAt === Number.MAX_SAFE_INTEGER
}
