import { formatDuration } from '../runtime/duration.js'
import type { ScopeOption } from './call-options.js'
import { visibleTags } from './cells.js'
import { About } from './entry.js'
import { ttlOf } from './policy.js'
import { identify } from './read.js'
import type { SettingSource } from './setting-source.js'
import type { NamespaceState } from './state.js'
import { freshnessOf, timesOf, validEntry } from './valid.js'
import type { MissCause } from './words.js'

/** Why a key is or is not there. */
export interface Explanation {
  readonly key: string
  readonly cached: boolean
  /** What a read would be now, as far as memory tells. */
  readonly next:
    | 'hit'
    | 'hit and refresh'
    | 'stale and refresh'
    | 'load, stale if it fails'
    | 'load'
    | 'ask the shared store, load if it has nothing'
  /** Why it would have to load. */
  readonly missCause: MissCause | undefined
  readonly ageMs: number | undefined
  /** Until the end of the ttl; `null` if it has none. */
  readonly ttlMs: number | null | undefined
  readonly loadMs: number | undefined
  readonly bytes: number | undefined
  readonly tags: readonly string[]
  /** The settings in force, and who has said them. */
  readonly settings: SettingsInForce
  /** One sentence for people. */
  readonly text: string
}

/** Lifetime and size of a namespace. A call, or the loader, may have said otherwise of one entry's lifetime. */
export interface SettingsInForce {
  /** `null` if it never ends, `undefined` if a function decides. */
  readonly ttlMs: number | null | undefined
  readonly ttlFrom: SettingSource
  readonly max: number
  readonly maxFrom: SettingSource
}

/** Tells what a read of a key would be now, and why. Changes nothing, counts nothing. */
export function explainEntry(state: NamespaceState, input: unknown, options: ScopeOption | undefined): Explanation {
  const id = identify(state, input, options?.scope)
  const key = state.keyer.text(id)
  const entry = validEntry(state, id, 'peek')
  const now = state.clock.now()
  const settings = settingsOf(state)
  const freshness = entry === undefined ? 'dead' : freshnessOf(state, entry, now)
  if (entry === undefined || freshness === 'dead') {
    const missCause =
      entry === undefined ? (state.ghost.peek(id) ?? (state.ghost.forgot ? 'unknown' : 'never')) : 'expired'
    const next = state.shared === undefined ? 'load' : 'ask the shared store, load if it has nothing'
    return {
      key,
      cached: false,
      next,
      missCause,
      ageMs: undefined,
      ttlMs: undefined,
      loadMs: undefined,
      bytes: undefined,
      tags: [],
      settings,
      text: `${state.shared === undefined ? 'Not cached' : 'Not in memory'} (${missCause}): the next read ${missText(state, id)}.`,
    }
  }
  const next = NEXT[freshness]
  const times = timesOf(entry)
  const about = entry.about instanceof About ? entry.about : undefined
  const ageMs = Math.max(0, now - times.storedAt)
  const ttlMs = times.freshUntil === Infinity ? null : Math.max(0, times.freshUntil - now)
  const life =
    ttlMs === null ? 'never expires' : ttlMs === 0 ? 'past its ttl' : `fresh for ${formatDuration(ttlMs)} more`
  return {
    key,
    cached: true,
    next,
    missCause: undefined,
    ageMs,
    ttlMs,
    loadMs: about?.loadMs,
    bytes: entry.bytes,
    tags: about === undefined ? [] : visibleTags(about.cells),
    settings,
    text: `Stored ${formatDuration(ageMs)} ago, ${life}; the next read is: ${next}.`,
  }
}

function missText(state: NamespaceState, id: string): string {
  if (state.loads.has(id)) return 'joins the load under way'
  const load = state.recording.mode === 'replay' ? "fails (mode 'replay')" : 'loads'
  return state.shared === undefined ? load : `asks the shared store, and ${load} if it has nothing`
}

function settingsOf({ live: { policy } }: NamespaceState): SettingsInForce {
  const { sources, max } = policy
  return { ttlMs: ttlOf(policy), ttlFrom: sources.ttl, max, maxFrom: sources.max }
}

const NEXT = {
  fresh: 'hit',
  refresh: 'hit and refresh',
  stale: 'stale and refresh',
  'error-only': 'load, stale if it fails',
} as const
