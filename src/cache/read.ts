import { scopeRequired } from '../errors/key-error.js'
import { notCached } from '../errors/load-error.js'
import { linkedController, unlessAborted } from '../runtime/abort.js'
import { keptPromise } from '../runtime/async-context.js'
import { parseDuration } from '../runtime/duration.js'
import { requireLoader } from './argument-checks.js'
import { bypass } from './bypass.js'
import { checkReadOptions, leavesHitsAlone, type ReadOptions } from './call-options.js'
import { About, type Entry } from './entry.js'
import { takeMissBack } from './failed-load.js'
import { findShared } from './find-shared.js'
import type { FoundEntry } from './found-entry.js'
import { join, joinCrowd, joinPlainly, leaveJoined } from './join.js'
import { countMiss, letGo, refuseReentry, startLoad } from './load.js'
import type { Load } from './load-record.js'
import type { LoadRequest } from './load-request.js'
import type { Loader } from './loader.js'
import { tellRefresh, timed, told } from './observe-read.js'
import { type CacheOutcome, createOutcome } from './outcome.js'
import { copyOf } from './ownership.js'
import { TIMED_EVERY, timeHit } from './plain-hit.js'
import type { NamespaceState } from './state.js'
import { freshnessOf, removeAs, slide, timesOf, validEntry } from './valid.js'
import type { MissCause, ReadStatus } from './words.js'

/**
 * Cache-aside. A hit costs one look-up, two comparisons and one increment, and returns the promise kept with the entry.
 *
 * Not `async`, and no key text is built here: both would cost more than the rest together.
 */
export function getOrSet(
  state: NamespaceState,
  key: unknown,
  loader: Loader<unknown>,
  options: ReadOptions | undefined,
): Promise<unknown> {
  let id: string
  try {
    id = identify(state, key, options?.scope)
  } catch (error) {
    return bypass(state, key, loader, options, error)
  }
  const { crowd } = state.loads
  if (crowd !== undefined && crowd.id === id && options === undefined && !state.channel.hasSubscribers) {
    const joined = joinCrowd(state, crowd)
    if (joined !== undefined) return joined
  }
  const entry = state.memory.get(id)
  if (
    entry !== undefined &&
    entry.generation === state.coherence.generation &&
    state.clock.coarse() < entry.checkAt &&
    (options === undefined || leavesHitsAlone(options)) &&
    !state.channel.hasSubscribers
  ) {
    if ((++state.counters.hits & TIMED_EVERY) === 0) timeHit(state, id)
    entry.promise ??= keptPromise(entry.value)
    return entry.promise
  }
  if (entry === undefined && options === undefined && !state.channel.hasSubscribers) {
    const joined = joinPlainly(state, id)
    if (joined !== undefined) return joined
  }
  return read(state, { id, input: key, loader, options }, undefined)
}

/** The in-process id of a key. @throws {KeyError} `ERR_KEY_UNSUPPORTED`, `ERR_SCOPE_REQUIRED` */
export function identify(state: NamespaceState, key: unknown, scope: string | undefined): string {
  const partition = scope ?? state.scopeOf?.(key)
  // `null`, '' and NaN are what a missing id looks like; whoever lacks one must not share a partition with the others.
  if (state.requireScope && (typeof partition !== 'string' || partition === '')) throw scopeRequired(state.name)
  return state.keyer.id(key, partition)
}

/** A read that has to think, or that somebody watches. `report` is filled before the promise settles. */
export function read(state: NamespaceState, request: LoadRequest, report: CacheOutcome | undefined): Promise<unknown> {
  const watched = report !== undefined || state.channel.hasSubscribers
  const outcome = watched ? (report ?? createOutcome('getOrSet', state.name)) : undefined
  const startedAt = state.clock.now()
  let answer: Promise<unknown>
  try {
    requireLoader(request.loader)
    if (request.options !== undefined) checkReadOptions(request.options)
    answer = decide(state, request, outcome, startedAt)
  } catch (error) {
    answer = Promise.reject(error)
  }
  if (outcome === undefined) return answer
  if (state.channel.hasSubscribers) outcome.key = state.keyer.label(request.id)
  return told(state, outcome, startedAt, answer)
}

