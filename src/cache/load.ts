import { loadReentrant, loadTimeout } from '../errors/load-error.js'
import { valueUnsupported } from '../errors/value-error.js'
import { Flight } from '../resilience/single-flight.js'
import { MAX_TIMER_MS } from '../runtime/clock.js'
import { parseDuration } from '../runtime/duration.js'
import { isThenable } from '../runtime/thenable.js'
import { outranked } from './cells.js'
import { About, type Entry } from './entry.js'
import { rememberError, standIn, takeMissBack } from './failed-load.js'
import { judge } from './judge.js'
import { keep } from './keep.js'
import { Load } from './load-record.js'
import type { LoadRequest } from './load-request.js'
import { LoadContext } from './loader.js'
import { describing, missedReplay } from './mode.js'
import { copyOf, MAX_OWNED_BYTES, own } from './ownership.js'
import { isHeld, runHolding } from './reentrancy.js'
import { countRefused, fitsMemory } from './refusals.js'
import { endShared } from './shared-load.js'
import { type Publication, publishShared } from './shared-publish.js'
import { type LoadSteps, runThroughStore } from './shared-run.js'
import type { NamespaceState, SharedSide } from './state.js'
import { valueFor } from './valid.js'
import type { MissCause } from './words.js'

/** Begins a load and takes the key's place in flight. The caller joins it. */
export function startLoad(
  state: NamespaceState,
  request: LoadRequest,
  replaces: Entry | undefined,
  missCause?: MissCause,
): Load {
  const { loads, clock, cells } = state
  const load: Load = new Load({
    id: request.id,
    flight: new Flight(() => endLoad(state, load)),
    startSeq: state.coherence.seq,
    startedAt: clock.now(),
    generation: state.coherence.generation,
    replaces,
    mayStandIn: request.keepStaleForMs === undefined,
    noStore: request.options?.noStore === true,
    missCause,
  })
  loads.running.add(load)
  if (!load.noStore) {
    // A newer load of the same key (`forceFresh`) outranks an older one, whichever ends first.
    const older = loads.get(request.id)
    if (older !== undefined) older.void = true
    loads.set(request.id, load)
  }
  cells.loadBegins()
  if (state.shared === undefined) runLoader(state, load, request)
  else askStore(state, state.shared, load, request)
  return load
}

function askStore(state: NamespaceState, tier: SharedSide, load: Load, request: LoadRequest): void {
  load.starting = false
  runThroughStore(state, tier, load, request, STEPS)
}

const STEPS: LoadSteps = { runLoader, serve: serveFound }

/** A read that found nothing, and why. */
export function countMiss(state: NamespaceState, cause: MissCause): void {
  state.counters.misses++
  state.counters.missCauses[cause]++
}

/** The shared store had the value. */
function serveFound(state: NamespaceState, load: Load, entry: Entry, freshness: 'fresh' | 'refresh' | 'stale'): void {
  const about = entry.about as About
  load.found = freshness
  if (load.missCause !== undefined) state.counters[freshness === 'stale' ? 'stale' : 'hits']++
  load.cells = about.cells
  load.readersGetCopies = about.readersGetCopies
  load.source = entry.value
  endLoad(state, load)
  load.flight.resolve(valueFor(entry))
  if (freshness !== 'fresh') load.refresh?.()
}

