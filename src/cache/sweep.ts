import type { Clock } from '../runtime/clock.js'
import type { NamespaceState } from './state.js'
import { freshnessOf, removeAs, validEntry } from './valid.js'

/** How often expired entries are swept out of memory. */
export const SWEEP_EVERY_MS = 300_000

/**
 * Sweeps expired entries while there are any entries at all; keeps no process alive.
 *
 * A sweep is armed when the stash is made and re-armed after each run, so an idle stash costs one timer.
 */
export function createSweeper(clock: Clock, states: readonly NamespaceState[]): { stop(): void } {
  let timer: unknown
  const arm = (): void => {
    timer = clock.setTimer(() => {
      for (const state of states) sweep(state, clock.now())
      arm()
    }, SWEEP_EVERY_MS)
  }
  arm()
  return { stop: () => clock.clearTimer(timer) }
}

/** Removes what is expired past every stale window, or invalidated. */
export function sweep(state: NamespaceState, now: number): void {
  for (const [id] of [...state.memory.entries()]) {
    const entry = validEntry(state, id, 'peek')
    if (entry !== undefined && freshnessOf(state, entry, now) === 'dead') removeAs(state, id, 'expired')
  }
}