function decide(
  state: NamespaceState,
  request: LoadRequest,
  outcome: CacheOutcome | undefined,
  now: number,
): Promise<unknown> {
  const { options, id } = request
  if (options?.signal?.aborted) return Promise.reject(options.signal.reason)
  const entry = validEntry(state, id)
  const cause = entry === undefined ? undefined : refusal(entry, request, now)
  if (entry !== undefined && cause === undefined) {
    const freshness = freshnessOf(state, entry, now)
    if (freshness === 'fresh') return serve(state, entry, 'hit', outcome, now)
    if (freshness === 'refresh' || freshness === 'stale') {
      refreshBehind(state, request, entry, now)
      return serve(state, entry, freshness === 'refresh' ? 'hit' : 'stale', outcome, now)
    }
    if (freshness === 'dead') {
      removeAs(state, id, 'expired')
      return miss(state, request, undefined, undefined, outcome, now)
    }
    if (request.keepStaleForMs === undefined) return serveOrLoad(state, request, entry, outcome, now)
  }
  return miss(state, request, entry, cause, outcome, now)
}

/** Why a valid entry does not do for this call. */
function refusal(entry: Entry, request: LoadRequest, now: number): MissCause | undefined {
  const { options } = request
  if (options?.forceFresh === true) return 'bypass'
  if (options?.maxAge === undefined) return undefined
  return now - timesOf(entry).storedAt > parseDuration(options.maxAge, 'maxAge') ? 'expired' : undefined
}

/** Past its ttl, within `staleIfError`: load, and let the old value stand in if that fails or takes too long. */
function serveOrLoad(
  state: NamespaceState,
  request: LoadRequest,
  entry: Entry,
  outcome: CacheOutcome | undefined,
  now: number,
): Promise<unknown> {
  const about = entry.about as About
  if (now < about.retryAt || request.options?.onlyIfCached === true) return serve(state, entry, 'stale', outcome, now)
  const soft = request.options?.softTimeout
  const softMs = soft === undefined ? state.live.policy.softTimeoutMs : parseDuration(soft, 'softTimeout')
  if (softMs === undefined) return miss(state, request, entry, 'expired', outcome, now)
  // Ends this caller's wait for the load, not the load.
  const wait = linkedController(request.options?.signal)
  const awaiting = { ...request, options: { ...request.options, signal: wait.signal } }
  const running = state.loads.get(request.id)
  const loaded = miss(state, awaiting, entry, 'expired', outcome, now)
  const awaited = request.options?.noStore === true ? undefined : state.loads.get(request.id)
  return new Promise((resolve, reject) => {
    const timer = state.clock.setTimer(
      () => {
        // Deleted, invalidated or replaced meanwhile: then only the load can answer.
        if (validEntry(state, request.id, 'peek') !== entry) return
        const load = state.loads.get(request.id)
        load?.flight.pin()
        // One answer, counted once: neither a miss nor a load that was waited for.
        if (awaited !== undefined && awaited === running) leaveJoined(state, awaited)
        else if (awaited !== undefined) takeMissBack(state, awaited)
        resolve(serve(state, entry, 'stale', outcome, state.clock.now()))
        wait.abort()
        if (load !== undefined) letGo(state, load)
      },
      softMs,
      true,
    )
    loaded.then(resolve, reject).finally(() => {
      state.clock.clearTimer(timer)
      wait.release()
    })
  })
}

function serve(
  state: NamespaceState,
  entry: Entry,
  status: 'hit' | 'stale',
  outcome: CacheOutcome | undefined,
  now: number,
): Promise<unknown> {
  const { counters, clock } = state
  if (outcome !== undefined) describe(outcome, entry, status, now)
  if (state.live.policy.sliding && status === 'hit') slide(entry, Math.floor(now), state.live.policy.maxTtlMs)
  const answer = answerOf(entry)
  if (status === 'stale') {
    counters.stale++
    counters.staleTimes.record(clock.now() - now)
  } else if ((++counters.hits & TIMED_EVERY) === 0) counters.hitTimes.record(clock.now() - now)
  return answer
}

function answerOf(entry: Entry): Promise<unknown> {
  if (entry.about instanceof About && entry.about.readersGetCopies) return Promise.resolve(copyOf(entry.value))
  entry.promise ??= keptPromise(entry.value)
  return entry.promise
}

function describe(outcome: CacheOutcome, entry: Entry, status: ReadStatus, now: number): void {
  const times = timesOf(entry)
  outcome.status = status
  outcome.tier = 'memory'
  outcome.ageMs = Math.max(0, now - times.storedAt)
  outcome.ttlMs = Math.max(0, times.freshUntil - now)
}

