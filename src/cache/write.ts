import { closed } from '../errors/load-error.js'
import { valueUnsupported } from '../errors/value-error.js'
import { requireFunction } from './argument-checks.js'
import { checkWriteOptions, type ScopeOption, type WriteOptions } from './call-options.js'
import { About } from './entry.js'
import { judgeWrite, keep } from './keep.js'
import { own } from './ownership.js'
import { identify } from './read.js'
import { countRefused } from './refusals.js'
import { saveShared } from './shared-save.js'
import type { NamespaceState } from './state.js'
import { supersede } from './supersede.js'
import { endFreshness, freshnessOf, removeAs, validEntry } from './valid.js'
import type { WriteResult } from './words.js'

const DONE: WriteResult = Object.freeze({ memory: 'done', store: 'none' })
const FAILED: WriteResult = Object.freeze({ memory: 'failed', store: 'none' })
const NOTHING: WriteResult = Object.freeze({ memory: 'none', store: 'none' })

/** Stores a copy of a value. Loads of the key that are in flight may end, but nothing of theirs is kept. */
export function set(
  state: NamespaceState,
  key: unknown,
  value: unknown,
  options: WriteOptions | undefined,
): WriteResult {
  if (options !== undefined) checkWriteOptions(options)
  const id = identify(state, key, options?.scope)
  supersede(state, id)
  return store(state, id, key, value, options)
}

/** Removes a key for good: no stale window serves it, and no load that began before brings it back. */
export function remove(state: NamespaceState, key: unknown, options: ScopeOption | undefined): WriteResult {
  const id = identify(state, key, options?.scope)
  supersede(state, id)
  state.counters.deletes++
  removeAs(state, id, 'invalidated')
  return DONE
}

/** Ends the freshness of a key; the value stays for stale fallback, where the namespace has such a window. */
export function expire(state: NamespaceState, key: unknown, options: ScopeOption | undefined): WriteResult {
  const id = identify(state, key, options?.scope)
  supersede(state, id)
  const entry = validEntry(state, id)
  if (entry === undefined) return NOTHING
  const now = Math.floor(state.clock.now())
  if (entry.about instanceof About) endFreshness(entry, entry.about, now)
  if (typeof entry.about === 'number' || freshnessOf(state, entry, now) === 'dead') removeAs(state, id, 'invalidated')
  return DONE
}

/**
 * Saves to the system of record, then stores. A failed save changes nothing here.
 *
 * Of two saves that overlap, nobody can tell which the system of record kept last: they end with no entry, never with
 * the older value. So does a save during which something was invalidated, by whatever tag: that may be what replaced it.
 * With a shared store its tokens and markers tell more exactly.
 */
export async function writeThrough(
  state: NamespaceState,
  key: unknown,
  value: unknown,
  save: (value: unknown) => unknown,
  options: WriteOptions | undefined,
): Promise<unknown> {
  if (options !== undefined) checkWriteOptions(options)
  requireSave(save)
  refuseClosed(state)
  if (state.shared !== undefined) return saveShared(state, state.shared, key, value, save, options)
  const id = identify(state, key, options?.scope)
  const token = {}
  const { generation } = state.coherence
  state.saves.set(id, token)
  let saved: unknown
  try {
    saved = await save(value)
  } catch (error) {
    if (state.saves.get(id) === token) state.saves.delete(id)
    throw error
  }
  const undisturbed = state.saves.get(id) === token && state.coherence.generation === generation
  const written = saved === undefined ? value : saved
  supersede(state, id)
  if (undisturbed && !state.live.closed) store(state, id, key, written, options)
  else removeAs(state, id, 'invalidated')
  return written
}

function store(
  state: NamespaceState,
  id: string,
  key: unknown,
  value: unknown,
  options: WriteOptions | undefined,
): WriteResult {
  const { counters, cells } = state
  const { policy } = state.live
  const owned = own(value, { isolation: policy.isolation, copy: true, maxBytes: policy.maxValueBytes })
  if ('refused' in owned || value === undefined) {
    countRefused(state, 'refused' in owned ? owned.refused : 'undefined')
    // The caller says the old value is over, whatever became of the new one.
    removeAs(state, id, 'invalidated')
    if ('refused' in owned && policy.strict && owned.refused === 'type')
      throw valueUnsupported(owned.path, owned.received)
    return FAILED
  }
  const judged = judgeWrite(state, key, value, options)
  if (judged === undefined || judged.life.ttlMs <= 0) {
    counters.refused[judged === undefined ? 'policy-error' : 'ttl']++
    removeAs(state, id, 'invalidated')
    return judged === undefined ? FAILED : NOTHING
  }
  const { tags, life } = judged
  counters.writes++
  cells.loadBegins()
  const marks = cells.ofAll(tags)
  const now = Math.floor(state.clock.now())
  keep(state, id, owned, { life, cells: marks, startSeq: state.coherence.seq, loadMs: 0, now })
  cells.loadEnds()
  return DONE
}

/** Asked before anything else, so that nothing is changed for a save that is none. @throws {OptionError} */
export function requireSave(save: unknown): void {
  requireFunction(save, 'save', 'a function that writes the value to the system of record')
}

/** @throws {LoadError} `ERR_CLOSED` */
export function refuseClosed(state: NamespaceState): void {
  if (state.live.closed) throw closed(`Namespace '${state.name}'`)
}
