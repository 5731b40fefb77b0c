import { notCached } from '../errors/load-error.js'
import { type Duration, parseDuration } from '../runtime/duration.js'
import { About, type Entry } from './entry.js'
import { awaitLoad, refuseReentry, startLoad } from './load.js'
import type { Load } from './load-record.js'
import type { LoadRequest } from './load-request.js'
import type { CacheOutcome } from './outcome.js'
import { copyOf } from './ownership.js'
import type { NamespaceState } from './state.js'
import { freshnessOf, timesOf, validEntry, valueFor } from './valid.js'

/** Joins a load under way if nothing asks for more thought, without a request, a clock reading or a closure of its own. */
export function joinPlainly(state: NamespaceState, id: string): Promise<unknown> | undefined {
  const load = state.loads.get(id)
  if (load === undefined || load.generation !== state.coherence.generation) return undefined
  if (load.plain === undefined && !openToAll(state, load)) return undefined
  state.loads.crowd = load
  return joinCrowd(state, load)
}

/** The way of the ten thousandth caller of a cold key. */
export function joinCrowd(state: NamespaceState, load: Load): Promise<unknown> | undefined {
  if (load.generation !== state.coherence.generation) return undefined
  state.counters.coalesced++
  load.joiners++
  return load.handOut === undefined ? load.plain : (load.plain as Promise<unknown>).then(load.handOut)
}

/** Opens a load to callers that ask for nothing special, once for all of them. */
function openToAll(state: NamespaceState, load: Load): boolean {
  const { detectReentrancy, isolation } = state.live.policy
  if (load.starting || detectReentrancy || state.shared !== undefined) return false
  awaitLoad(state, load)
  load.plain = load.flight.join()
  if (isolation !== 'share') load.handOut = (value) => handOut(load, value)
  return true
}

/** Shares a load under way; each caller beside the first gets a copy of what cannot be frozen. */
export function join(
  state: NamespaceState,
  load: Load,
  request: LoadRequest,
  outcome: CacheOutcome | undefined,
): Promise<unknown> {
  refuseReentry(state, load)
  awaitLoad(state, load)
  state.counters.coalesced++
  load.joiners++
  if (outcome !== undefined) {
    outcome.status = 'coalesced'
    outcome.tier = 'loader'
  }
  const joined = load.flight.join(request.options?.signal)
  if (state.shared !== undefined) return joinShared(state, load, request, joined)
  // An invalidation since the load began: its value may be from before. This caller must not get it then.
  if (load.startSeq !== state.coherence.seq) {
    return joined.then((value) => (isDead(load) ? again(state, request) : handOut(load, value)))
  }
  return state.live.policy.isolation === 'share' ? joined : joined.then((value) => handOut(load, value))
}

/** A caller who joined has got a stale value instead. */
export function leaveJoined(state: NamespaceState, load: Load): void {
  state.counters.coalesced--
  load.joiners--
}

/**
 * As above, with a shared store. Guard `joiners`: whoever joins after an invalidation, a gap or an outage waits until
 * the flight is over and reads again, because what it brings may be from before, and nobody here would know.
 */
function joinShared(
  state: NamespaceState,
  load: Load,
  request: LoadRequest,
  joined: Promise<unknown>,
): Promise<unknown> {
  if (load.generation === state.coherence.generation) {
    // What the store had may be older than this caller takes.
    const looksAgain = (): boolean => maxAgeOf(state, request) !== undefined && load.found !== undefined
    return joined.then((value) => (looksAgain() ? again(state, request) : handOut(load, value)))
  }
  return joined.then(async () => {
    await load.published
    return again(state, request)
  })
}

function handOut(load: Load, value: unknown): unknown {
  return load.readersGetCopies ? copyOf(load.source) : value
}

function isDead(load: Load): boolean {
  const { cells, startSeq } = load
  return load.void || cells === undefined || cells.some((cell) => cell.hard > startSeq || cell.soft > startSeq)
}

/** A second try: what is kept by now, or else a load that by now began after the caller's call, is new enough. */
function again(state: NamespaceState, request: LoadRequest): Promise<unknown> {
  const entry = validEntry(state, request.id)
  if (entry !== undefined && servesLateJoiner(state, entry, request)) return Promise.resolve(valueFor(entry))
  const running = state.loads.get(request.id)
  if (running === undefined && request.options?.onlyIfCached === true) return Promise.reject(notCached(state.name))
  const load = running ?? startLoad(state, request, entry)
  awaitLoad(state, load)
  return load.flight.join(request.options?.signal).then((value) => handOut(load, value))
}

/** Fresh, or stale while its source is left alone after a failure. */
function servesLateJoiner(state: NamespaceState, entry: Entry, request: LoadRequest): boolean {
  const now = state.clock.now()
  const maxAge = maxAgeOf(state, request)
  if (maxAge !== undefined && now - timesOf(entry).storedAt > parseDuration(maxAge, 'maxAge')) return false
  const freshness = freshnessOf(state, entry, now)
  if (freshness === 'fresh' || freshness === 'refresh') return true
  if (freshness === 'dead' || request.keepStaleForMs !== undefined) return false
  return entry.about instanceof About && now < entry.about.retryAt
}

/** In a replay nothing can be had that is newer than what was recorded. */
function maxAgeOf(state: NamespaceState, { options }: LoadRequest): Duration | undefined {
  return state.recording.mode === 'replay' ? undefined : options?.maxAge
}
