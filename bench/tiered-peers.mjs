import { cachified } from '@epic-web/cachified'
import { createCache as createDedupe } from 'async-cache-dedupe'
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { createCache as createManager } from 'cache-manager'
import { Cacheable, createKeyv } from 'cacheable'
import { Keyv } from 'keyv'
import { LRUCache } from 'lru-cache'

const HOUR_MS = 3_600_000

/**
 * The libraries with a memory tier before a shared one, each set up as fast as it can be: no clones, no serialization.
 *
 * Each makes a `getOrSet(key)` for `load(key)`.
 */
export const tieredPeers = {
  'async-cache-dedupe': (load, max) => {
    const cache = createDedupe({ ttl: 3600, storage: { type: 'memory', options: { size: max } } })
    cache.define('read', load)
    return (key) => cache.read(key)
  },
  'cache-manager': (load) => {
    const plain = new Keyv({ store: new Map(), serialize: undefined, deserialize: undefined })
    const cache = createManager({ stores: [plain], ttl: HOUR_MS })
    return (key) => cache.wrap(key, () => load(key))
  },
  cachified: (load, max) => {
    const cache = new LRUCache({ max })
    return (key) => cachified({ key, cache, ttl: HOUR_MS, getFreshValue: () => load(key) })
  },
  bentocache: (load, max) => {
    const bento = createBento(max)
    return (key) => bento.getOrSet({ key, factory: () => load(key) })
  },
  cacheable: (load, max) => {
    const cache = createCacheable(max)
    return (key) => cache.getOrSet(key, async () => load(key))
  },
}

/** A BentoCache of one memory tier that keeps objects as they are. */
export function createBento(max) {
  const memory = bentostore().useL1Layer(memoryDriver({ maxItems: max, serialize: false }))
  return new BentoCache({ default: 'memory', ttl: HOUR_MS, stores: { memory } })
}

/** A Cacheable of one memory tier that does not clone. */
export function createCacheable(max) {
  return new Cacheable({ primary: createKeyv({ useClone: false, lruSize: max }), ttl: HOUR_MS })
}
