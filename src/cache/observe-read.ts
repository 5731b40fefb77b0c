import { isThenable } from '../runtime/thenable.js'
import type { Load } from './load-record.js'
import type { LoadRequest } from './load-request.js'
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

/** The same request, of which an outcome hears how long its loader took. */
export function timed(state: NamespaceState, request: LoadRequest, outcome: CacheOutcome): LoadRequest {
  const loader: LoadRequest['loader'] = (context) => {
    const startedAt = state.clock.now()
    const ended = (): void => {
      outcome.loadMs = state.clock.now() - startedAt
    }
    let isUnderWay = false
    try {
      const result = request.loader(context)
      isUnderWay = isThenable(result)
      // Waited for once: some begin anew each time.
      return isUnderWay ? Promise.resolve(result).finally(ended) : result
    } finally {
      if (!isUnderWay) ended()
    }
  }
  return { ...request, loader }
}

/** The same answer; before it settles, its outcome is ended and published. */
export function told(
  state: NamespaceState,
  outcome: CacheOutcome,
  startedAt: number,
  answer: Promise<unknown>,
): Promise<unknown> {
  return answer.then(
    (value) => {
      settleOutcome(state, outcome, startedAt)
      return value
    },
    (error) => {
      outcome.error = errorTag(error)
      settleOutcome(state, outcome, startedAt)
      throw error
    },
  )
}

/** Ends an outcome, and publishes it where somebody listens. */
export function settleOutcome(state: NamespaceState, outcome: CacheOutcome, startedAt: number): void {
  outcome.durationMs = state.clock.now() - startedAt
  // A copy: a loader that nobody waits for any more ends later, and what was published stays as it was.
  if (state.channel.hasSubscribers) publishOutcome(state.channel, { ...outcome })
}
