import type { Entry } from './entry.js'
import type { Load } from './load-record.js'
import type { SharedFlight } from './shared-flight.js'
import { leads, type Pursuit, pursue } from './shared-lease.js'
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
  /** Whether the loader runs where nothing is found. */
  readonly mayLoad: boolean
}

/** What memory holds, if the store turned out to be away: then it may be served after all. */
export function heldInOutage(state: NamespaceState, tier: SharedSide, id: string): Entry | undefined {
  return tier.link.away ? validEntry(state, id) : undefined
}

/**
 * Takes a load through the shared store: read, and only if nothing there will do, token and loader. Where loads of the
 * cluster lead and follow, whoever follows begins anew at each news: as if he came then.
 */
export async function runThroughStore(
  state: NamespaceState,
  tier: SharedSide,
  load: Load,
  accept: Acceptance,
  steps: LoadSteps,
): Promise<void> {
  const stores = accept.mayLoad && !load.noStore
  // A forced load is everybody's own: it shares the lease that is there, as saves do.
  const follows = stores && !accept.forceFresh && leads(state, tier)
  const followUntil = tier.clock.now() + state.live.policy.hardTimeoutMs
  const pursuit: Pursuit = {
    changes: 0,
    alone: false,
    keepsAlive: () => load.flight.awaited,
    stop: undefined,
  }
  let flight = enter(state, tier, load, pursuit)
  for (;;) {
    const takesToken = stores && !leads(state, tier)
    const found = (await readShared(state, tier, load.id, flight, takesToken)) ?? heldInOutage(state, tier, load.id)
    if (load.ended || (found !== undefined && serves(tier, state, load, found, accept, steps))) return
    if (!follows) break
    if (tier.clock.now() >= followUntil) pursuit.alone = true
    const next = await pursue(tier, flight, pursuit)
    if (load.ended) return leave(tier, flight)
    if (next === 'load') break
    endShared(state, tier, load.id, flight)
    flight = enter(state, tier, load, pursuit)
  }
  if (stores) await takeToken(state, tier, flight)
  if (load.ended) leave(tier, flight)
  else steps.runLoader()
}

/** Begins a way through the store. A load that follows begins one after each wait, and counts as begun then. */
function enter(state: NamespaceState, tier: SharedSide, load: Load, pursuit: Pursuit): SharedFlight {
  const flight = beginShared(state, tier, load.id, 'load')
  if (load.shared !== undefined) renewLoad(state, load)
  load.shared = flight
  load.onEnd = () => {
    pursuit.stop?.()
    endShared(state, tier, load.id, flight)
  }
  return flight
}

/** What was invalidated while it waited concerns those who came before: they read again. Who comes from here on may join. */
function renewLoad(state: NamespaceState, load: Load): void {
  load.startSeq = state.coherence.seq
  load.void = false
  if (state.loads.has(load.id) || load.noStore) return
  load.generation = state.coherence.generation
  state.loads.set(load.id, load)
}

/** A lease that came when nobody waited any more. */
function leave(tier: SharedSide, flight: SharedFlight): void {
  if (flight.token !== undefined) void tier.leases.release(flight.token, 'lead')
}

function serves(
  tier: SharedSide,
  state: NamespaceState,
  load: Load,
  found: Entry,
  accept: Acceptance,
  steps: LoadSteps,
): boolean {
  const now = tier.clock.now()
  const freshness = freshnessOf(state, found, now)
  // A refresh wants a newer value than the one it is to replace, and one that is fresh: another process may have been first.
  const isRefresh = load.missCause === undefined && load.replaces !== undefined
  if (isRefresh && (found === load.replaces || freshness === 'stale')) return false
  if (freshness === 'error-only') load.replaces = found
  else if (freshness !== 'dead' && !accept.forceFresh && now - timesOf(found).storedAt <= accept.maxAgeMs) {
    steps.serve(found, freshness)
    return true
  }
  return false
}
