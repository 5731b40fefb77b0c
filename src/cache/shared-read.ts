import type { FoundEntry } from './found-entry.js'
import { beginShared, endShared, readShared } from './shared-load.js'
import { heldInOutage } from './shared-run.js'
import type { NamespaceState, SharedSide } from './state.js'
import { freshnessOf, removeAs, validEntry } from './valid.js'

/** The entry of a key in the nearest tier that has it, whatever its age. */
export async function findShared(state: NamespaceState, tier: SharedSide, id: string): Promise<FoundEntry | undefined> {
  const held = validEntry(state, id)
  if (held !== undefined) {
    if (freshnessOf(state, held, state.clock.now()) !== 'dead') return { id, entry: held, tier: 'memory' }
    removeAs(state, id, 'expired')
  }
  const flight = beginShared(state, tier, id, 'read')
  try {
    const entry = await readShared(state, tier, id, flight, false)
    if (entry !== undefined) return { id, entry, tier: 'store' }
    const kept = heldInOutage(state, tier, id)
    return kept === undefined ? undefined : { id, entry: kept, tier: 'memory' }
  } finally {
    endShared(state, tier, id, flight)
  }
}
