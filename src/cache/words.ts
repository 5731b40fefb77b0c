/** How a read was answered. */
export type ReadStatus = 'hit' | 'stale' | 'revalidated' | 'miss' | 'coalesced' | 'bypass'

/** Where the value of a read came from. */
export type Tier = 'memory' | 'store' | 'loader'

/** What became of a write or a delete in one tier. */
export type TierResult = 'done' | 'queued' | 'failed' | 'none'

/** Result of a write or a delete, per tier. */
export interface WriteResult {
  readonly memory: TierResult
  readonly store: TierResult
}

/** Why a read missed; beyond what a bounded memory of key digests can tell, `unknown`. */
export type MissCause = 'never' | 'expired' | 'evicted' | 'invalidated' | 'bypass' | 'unknown'
