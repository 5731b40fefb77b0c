import type { Fill } from './fills.js'
import type { NamespaceState } from './state.js'

/**
 * Voids what is under way for a key: loads keep their callers, but leave nothing behind.
 *
 * @param written Id of the entry that was written instead: who brings that very one may keep it.
 */
export function supersede(state: NamespaceState, id: string, but?: Fill, written?: string): void {
  const load = state.loads.get(id)
  if (load !== undefined) {
    load.void = true
    state.loads.delete(id)
  }
  state.fills.void(id, but, written)
  state.saves.delete(id)
  state.negatives.delete(id)
}
