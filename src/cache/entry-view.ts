import type { ScopeOption } from './call-options.js'
import { visibleTags } from './cells.js'
import { About, type Entry } from './entry.js'
import type { FoundEntry } from './found-entry.js'
import type { Freshness } from './freshness.js'
import { identify } from './read.js'
import type { NamespaceState } from './state.js'
import { freshnessOf, removeAs, slide, timesOf, validEntry, valueFor } from './valid.js'

/** A cached value and what is known about it. */
export interface EntryView<V> {
  readonly value: V
  readonly status: 'hit' | 'stale'
  readonly tier: 'memory' | 'store'
  /** Since it was stored, ms. */
  readonly ageMs: number
  /** Until it is no longer fresh, ms; `null` if never, 0 if it is stale. */
  readonly ttlMs: number | null
  readonly tags: readonly string[]
  /** The key as it would be stored. */
  readonly key: string
  readonly degraded: readonly string[]
}

const NOTHING: readonly string[] = Object.freeze([])

/** The fresh value of a key in memory, or `undefined`; counts as a read. A key without a canonical form has none. */
export function freshValue(state: NamespaceState, key: unknown, options: ScopeOption | undefined): unknown {
  const id = idForRead(state, key, options)
  if (id === undefined) return undefined
  const held = state.memory.get(id)
  // As in `getOrSet`: entries whose readers get copies, or whose lifetime a read moves, have a `checkAt` in the past.
  if (held !== undefined && held.generation === state.coherence.generation && state.clock.coarse() < held.checkAt) {
    state.counters.hits++
    return held.value
  }
  const entry = validEntry(state, id)
  if (entry !== undefined) {
    const freshness = freshnessNow(state, entry)
    if (freshness === 'fresh' || freshness === 'refresh') {
      state.counters.hits++
      if (state.live.policy.sliding) slide(entry, Math.floor(state.clock.now()), state.live.policy.maxTtlMs)
      return valueFor(entry)
    }
    if (freshness === 'dead') removeAs(state, id, 'expired')
  }
  const cause = entry === undefined ? state.ghost.peek(id) : 'expired'
  state.counters.misses++
  state.counters.missCauses[cause ?? (state.ghost.forgot ? 'unknown' : 'never')]++
  return undefined
}

// The coarse clock is late: past `checkAt`, which `expire` moves into the past, only the exact one may decide.
function freshnessNow(state: NamespaceState, entry: Entry): Freshness {
  return state.clock.coarse() < entry.checkAt ? 'fresh' : freshnessOf(state, entry, state.clock.now())
}

/** The entry of a key in memory, stale ones included; `undefined` if there is none. */
export function entryView(
  state: NamespaceState,
  key: unknown,
  options: ScopeOption | undefined,
): EntryView<unknown> | undefined {
  const id = idForRead(state, key, options)
  const entry = id === undefined ? undefined : validEntry(state, id)
  return id === undefined || entry === undefined ? undefined : viewFound(state, { id, entry, tier: 'memory' })
}

/** What is known of an entry that was found; `undefined` if it is past every window. */
export function viewFound(state: NamespaceState, found: FoundEntry): EntryView<unknown> | undefined {
  const { id, entry, tier } = found
  const now = state.clock.now()
  const freshness = freshnessOf(state, entry, now)
  if (freshness === 'dead') return undefined
  const times = timesOf(entry)
  return {
    value: valueFor(entry),
    status: freshness === 'fresh' || freshness === 'refresh' ? 'hit' : 'stale',
    tier,
    ageMs: Math.max(0, now - times.storedAt),
    ttlMs: times.freshUntil === Infinity ? null : Math.max(0, times.freshUntil - now),
    tags: entry.about instanceof About ? visibleTags(entry.about.cells) : NOTHING,
    key: state.keyer.text(id),
    degraded: NOTHING,
  }
}

/** The value of an entry that was found, if it is fresh; counts as a read. */
export function fresh(state: NamespaceState, id: string, found: FoundEntry | undefined): unknown {
  const freshness = found === undefined ? 'dead' : freshnessNow(state, found.entry)
  if (found === undefined || (freshness !== 'fresh' && freshness !== 'refresh')) {
    const cause = found === undefined ? state.ghost.peek(id) : 'expired'
    state.counters.misses++
    state.counters.missCauses[cause ?? (state.ghost.forgot ? 'unknown' : 'never')]++
    return undefined
  }
  state.counters.hits++
  if (state.live.policy.sliding) slide(found.entry, Math.floor(state.clock.now()), state.live.policy.maxTtlMs)
  return valueFor(found.entry)
}

/** The id of a key; `undefined`, and counted, for one without a canonical form: reads bypass the cache then. */
export function idForRead(state: NamespaceState, key: unknown, options: ScopeOption | undefined): string | undefined {
  try {
    return identify(state, key, options?.scope)
  } catch (error) {
    if (state.live.policy.strict || state.requireScope) throw error
    state.counters.bypassed++
    return undefined
  }
}
