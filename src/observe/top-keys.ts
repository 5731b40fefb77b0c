import { CACHE_CHANNEL, type CacheOutcome } from '../cache/outcome.js'
import { subscribeTo } from '../runtime/channels.js'

/** One of the most read keys. */
export interface TopKey {
  readonly namespace: string
  /** Short digest. */
  readonly key: string
  readonly reads: number
  readonly hits: number
}

/** Counts reads by key while somebody looks. */
export interface TopKeys {
  /** Counts until the returned function is called; what several look at is counted once. */
  watch(): () => void
  read(): readonly TopKey[]
}

const COUNTED = 256
const SHOWN = 10

/**
 * Returns a counter of the most read keys.
 *
 * Bounded: when full, a new key takes the place and the count of the rarest one, so counts are at most too high.
 *
 * @see Metwally, Agrawal, El Abbadi: Efficient computation of frequent and top-k elements in data streams (2005)
 */
export function createTopKeys(): TopKeys {
  const counts = new Map<string, { namespace: string; key: string; reads: number; hits: number }>()
  let watchers = 0
  let end: (() => void) | undefined

  const count = (outcome: CacheOutcome): void => {
    if (outcome.key === undefined || (outcome.operation !== 'getOrSet' && outcome.operation !== 'get')) return
    const id = `${outcome.namespace}\u0000${outcome.key}`
    const found = counts.get(id)
    const isHit = outcome.status === 'hit' || outcome.status === 'stale' ? 1 : 0
    if (found !== undefined) {
      found.reads++
      found.hits += isHit
      return
    }
    const inherited = counts.size < COUNTED ? 0 : evictRarest(counts)
    counts.set(id, { namespace: outcome.namespace, key: outcome.key, reads: inherited + 1, hits: isHit })
  }

  return {
    watch() {
      if (watchers++ === 0) end = subscribeTo(CACHE_CHANNEL, (message) => count(message as CacheOutcome))
      let isWatching = true
      return () => {
        if (!isWatching) return
        isWatching = false
        if (--watchers > 0) return
        end?.()
        counts.clear()
      }
    },
    read: () =>
      [...counts.values()]
        .sort((a, b) => b.reads - a.reads)
        .slice(0, SHOWN)
        .map((one) => ({ ...one })),
  }
}

function evictRarest(counts: Map<string, { reads: number }>): number {
  let rarest = ''
  let reads = Infinity
  for (const [id, one] of counts) {
    if (one.reads >= reads) continue
    rarest = id
    reads = one.reads
  }
  counts.delete(rarest)
  return reads
}
