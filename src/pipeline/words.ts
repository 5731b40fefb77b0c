/** What a hop came to. `degraded` is a usable value that is not the fresh answer. */
export type HopStatus = 'ok' | 'degraded' | 'failed' | 'skipped' | 'cancelled'

/** A hop's status while the run goes on, or what it came to. */
export type HopPhase = HopStatus | 'pending' | 'queued' | 'running'

/** Where a hop's value came from. */
export type HopSource = 'live' | 'cache' | 'stale' | `provider:${string}` | 'function' | 'default'

/** Why a hop is not `ok`. */
export type HopReason =
  | 'timeout'
  | 'deadline'
  | 'error'
  | 'contract_input'
  | 'contract_output'
  | 'breaker_open'
  | 'rate_limited'
  | 'retry_budget_exhausted'
  | 'queue_full'
  | 'auth'
  | 'upstream_failed'
  | 'condition_false'
  | 'disabled'
  | 'aborted'
  | 'sibling_failed'
  | 'run_cached'

/** What a run came to. `timeout`: its deadline passed; `cancelled`: its caller's signal aborted. */
export type RunStatus = 'ok' | 'degraded' | 'failed' | 'cancelled' | 'timeout'

/** Where a run's output came from. `live`: its hops ran, or those of an equal run that was under way. */
export type RunSource = 'live' | 'cache' | 'stale'

/** What a hop's cache did: a {@link ReadStatus} of the namespace, or `off`. */
export type HopCacheStatus = 'hit' | 'stale' | 'revalidated' | 'miss' | 'coalesced' | 'bypass' | 'off'

/** What became of one attempt. */
export type AttemptOutcome = 'ok' | 'error' | 'timeout' | 'aborted' | 'refused'
