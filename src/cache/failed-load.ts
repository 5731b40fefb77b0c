import { saidYes } from '../runtime/thenable.js'
import type { Counters } from './counters.js'
import { About, type Entry } from './entry.js'
import { backOffMs } from './freshness.js'
import type { Load } from './load-record.js'
import type { NamespaceState } from './state.js'
import { validEntry } from './valid.js'

/** The entry a failed load was to replace, if it may stand in for it; leaves the source alone for a while either way. */
export function standIn(state: NamespaceState, load: Load): Entry | undefined {
  const { replaces, mayStandIn } = load
  if (replaces === undefined || !(replaces.about instanceof About)) return undefined
  // Replaced, deleted or invalidated meanwhile: then nothing stands in.
  if (validEntry(state, load.id, 'peek') !== replaces) return undefined
  const { about } = replaces
  const now = state.clock.now()
  const failures = (about.trouble?.failures ?? 0) + 1
  about.trouble = { failures, retryAt: now + backOffMs(failures) }
  const windowMs = Math.max(about.staleForMs, about.errorForMs)
  // Without a stale window nobody asked for a stand-in: the failure reaches the caller, however fresh the entry is.
  return mayStandIn && windowMs > 0 && now < about.freshUntil + windowMs ? replaces : undefined
}

/** The read that began the load got a stale value, because it failed or took too long: that is a stale answer, no miss. */
export function takeMissBack({ counters }: NamespaceState, load: Load): void {
  if (load.missCause === undefined) return
  if (load.counted) {
    counters.misses--
    counters.missCauses[load.missCause]--
  }
  load.missCause = undefined
}

/**
 * What has been counted for good: without the reads whose load may yet be answered for by what it was to replace.
 *
 * A count that falls looks to whoever takes rates of it as if the process had begun anew.
 */
export function settledCounters({ counters, loads, shared }: NamespaceState): Counters {
  let { misses, coalesced } = counters
  const missCauses = { ...counters.missCauses }
  for (const load of loads.running) {
    // With a store it is known only when that has answered.
    if (load.replaces === undefined && (shared === undefined || load.counted)) continue
    coalesced -= load.joiners
    if (!load.counted || load.missCause === undefined) continue
    misses--
    missCauses[load.missCause]--
  }
  return { ...counters, misses, coalesced, missCauses }
}

/** Remembers an error the namespace chose to remember, unless something was invalidated since the load began. */
export function rememberError(state: NamespaceState, load: Load, error: unknown): void {
  const { negatives, coherence, live } = state
  const { negative, max } = live.policy
  if (negative === undefined || load.noStore || load.void || live.closed) return
  if (load.startSeq !== coherence.seq || !isChosen(negative.when, error)) return
  negatives.delete(load.id)
  negatives.set(load.id, { error, until: state.clock.now() + negative.ttlMs, generation: coherence.generation })
  if (negatives.size > max) for (const oldest of negatives.keys()) return void negatives.delete(oldest)
}

// A function of the host that throws must not keep the load's own error from its callers.
function isChosen(when: (error: unknown) => boolean, error: unknown): boolean {
  try {
    return saidYes(when(error))
  } catch {
    return false
  }
}
