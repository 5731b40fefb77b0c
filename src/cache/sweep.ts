import type { Clock } from '../runtime/clock.js'
import type { NamespaceState } from './state.js'
import { freshnessOf, removeAs, validEntry } from './valid.js'

/** How often expired entries are swept out of memory. */
export const SWEEP_EVERY_MS = 300_000
/** Entries looked at in one turn of the event loop: half a million of them at once would hold it for a second. */
const AT_ONCE = 1000

/**
 * Sweeps expired entries while there are any entries at all; keeps no process alive.
 *
 * A sweep is armed when the stash is made and re-armed after each run, so an idle stash costs one timer.
 */
export function createSweeper(clock: Clock, states: readonly NamespaceState[]): { stop(): void } {
  let timer: unknown
  const arm = (): void => {
    timer = clock.setTimer(() => goOn(sweep(states, clock)), SWEEP_EVERY_MS)
  }
  const goOn = (pieces: Iterator<void>): void => {
    if (pieces.next().done === true) arm()
    else timer = clock.setTimer(() => goOn(pieces), 0)
  }
  arm()
  return { stop: () => clock.clearTimer(timer) }
}

/** Removes what is expired past every stale window, or invalidated, in pieces. */
function* sweep(states: readonly NamespaceState[], clock: Clock): Generator<void> {
  let left = AT_ONCE
  for (const state of states) {
    for (const id of [...state.memory.ids()]) {
      if (left === 0) {
        left = AT_ONCE
        yield
      }
      left--
      const entry = validEntry(state, id, 'peek')
      if (entry !== undefined && freshnessOf(state, entry, clock.now()) === 'dead') removeAs(state, id, 'expired')
    }
  }
}
