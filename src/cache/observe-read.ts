import type { Load } from './load-record.js'
import { type CacheOutcome, createOutcome, errorTag, publishOutcome } from './outcome.js'
import type { NamespaceState } from './state.js'

/** Publishes what a refresh came to: nobody else would hear of one that fails. */
export function tellRefresh(state: NamespaceState, load: Load): void {
  const outcome = createOutcome('refresh', state.name)
  outcome.key = state.keyer.label(load.id)
  outcome.tier = 'loader'
  const tell = (status: 'done' | 'failed', error: CacheOutcome['error']): void => {
    outcome.status = status
    outcome.error = error
    settleOutcome(state, outcome, load.startedAt)
  }
  load.flight.promise.then(
    () => tell(load.servedStale ? 'failed' : 'done', undefined),
    (error) => tell('failed', errorTag(error)),
  )
}

/** Ends an outcome, and publishes it where somebody listens. */
export function settleOutcome(state: NamespaceState, outcome: CacheOutcome, startedAt: number): void {
  outcome.durationMs = state.clock.now() - startedAt
  if (state.channel.hasSubscribers) publishOutcome(state.channel, outcome)
}
