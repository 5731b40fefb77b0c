import type { Fill } from './fills.js'
import type { NamespaceState } from './state.js'

/** Voids what is under way for a key: loads keep their callers, but leave nothing behind. */
export function supersede(state: NamespaceState, id: string, but?: Fill): void {
  const load = state.loads.get(id)
  if (load !== undefined) {
    load.void = true
    state.loads.delete(id)
  }
  state.fills.void(id, but)
  state.saves.delete(id)
  state.negatives.delete(id)
}
