import type { NamespaceState } from './state.js'

/** Counts what an upstream call used, for the savings in `stats()`. */
export interface UsageMeter {
  add(used: { readonly tokens?: number; readonly money?: number }): void
}

/** Where a load of a namespace reports what its upstream call used. */
export function usageOf(state: NamespaceState): UsageMeter {
  const { counters } = state
  return {
    add(used) {
      counters.loadTokens += used.tokens ?? 0
      counters.loadMoney += used.money ?? 0
    },
  }
}
