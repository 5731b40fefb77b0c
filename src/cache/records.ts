import type { Duration } from '../runtime/duration.js'
import type { UsageMeter } from './usage-meter.js'
import type { ReadStatus } from './words.js'

/** What a record read came to. `status` tells a hit from a load; `ageMs` is 0 for what was just loaded. */
export interface RecordOutcome<R> {
  readonly value: R
  readonly status: ReadStatus
  readonly ageMs: number
  /** What is left of the ttl of something that was kept; `undefined` for what was just loaded. */
  readonly ttlMs?: number | undefined
}

/** Options of one record load. */
export interface RecordOptions<R> {
  readonly ttl?: Duration | undefined
  readonly tags?: readonly string[] | undefined
  readonly scope?: string | undefined
  /** Whose data the record is, for `stash.forget`. */
  readonly subject?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** How long after its ttl the entry is kept for {@link Records.stale}. */
  readonly keepStaleFor?: Duration | undefined
  /** Whether a loaded value may be stored; `false` leaves no trace of it. */
  readonly cacheable?: ((value: R) => boolean) | undefined
  /** Load again and replace what is there. */
  readonly forceFresh?: boolean | undefined
  /**
   * The key stands for none: called for its caller alone, where the mode lets anybody be called. A `strict` namespace throws
   * the `error`, which is why.
   */
  readonly keyless?: { readonly error: unknown } | undefined
  /** Leave no trace of what is loaded. The load is not shared. */
  readonly noStore?: boolean | undefined
  /** Do not load: reject with `ERR_NOT_CACHED` on a miss. */
  readonly onlyIfCached?: boolean | undefined
  /** Oldest acceptable age of a kept record. */
  readonly maxAge?: Duration | undefined
  readonly staleWhileRevalidate?: Duration | undefined
  readonly staleIfError?: Duration | undefined
  /** Ends a load that does not settle. @defaultValue the namespace's */
  readonly hardTimeout?: Duration | undefined
  /**
   * Whether an expired record stands in for a load that fails, within `staleIfError`. @defaultValue `false`: hops have
   * fallbacks of their own
   */
  readonly standIn?: boolean | undefined
  /** The request as text for people, secrets scrubbed: for stores that keep it beside the entry. Made when it is asked for. */
  readonly describe?: (() => string) | undefined
}

/** What the loader of a record is given. */
export interface RecordContext {
  /** Aborts when nobody waits any more. */
  readonly signal: AbortSignal
  /** Counts what the upstream call used, for the savings in the namespace's `stats()`. */
  readonly usage: UsageMeter
  /** The record that was kept and has expired; it may have been handed out already, with this load behind it. */
  readonly stale: unknown
  /** The lifetime of what this load returns, known only now. */
  setTtl(ttl: Duration): void
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
  /**
   * The kept record, at once, where `load` would need no thought: in memory, fresh, to be handed out as it is, and nobody
   * watches reads. It counts as a hit. `undefined` says nothing: ask `load`.
   */
  hit(key: unknown): RecordOutcome<R> | undefined
  /** {@link Records.hit} of one key, for whoever asks for it often: what is looked up is made once. */
  hitOf(key: unknown): () => RecordOutcome<R> | undefined
  /** The kept value, expired or not, if it is not older than `maxAgeMs` after its ttl. Never one that was deleted. */
  stale(key: unknown, maxAgeMs: number, options?: { readonly scope?: string }): Promise<RecordOutcome<R> | undefined>
}

/** What hops, wire formats and routes ask of a namespace. */
export interface RecordHost {
  readonly name: string
  records<R>(name: string): Records<R>
}