function runLoader(state: NamespaceState, load: Load, request: LoadRequest): void {
  if (load.missCause !== undefined) {
    countMiss(state, load.missCause)
    load.counted = true
  }
  if (state.recording.mode === 'replay') {
    void missedReplay(state, request).then((error) => fail(state, load, error))
    return
  }
  state.counters.loads++
  load.starting = true
  const timeout = request.options?.hardTimeout
  const timeoutMs = timeout === undefined ? state.live.policy.hardTimeoutMs : parseDuration(timeout, 'hardTimeout')
  // A longer one than a timer can hold is as good as none.
  if (timeoutMs <= MAX_TIMER_MS) {
    load.timeoutAt = state.clock.now() + timeoutMs
    // Without a store its first caller has yet to join.
    armTimeout(state, load, load.flight.awaited || (state.shared === undefined && load.missCause !== undefined))
  }
  const context = new LoadContext(state, load, request.input)
  try {
    const result = state.live.policy.detectReentrancy
      ? runHolding(load, () => request.loader(context))
      : request.loader(context)
    load.starting = false
    if (isThenable(result)) {
      result.then(
        (value) => finish(state, load, request, context, value),
        (error) => fail(state, load, error),
      )
    } else finish(state, load, request, context, result)
  } catch (error) {
    load.starting = false
    fail(state, load, error)
  }
}

// A refresh behind keeps no process alive: nobody waits for it. Nor does anything once the stash is closed.
function armTimeout(state: NamespaceState, load: Load, isAwaited: boolean): void {
  const leftMs = Math.max(0, load.timeoutAt - state.clock.now())
  load.keepsAlive = isAwaited && !state.live.closed
  load.timer = state.clock.setTimer(() => timeOut(state, load), leftMs, load.keepsAlive)
}

function timeOut(state: NamespaceState, load: Load): void {
  const error = loadTimeout(state.name, Math.round(load.timeoutAt - load.startedAt))
  load.flight.abort(error)
  fail(state, load, error)
}

/** Somebody joins: from here on the load is waited for, and keeps a value for copies. */
export function awaitLoad(state: NamespaceState, load: Load): void {
  load.joined = true
  if (load.keepsAlive || load.timer === undefined || load.ended) return
  state.clock.clearTimer(load.timer)
  armTimeout(state, load, true)
}

/** A caller has got a stale answer instead: if nobody else waits, the load goes on without keeping the process alive. */
export function letGo(state: NamespaceState, load: Load): void {
  if (!load.flight.awaited) stopKeepingAlive(state, load)
}

function stopKeepingAlive(state: NamespaceState, load: Load): void {
  if (!load.keepsAlive || load.ended) return
  state.clock.clearTimer(load.timer)
  armTimeout(state, load, false)
}

/** The stash is closed: who waits may still get the value, and keeps the process no longer than the loader does. */
export function endAtClose(state: NamespaceState, load: Load, reason: unknown): void {
  load.void = true
  endUnawaited(state, load, reason)
  stopKeepingAlive(state, load)
}

/** Ends a load that nobody waits for: a refresh, or one whose callers were content with a stale value. */
function endUnawaited(state: NamespaceState, load: Load, reason: unknown): void {
  if (load.flight.awaited || load.starting || !endLoad(state, load)) return
  load.flight.abort(reason)
  load.flight.reject(reason)
}

/** The load is over, one way or another; later news of it is ignored. */
function endLoad(state: NamespaceState, load: Load): boolean {
  if (load.ended) return false
  load.ended = true
  if (load.timer !== undefined) state.clock.clearTimer(load.timer)
  if (state.loads.get(load.id) === load) state.loads.delete(load.id)
  state.loads.running.delete(load)
  state.cells.loadEnds()
  load.onEnd?.()
  if (load.shared !== undefined && state.shared !== undefined) endShared(state, state.shared, load.id, load.shared)
  return true
}

function finish(state: NamespaceState, load: Load, request: LoadRequest, context: LoadContext, value: unknown): void {
  if (load.ended || load.flight.settled) return
  try {
    deliver(state, load, request, context, value)
  } catch {
    // A value that throws while it is looked at: its callers get it, and nothing keeps it.
    countRefused(state, 'type')
    endLoad(state, load)
    load.flight.resolve(value)
  }
}