/** A refresh nobody waits for. One at a time a key, and none while the last failure is recent. */
export function refreshBehind(state: NamespaceState, request: LoadRequest, entry: Entry, now: number): void {
  if (state.live.closed || state.loads.has(request.id) || (entry.about as About).retryAt > now) return
  if (request.options?.onlyIfCached === true || request.options?.noStore === true) return
  state.counters.refreshes++
  // The caller's signal ends its own wait, not a refresh for everybody.
  const { signal: _signal, ...options } = request.options ?? {}
  const load = startLoad(state, { ...request, options }, entry)
  load.flight.pin()
  state.waitUntil(load.flight.promise.then(ignore, ignore))
  if (state.channel.hasSubscribers) tellRefresh(state, load)
}

function miss(
  state: NamespaceState,
  request: LoadRequest,
  replaces: Entry | undefined,
  cause: MissCause | undefined,
  outcome: CacheOutcome | undefined,
  now: number,
): Promise<unknown> {
  const remembered = state.negatives.get(request.id)
  if (remembered !== undefined && request.options?.forceFresh !== true) {
    if (now < remembered.until && remembered.generation === state.coherence.generation)
      return Promise.reject(remembered.error)
    state.negatives.delete(request.id)
  }
  const running = request.options?.noStore ? undefined : state.loads.get(request.id)
  if (running !== undefined) {
    if (request.options?.forceFresh !== true) return join(state, running, request, outcome)
    refuseReentry(state, running)
  }
  const why = cause ?? state.ghost.take(request.id) ?? (state.ghost.forgot ? 'unknown' : 'never')
  if (request.options?.onlyIfCached === true) return readKept(state, request, why, outcome)
  const load = startLoad(state, outcome === undefined ? request : timed(state, request, outcome), replaces, why)
  const joined = load.flight.join(request.options?.signal)
  if (state.shared !== undefined) load.refresh = () => refreshFound(state, request)
  if (outcome === undefined) return joined
  outcome.cause = why
  return joined.then((value) => {
    outcome.status = statusOf(load)
    outcome.tier = load.found === undefined ? 'loader' : 'store'
    if (load.servedStale && load.replaces !== undefined) describe(outcome, load.replaces, 'stale', state.clock.now())
    return value
  })
}

/** What memory has not, without a loader. Not a load: nobody may join one that ends with `ERR_NOT_CACHED`. */
function readKept(
  state: NamespaceState,
  request: LoadRequest,
  why: MissCause,
  outcome: CacheOutcome | undefined,
): Promise<unknown> {
  const { shared: tier } = state
  const kept = new Promise<unknown>((resolve, reject) => {
    const end = (found: FoundEntry | undefined): void => {
      const now = state.clock.now()
      const status = found === undefined ? undefined : statusWithoutLoad(state, found.entry, request, now)
      if (found === undefined || status === undefined) {
        countMiss(state, why)
        return void reject(notCached(state.name))
      }
      resolve(serve(state, found.entry, status, outcome, now))
      if (outcome !== undefined) outcome.tier = found.tier
    }
    if (tier === undefined) end(undefined)
    else findShared(state, tier, request.id, end)
  })
  return unlessAborted(kept, request.options?.signal)
}

function statusWithoutLoad(
  state: NamespaceState,
  entry: Entry,
  request: LoadRequest,
  now: number,
): 'hit' | 'stale' | undefined {
  // In a replay nothing can be had that is fresher than what was recorded.
  if (state.recording.mode !== 'replay' && refusal(entry, request, now) !== undefined) return undefined
  const freshness = freshnessOf(state, entry, now)
  if (freshness === 'dead' || (freshness === 'error-only' && request.keepStaleForMs !== undefined)) return undefined
  return freshness === 'fresh' || freshness === 'refresh' ? 'hit' : 'stale'
}

/** What the shared store had is past its ttl, or near its end: it has been served, and is refreshed behind. */
function refreshFound(state: NamespaceState, request: LoadRequest): void {
  const entry = validEntry(state, request.id, 'peek')
  if (entry !== undefined) refreshBehind(state, request, entry, state.clock.now())
}

function statusOf(load: Load): ReadStatus {
  if (load.servedStale || load.found === 'stale') return 'stale'
  if (load.found !== undefined) return 'hit'
  return load.replaces === undefined ? 'miss' : 'revalidated'
}

function ignore(): void {}
