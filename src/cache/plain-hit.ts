import type { Entry } from './entry.js'
import type { NamespaceState } from './state.js'

/** One hit in so many is timed. */
export const TIMED_EVERY = 1023

/** The entry of a key as the hit path of `getOrSet` takes it, counted; `undefined` where a read has to think. */
export function plainHit(state: NamespaceState, id: string): Entry | undefined {
  if (state.channel.hasSubscribers) return undefined
  const entry = state.memory.get(id)
  if (entry === undefined || entry.generation !== state.coherence.generation) return undefined
  if (state.clock.coarse() >= entry.checkAt) return undefined
  if ((++state.counters.hits & TIMED_EVERY) === 0) timeHit(state, id)
  return entry
}

/** Times what a hit does. */
export function timeHit(state: NamespaceState, id: string): void {
  const startedAt = state.clock.now()
  state.memory.get(id)
  state.clock.coarse()
  state.counters.hitTimes.record(state.clock.now() - startedAt)
}
