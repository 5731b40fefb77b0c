import { formatDuration } from '../runtime/duration.js'
import type { ScopeOption } from './call-options.js'
import { visibleTags } from './cells.js'
import { About } from './entry.js'
import { forecast, type NextRead, sentenceOf } from './explain-next.js'
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
  /**
   * What a read without options does now, as far as memory tells; `text` says the same. `stale` alone: while the source is
   * left alone after a failure, or a load is under way. `fail`: the error is remembered, or nothing is recorded to replay.
   */
  readonly next: NextRead
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
  const read = forecast(state, id, entry, freshness, now)
  if (entry === undefined || freshness === 'dead') {
    const missCause =
      entry === undefined ? (state.ghost.peek(id) ?? (state.ghost.forgot ? 'unknown' : 'never')) : 'expired'
    return {
      key,
      cached: false,
      next: read.next,
      missCause,
      ageMs: undefined,
      ttlMs: undefined,
      loadMs: undefined,
      bytes: undefined,
      tags: [],
      settings,
      text: `${state.shared === undefined ? 'Not cached' : 'Not in memory'} (${missCause}): ${sentenceOf(read)}.`,
    }
  }
  const times = timesOf(entry)
  const about = entry.about instanceof About ? entry.about : undefined
  const ageMs = Math.max(0, now - times.storedAt)
  const ttlMs = times.freshUntil === Infinity ? null : Math.max(0, times.freshUntil - now)
  const life =
    ttlMs === null ? 'never expires' : ttlMs === 0 ? 'past its ttl' : `fresh for ${formatDuration(ttlMs)} more`
  return {
    key,
    cached: true,
    next: read.next,
    missCause: undefined,
    ageMs,
    ttlMs,
    loadMs: about?.loadMs,
    bytes: entry.bytes,
    tags: about === undefined ? [] : visibleTags(about.cells),
    settings,
    text: `Stored ${formatDuration(ageMs)} ago, ${life}; ${sentenceOf(read)}.`,
  }
}

function settingsOf({ live: { policy } }: NamespaceState): SettingsInForce {
  const { sources, max } = policy
  return { ttlMs: ttlOf(policy), ttlFrom: sources.ttl, max, maxFrom: sources.max }
}
