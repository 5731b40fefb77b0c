import type { EntryHeader } from '../codec/entry-header.js'
import { markerNames } from '../stores/shared-store.js'
import { isSubjectTag } from '../stores/subject.js'
import type { FoundEntry, Look } from './store-view.js'
import { durationText } from './text.js'

/** What a reader would get of a key now. */
export interface Verdict {
  /** Whether nothing has invalidated what is stored. Its age is another question. */
  readonly valid: boolean
  /** What the next read does, as `namespace.explain` has it. */
  readonly next: 'hit' | 'stale and refresh' | 'load, stale if it fails' | 'load'
  readonly reason: Reason
  /** One sentence for people. */
  readonly text: string
}

/** Why, in a word. */
export type Reason =
  | 'absent'
  | 'unreadable'
  | 'gone'
  | 'incarnation'
  | 'marker-absent'
  | 'invalidated'
  | 'fresh'
  | 'timeless'
  | 'softened'
  | 'past-ttl'

/** Pure: the protocol's one rule, and the age, in words. */
export function verdictOf(found: FoundEntry | undefined, namespace: string, look: Look): Verdict {
  const loading = look.isLoading ? ' Somebody is loading it, or was lately.' : ''
  if (found === undefined) return load('absent', `Nothing is stored: the next read loads.${loading}`)
  if (!found.header.ok)
    return load(
      'unreadable',
      `What is stored cannot be read (${found.header.reason}): the next read loads and overwrites it.`,
    )
  const { header } = found.header
  if (!found.isTimeless && found.goneInMs <= 0)
    return load('gone', 'Its life in the store is over: the next read loads.')
  return outranked(header, namespace, look) ?? aged(header, namespace, look, found.isTimeless)
}

/** The names of the markers that concern an entry that was found. */
export function namesFor(found: FoundEntry | undefined, namespace: string): readonly string[] {
  return markerNames(namespace, found?.header.ok === true ? found.header.header.tags : [])
}

function outranked(header: EntryHeader, namespace: string, look: Look): Verdict | undefined {
  if (header.inc !== look.inc)
    return load('incarnation', 'Not valid: the store has lost its memory of invalidations since. The next read loads.')
  if (look.overUntil > header.startSeq)
    return load('invalidated', 'Not valid: the key was deleted or set since. The next read loads.')
  for (const name of markerNames(namespace, header.tags)) {
    const marker = look.markers.get(name)
    if (marker === undefined) {
      const text = `Not valid: what is known of ${nameText(name)} was evicted, so it may have been invalidated. The next read loads.`
      return load('marker-absent', text)
    }
    if (marker.hard > header.startSeq)
      return load('invalidated', `Not valid: ${actText(name)} since it was loaded. The next read loads.`)
  }
  return undefined
}

function aged(header: EntryHeader, namespace: string, { markers, nowMs }: Look, isTimeless: boolean): Verdict {
  const softened = markerNames(namespace, header.tags).find((name) => (markers.get(name)?.soft ?? 0) > header.startSeq)
  const isExpired =
    softened !== undefined || (!Number.isInteger(header.freshUntilMs) && header.freshUntilMs !== Infinity)
  if (isTimeless && !isExpired)
    return {
      valid: true,
      next: 'hit',
      reason: 'timeless',
      text: 'Valid: the next read is a hit. No lifetime ends it in this folder.',
    }
  const leftMs = header.freshUntilMs - nowMs
  if (leftMs > 0 && softened === undefined) {
    const life = leftMs === Infinity ? 'it never expires' : `it is fresh for ${durationText(leftMs)} more`
    return { valid: true, next: 'hit', reason: 'fresh', text: `Valid: the next read is a hit, and ${life}.` }
  }
  return late(header, Math.max(0, -leftMs), softened)
}

function late({ staleForMs, errorForMs }: EntryHeader, lateMs: number, softened: string | undefined): Verdict {
  const reason = softened === undefined ? 'past-ttl' : 'softened'
  const why =
    softened === undefined ? `its freshness ended ${durationText(lateMs)} ago` : `${nameText(softened)} was expired`
  if (lateMs < staleForMs) {
    return {
      valid: true,
      next: 'stale and refresh',
      reason,
      text: `Valid, but ${why}: the next read gets it and refreshes it behind.`,
    }
  }
  if (lateMs < errorForMs) {
    return {
      valid: true,
      next: 'load, stale if it fails',
      reason,
      text: `Valid, but ${why}: the next read loads, and gets it if that fails.`,
    }
  }
  return { valid: true, next: 'load', reason, text: `Nothing has invalidated it, but ${why}: the next read loads.` }
}

function load(reason: Reason, text: string): Verdict {
  return { valid: false, next: 'load', reason, text }
}

function actText(name: string): string {
  if (name === '*') return 'the whole stash was cleared'
  if (name.startsWith('n/')) return `namespace '${name.slice(2)}' was cleared`
  return isSubjectTag(tagIn(name).tag) ? 'its subject was erased' : `${nameText(name)} was invalidated`
}

function nameText(name: string): string {
  if (name === '*') return 'the whole stash'
  if (name.startsWith('n/')) return `namespace '${name.slice(2)}'`
  const { namespace, tag } = tagIn(name)
  if (isSubjectTag(tag)) return 'its subject'
  return namespace === '' ? `tag '${tag}'` : `tag '${tag}' in namespace '${namespace}'`
}

function tagIn(name: string): { readonly namespace: string; readonly tag: string } {
  const slash = name.indexOf('/', 2)
  return { namespace: name.slice(2, slash), tag: name.slice(slash + 1) }
}