function deliver(state: NamespaceState, load: Load, request: LoadRequest, context: LoadContext, value: unknown): void {
  const { counters } = state
  const { policy } = state.live
  const now = state.clock.now()
  counters.loadTimes.record(now - load.startedAt)
  if (load.missCause !== undefined) counters.missTimes.record(now - load.startedAt)
  const owned = own(value, { isolation: policy.isolation, copy: false, maxBytes: MAX_OWNED_BYTES })
  if ('refused' in owned) {
    countRefused(state, owned.refused)
    nothingToShare(load)
    endLoad(state, load)
    if (policy.strict && owned.refused === 'type') load.flight.reject(valueUnsupported(owned.path, owned.received))
    else load.flight.resolve(value)
    return
  }
  load.readersGetCopies = owned.handOut === 'copy'
  const life = judge(state, load, request, context, value)
  const fits = state.shared !== undefined || life === undefined || fitsMemory(state, owned.bytes)
  const isSource = (life !== undefined && fits) || load.joined
  const kept = load.readersGetCopies && owned.value === value && isSource ? { ...owned, value: copyOf(value) } : owned
  load.source = kept.value
  if (state.shared !== undefined && load.shared !== undefined) {
    if (life === undefined) {
      load.flight.resolve(value)
      nothingToShare(load)
      return void endLoad(state, load)
    }
    // Where memory holds the value before this one, nobody is told the new one and then served the old.
    const published = state.memory.peek(load.id) === undefined ? undefined : () => load.flight.resolve(value)
    if (published === undefined) load.flight.resolve(value)
    else load.flight.pin()
    const describe = describing(state, request)
    publish(state, state.shared, load, { owned: kept, loadMs: now - load.startedAt, describe, ...life }, published)
    return
  }
  if (life !== undefined && fits) {
    const { startSeq, startedAt } = load
    // The spread comes last, here and wherever it is hot: to Node 20 each property behind one costs most of a µs.
    keep(state, load.id, kept, { startSeq, loadMs: now - startedAt, now: Math.floor(now), ...life })
  }
  endLoad(state, load)
  load.flight.resolve(value)
}

/** The flight stays until the store has answered, so that nothing slips in between. Most callers have their value already. */
function publish(
  state: NamespaceState,
  tier: SharedSide,
  load: Load,
  publication: Publication,
  published: (() => void) | undefined,
): void {
  const { shared } = load
  if (shared === undefined) return
  // The loader is done: no time-out ends what it brought, also if somebody joins now.
  if (load.timer !== undefined) state.clock.clearTimer(load.timer)
  load.timer = undefined
  load.keepsAlive = false
  const work = publishShared(state, tier, load.id, shared, publication).catch(() => false)
  load.published = work.then((kept) => {
    load.void ||= !kept
    endLoad(state, load)
    published?.()
    return kept
  })
}

function fail(state: NamespaceState, load: Load, error: unknown): void {
  nothingToShare(load)
  if (!endLoad(state, load)) return
  state.counters.loadErrors++
  const fallback = standIn(state, load)
  if (fallback !== undefined) {
    load.servedStale = true
    if (load.missCause !== undefined) state.counters.stale++
    takeMissBack(state, load)
    load.readersGetCopies = fallback.about instanceof About && fallback.about.readersGetCopies
    load.source = fallback.value
    load.flight.resolve(load.readersGetCopies ? copyOf(fallback.value) : fallback.value)
    return
  }
  state.counters.coalescedInVain += load.joiners
  rememberError(state, load, error)
  load.flight.reject(error)
}

/** Who follows this load in other processes need not wait for the next one either. An invalidation is no reason for that. */
function nothingToShare(load: Load): void {
  const { shared, cells, startSeq } = load
  if (shared === undefined || load.void || (cells !== undefined && outranked(cells, startSeq))) return
  shared.fruitless = true
}

/** @throws {LoadError} `ERR_LOAD_REENTRANT` when a loader asks for the key it is loading. */
export function refuseReentry(state: NamespaceState, load: Load): void {
  if (load.starting || (state.live.policy.detectReentrancy && isHeld(load))) throw loadReentrant(state.name)
}
