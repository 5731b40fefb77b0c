import type { ByteBudget } from '../stores/memory.js'
import type { NamespaceStats } from './counters.js'
import type { Namespace } from './namespace.js'

/** Statistics of all namespaces at an instant. */
export interface StashStats {
  readonly namespaces: Readonly<Record<string, NamespaceStats>>
  readonly totals: {
    readonly size: number
    readonly bytes: number
    readonly maxBytes: number
    readonly hits: number
    readonly misses: number
    readonly stale: number
    readonly coalesced: number
    readonly hitRate: number
    readonly saved: NamespaceStats['saved']
  }
}

/** Adds the statistics of the namespaces of one stash up. */
export function stashStats(budget: ByteBudget, namespaces: Map<string, Namespace>): StashStats {
  const each = Object.fromEntries([...namespaces].map(([name, namespace]) => [name, namespace.stats()]))
  const sum = (pick: (stats: NamespaceStats) => number): number =>
    Object.values(each).reduce((total, one) => total + pick(one), 0)
  const hits = sum((one) => one.hits)
  const misses = sum((one) => one.misses)
  const stale = sum((one) => one.stale)
  const coalesced = sum((one) => one.coalesced)
  const answered = hits + misses + stale
  return {
    namespaces: each,
    totals: {
      size: sum((one) => one.size),
      bytes: budget.used,
      maxBytes: budget.limitBytes,
      hits,
      misses,
      stale,
      coalesced,
      hitRate: answered === 0 ? 0 : (hits + stale) / answered,
      saved: {
        calls: sum((one) => one.saved.calls),
        ms: sum((one) => one.saved.ms),
        tokens: sum((one) => one.saved.tokens),
        money: sum((one) => one.saved.money),
      },
    },
  }
}
