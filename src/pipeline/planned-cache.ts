import type { Records } from '../cache/records.js'
import type { HopCache } from './define-hop.js'

/** What is stored for a hop: the answer as it came, so that it can pass the output contract again. */
export interface StoredAnswer {
  readonly raw: unknown
  /** Travels to those who share the load; a tainted answer is never stored. */
  readonly tainted: boolean
}

/** Somebody who waits for an answer of a hop's cache. */
export interface CacheReader {
  readonly deadlineAt: number
  /** Equal for reads that may share a load; empty where the key has no digest. */
  readonly digest: string
}

/** A hop's cache, as all runs of the pipeline share it. */
export interface PlannedCache {
  readonly options: HopCache<unknown>
  readonly records: Records<StoredAnswer>
  readonly readers: Set<CacheReader>
}
