import type { Duration } from '../runtime/duration.js'
import type { UsageMeter } from './usage-meter.js'
import type { ReadStatus } from './words.js'

/** What a record read came to. `status` tells a hit from a load; `ageMs` is 0 for what was just loaded. */
export interface RecordOutcome<R> {
  readonly value: R
  readonly status: ReadStatus
  readonly ageMs: number
}

/** Options of one record load. */
export interface RecordOptions<R> {
  readonly ttl?: Duration
  readonly tags?: readonly string[]
  readonly scope?: string
  readonly signal?: AbortSignal
  /** How long after its ttl the entry is kept for {@link Records.stale}. */
  readonly keepStaleFor?: Duration
  /** Whether a loaded value may be stored; `false` leaves no trace of it. */
  readonly cacheable?: (value: R) => boolean
}

/** What the loader of a record is given. */
export interface RecordContext {
  /** Aborts when nobody waits any more. */
  readonly signal: AbortSignal
  /** Counts what the upstream call used, for the savings in the namespace's `stats()`. */
  readonly usage: UsageMeter
}

/**
 * Records of one hop, wire format or route inside a namespace: under a key part of their own, of a type of their own,
 * bounded and invalidated with the namespace.
 */
export interface Records<R> {
  /** Cache-aside that tells what happened. Concurrent equal loads share one call. */
  load(
    key: unknown,
    loader: (context: RecordContext) => Promise<R>,
    options?: RecordOptions<R>,
  ): Promise<RecordOutcome<R>>
  /** The kept value, expired or not, if it is not older than `maxAgeMs` after its ttl. Never one that was deleted. */
  stale(key: unknown, maxAgeMs: number, options?: { readonly scope?: string }): Promise<RecordOutcome<R> | undefined>
}

/** What hops, wire formats and routes ask of a namespace. */
export interface RecordHost {
  readonly name: string
  records<R>(name: string): Records<R>
}
