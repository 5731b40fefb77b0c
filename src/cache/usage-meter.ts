import type { Counters } from './counters.js'
import type { NamespaceState } from './state.js'

/** Counts what an upstream call used, for the savings in `stats()`. */
export interface UsageMeter {
  add(used: { readonly tokens?: number; readonly money?: number }): void
}

/** Where a load of a namespace reports what its upstream call used. */
export function usageOf(state: NamespaceState): UsageMeter {
  const { counters } = state
  return { add: (used) => charge(counters, used) }
}

/** Adds what a load used. What an upstream reports may be anything; the sums stay numbers. */
export function charge(
  counters: Counters,
  used: Partial<Record<'tokens' | 'money', unknown>> | null | undefined,
): void {
  counters.loadTokens += amount(used?.tokens)
  counters.loadMoney += amount(used?.money)
}

function amount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0
}
