import { type CacheOperation, type CacheOutcome, createOutcome, errorTag, publishOutcome } from './outcome.js'
import type { NamespaceState } from './state.js'
import type { WriteResult } from './words.js'

/** Runs a write or an invalidation and, if somebody listens, publishes what it came to. */
export function observed(
  state: NamespaceState,
  operation: CacheOperation,
  key: KeyAt | undefined,
  run: () => WriteResult | Promise<WriteResult>,
): Promise<WriteResult> {
  return observedAs(state, operation, key, run, (outcome, result) => {
    outcome.status = result.memory === 'failed' || result.store === 'failed' ? 'failed' : 'done'
    if (result.store === 'queued') outcome.degraded = ['store:queued']
  })
}

/** Runs any operation and, if somebody listens, publishes what `describe` makes of its result. */
export async function observedAs<T>(
  state: NamespaceState,
  operation: CacheOperation,
  key: KeyAt | undefined,
  run: () => T | Promise<T>,
  describe: (outcome: CacheOutcome, result: T) => void,
): Promise<T> {
  if (!state.channel.hasSubscribers) return run()
  const outcome = createOutcome(operation, state.name)
  const startedAt = state.clock.now()
  try {
    const result = await run()
    describe(outcome, result)
    return result
  } catch (error) {
    outcome.status = 'failed'
    outcome.error = errorTag(error)
    throw error
  } finally {
    outcome.key = labelOf(state, key)
    outcome.durationMs = state.clock.now() - startedAt
    publishOutcome(state.channel, outcome)
  }
}

/** A key as the caller gave it, and its partition. */
interface KeyAt {
  readonly key: unknown
  readonly scope: string | undefined
}

function labelOf(state: NamespaceState, at: KeyAt | undefined): string | undefined {
  if (at === undefined) return undefined
  try {
    return state.keyer.label(state.keyer.id(at.key, at.scope ?? state.scopeOf?.(at.key)))
  } catch {
    return undefined
  }
}
