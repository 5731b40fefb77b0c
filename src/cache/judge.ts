import { saidYes } from '../runtime/thenable.js'
import { outranked } from './cells.js'
import { lifetimeOf, tagsFor } from './keep.js'
import type { Load } from './load-record.js'
import type { LoadRequest } from './load-request.js'
import type { LoadContext } from './loader.js'
import type { NamespaceState } from './state.js'
import { charge } from './usage-meter.js'

/** Whether the value may be kept, and for how long; `undefined` keeps nothing. Never throws: the caller gets the value. */
export function judge(state: NamespaceState, load: Load, request: LoadRequest, context: LoadContext, value: unknown) {
  const { counters } = state
  const { policy } = state.live
  try {
    load.cells = state.cells.ofAll(tagsFor(state, value, request.input, request.options, context.tags))
    if (policy.cost !== undefined) charge(counters, policy.cost(value))
    if (value === undefined) return refuse('undefined')
    if (load.noStore || state.live.closed) return undefined
    if (!allows(policy.cacheable, value) || !allows(request.cacheable, value)) return refuse('uncacheable')
    const life = lifetimeOf(state, value, { askedMs: context.ttlMs, ...request })
    if (life.ttlMs <= 0) return refuse('ttl')
    // Last: the functions above are the host's, and may themselves invalidate.
    if (load.void || outranked(load.cells, load.startSeq)) return refuse('invalidated')
    return { life, cells: load.cells }
  } catch {
    return refuse('policy-error')
  }

  function refuse(reason: keyof typeof counters.refused): undefined {
    counters.refused[reason]++
    return undefined
  }
}

function allows(cacheable: LoadRequest['cacheable'], value: unknown): boolean {
  return cacheable === undefined || saidYes(cacheable(value))
}
