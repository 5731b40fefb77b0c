import { inThisContext } from '../runtime/async-context.js'
import { parseDuration } from '../runtime/duration.js'
import type { Entry } from './entry.js'
import type { Load } from './load-record.js'
import type { LoadRequest } from './load-request.js'
import type { SharedFlight } from './shared-flight.js'
import { leads, type Pursuit, pursue } from './shared-lease.js'
import { beginShared, endShared, readShared, takeToken } from './shared-load.js'
import type { NamespaceState, SharedSide } from './state.js'
import { freshnessOf, timesOf, validEntry } from './valid.js'

/** What a load does once the store has been asked: functions of the load, made once for all. */
export interface LoadSteps {
  /** Nothing usable there: the loader runs. */
  runLoader(state: NamespaceState, load: Load, request: LoadRequest): void
  /** The store had it. */
  serve(state: NamespaceState, load: Load, entry: Entry, freshness: 'fresh' | 'refresh' | 'stale'): void
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

/**
 * Takes a load through the shared store: read, and only if nothing there will do, token and loader. What goes wrong around
 * the store never fails a load: the loader runs.
 */
export function runThroughStore(
  state: NamespaceState,
  tier: SharedSide,
  load: Load,
  request: LoadRequest,
  steps: LoadSteps,
): void {
  const accept = acceptanceOf(state, request)
  const flight = beginShared(state, tier, load.id, 'load')
  load.shared = flight
  const takesToken = !load.noStore && !leads(state, tier)
  // Replies come together: the loader of each is called as part of whoever asked, as it is without a store.
  const answered = inThisContext((read: Entry | undefined) => {
    let isServed = false
    try {
      isServed = endsWith(state, tier, load, read, accept, steps)
    } catch {
      return rescue(state, load, request, steps)
    }
    if (!isServed) {
      loadAfter(state, tier, load, request, accept, steps).catch(() => rescue(state, load, request, steps))
    }
  })
  readShared(state, tier, load.id, flight, takesToken, answered)
}

function rescue(state: NamespaceState, load: Load, request: LoadRequest, steps: LoadSteps): void {
  if (!load.ended) steps.runLoader(state, load, request)
}

const USUAL: Acceptance = { forceFresh: false, maxAgeMs: Infinity }

function acceptanceOf(state: NamespaceState, { options }: LoadRequest): Acceptance {
  if (options === undefined) return USUAL
  // In a replay nothing can be had that is fresher than what was recorded.
  if (state.recording.mode === 'replay') return USUAL
  const { forceFresh = false, maxAge } = options
  return { forceFresh, maxAgeMs: maxAge === undefined ? Infinity : parseDuration(maxAge, 'maxAge') }
}

/** Whether the load is over: it was given up, or what was read does for it. */
function endsWith(
  state: NamespaceState,
  tier: SharedSide,
  load: Load,
  read: Entry | undefined,
  accept: Acceptance,
  steps: LoadSteps,
): boolean {
  const found = read ?? heldInOutage(state, tier, load.id)
  return load.ended || (found !== undefined && serves(tier, state, load, found, accept, steps))
}

/**
 * The rest of the way of a load for which the store had nothing. Where loads of the cluster lead and follow, whoever follows
 * begins anew at each news: as if he came then.
 */
async function loadAfter(
  state: NamespaceState,
  tier: SharedSide,
  load: Load,
  request: LoadRequest,
  accept: Acceptance,
  steps: LoadSteps,
): Promise<void> {
  const stores = !load.noStore
  let flight = load.shared as SharedFlight
  // A forced load is everybody's own: it shares the lease that is there, as saves do.
  if (stores && !accept.forceFresh && leads(state, tier)) {
    const followUntil = load.startedAt + state.live.policy.hardTimeoutMs
    const pursuit: Pursuit = {
      changes: 0,
      alone: false,
      keepsAlive: () => load.flight.awaited,
      follows: () => load.onFollow?.(),
      stop: undefined,
    }
    load.onEnd = () => pursuit.stop?.()
    for (;;) {
      if (tier.clock.now() >= followUntil) pursuit.alone = true
      const next = await pursue(tier, flight, pursuit)
      if (load.ended) return leave(tier, flight)
      if (next === 'load') break
      endShared(state, tier, load.id, flight)
      flight = beginShared(state, tier, load.id, 'load')
      renewLoad(state, load)
      load.shared = flight
      const reading = flight
      const read = await new Promise<Entry | undefined>((done) =>
        readShared(state, tier, load.id, reading, false, done),
      )
      if (endsWith(state, tier, load, read, accept, steps)) return
    }
  }
  if (stores) await takeToken(state, tier, flight)
  if (load.ended) leave(tier, flight)
  else steps.runLoader(state, load, request)
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
    steps.serve(state, load, found, freshness)
    return true
  }
  return false
}
