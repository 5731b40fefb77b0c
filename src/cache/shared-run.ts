import type { Entry } from './entry.js'
import type { Load } from './load-record.js'
import { beginShared, endShared, readShared, takeToken } from './shared-load.js'
import type { NamespaceState, SharedSide } from './state.js'
import { freshnessOf, timesOf, validEntry } from './valid.js'

/** What a load does once the store has been asked. */
export interface LoadSteps {
  /** Nothing usable there: the loader runs. */
  runLoader(): void
  /** The store had it. */
  serve(entry: Entry, freshness: 'fresh' | 'refresh' | 'stale'): void
}

/** What of a stored entry does for this load. */
export interface Acceptance {
  readonly forceFresh: boolean
  readonly maxAgeMs: number
}

/** What memory holds, if the store turned out to be away: then it may be served after all. */
export function heldInOutage(state: NamespaceState, tier: SharedSide, id: string): Entry | undefined {
  return tier.link.away ? validEntry(state, id) : undefined
}

/** Takes a load through the shared store: read, and only if nothing there will do, token and loader. */
export async function runThroughStore(
  state: NamespaceState,
  tier: SharedSide,
  load: Load,
  accept: Acceptance,
  steps: LoadSteps,
): Promise<void> {
  const flight = beginShared(state, tier, load.id, 'load')
  load.shared = flight
  load.onEnd = () => endShared(state, tier, load.id, flight)
  const found = (await readShared(state, tier, load.id, flight, true)) ?? heldInOutage(state, tier, load.id)
  if (load.ended) return
  if (found !== undefined) {
    const now = tier.clock.now()
    const freshness = freshnessOf(state, found, now)
    if (freshness === 'error-only') load.replaces = found
    else if (freshness !== 'dead' && !accept.forceFresh && now - timesOf(found).storedAt <= accept.maxAgeMs) {
      steps.serve(found, freshness)
      return
    }
  }
  await takeToken(state, tier, flight)
  if (!load.ended) steps.runLoader()
}
