import { type CacheOperation, createOutcome, errorTag, publishOutcome } from './outcome.js'
import type { NamespaceState } from './state.js'
import type { WriteResult } from './words.js'

/** Runs a write or an invalidation and, if somebody listens, publishes what it came to. */
export async function observed(
  state: NamespaceState,
  operation: CacheOperation,
  key: unknown,
  run: () => WriteResult | Promise<WriteResult>,
): Promise<WriteResult> {
  if (!state.channel.hasSubscribers) return run()
  const outcome = createOutcome(operation, state.name)
  const startedAt = state.clock.now()
  try {
    const result = await run()
    outcome.status = result.memory === 'failed' || result.store === 'failed' ? 'failed' : 'done'
    if (result.store === 'queued') outcome.degraded = ['store:queued']
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

function labelOf(state: NamespaceState, key: unknown): string | undefined {
  if (key === undefined) return undefined
  try {
    return state.keyer.label(state.keyer.id(key, state.scopeOf?.(key)))
  } catch {
    return undefined
  }
}
