import type { FoundEntry } from './found-entry.js'
import { beginShared, endShared, readShared } from './shared-load.js'
import { heldInOutage } from './shared-run.js'
import type { NamespaceState, SharedSide } from './state.js'
import { freshnessOf, removeAs, validEntry } from './valid.js'

/** The entry of a key in the nearest tier that has it, whatever its age; `done` is told once, at once if memory has it. */
export function findShared(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  done: (found: FoundEntry | undefined) => void,
): void {
  // Whoever has been answered by a load of this process finds its value, also while the store is taking it.
  const published = state.loads.get(id)?.published
  if (published === undefined) look(state, tier, id, done)
  else void published.then(() => look(state, tier, id, done))
}

function look(
  state: NamespaceState,
  tier: SharedSide,
  id: string,
  done: (found: FoundEntry | undefined) => void,
): void {
  const held = validEntry(state, id)
  if (held !== undefined) {
    if (freshnessOf(state, held, state.clock.now()) !== 'dead') return void done({ id, entry: held, tier: 'memory' })
    removeAs(state, id, 'expired')
  }
  const flight = beginShared(state, tier, id, 'read')
  readShared(state, tier, id, flight, false, (entry) => {
    const kept = entry === undefined ? heldInOutage(state, tier, id) : undefined
    endShared(state, tier, id, flight)
    if (entry !== undefined) done({ id, entry, tier: 'store' })
    else done(kept && { id, entry: kept, tier: 'memory' })
  })
}
