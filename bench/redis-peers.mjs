import { cachified } from '@epic-web/cachified'
import KeyvRedis from '@keyv/redis'
import { createCache as createDedupe } from 'async-cache-dedupe'
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { createCache as createManager } from 'cache-manager'
import { Cacheable, createKeyv } from 'cacheable'
import { Keyv } from 'keyv'
import { LRUCache } from 'lru-cache'
import { clientOf } from './redis-server.mjs'

const HOUR_MS = 3_600_000
const BULK = 36

/** Entries in memory, where there is one: fewer than any trial has keys, and these come in turn. */
export const IN_MEMORY = 8

/** The bare client: `GET` and `SET`, with JSON or with bytes. */
export function rawPeer(client) {
  return {
    get: async (key) => JSON.parse(await client.get(key)),
    set: (key, value) => client.set(key, JSON.stringify(value), { PX: HOUR_MS }),
    getMany: async (keys) => (await client.mGet(keys)).map((text) => JSON.parse(text)),
    getBytes: (key) => client.sendCommand(['GET', key], { typeMapping: { [BULK]: Buffer } }),
    setBytes: (key, bytes) => client.sendCommand(['SET', key, bytes, 'PX', String(HOUR_MS)]),
  }
}

/**
 * The libraries over one server, each with the fastest set-up it documents. Those with a memory tier have one of a few
 * entries, so that reads of changing keys reach the server. Two have no driver for this client: theirs is the shortest one
 * that does the same as the bare client.
 */
export async function redisPeers(url) {
  const client = async () => clientOf(url)
  const adapter = async () => new KeyvRedis(await client(), { keyPrefixSeparator: ':' })
  return {
    keyv: keyvPeer(new Keyv({ store: await adapter(), ttl: HOUR_MS })),
    cachified: cachifiedPeer(await client()),
    'async-cache-dedupe': dedupePeer(await client()),
    'cache-manager': managerPeer(await adapter()),
    cacheable: cacheablePeer(await adapter()),
    bentocache: bentoPeer(await client()),
  }
}

/** Those with two tiers. */
export const TWO_TIERS = ['cache-manager', 'cacheable', 'bentocache']

function keyvPeer(keyv) {
  return {
    get: (key) => keyv.get(key),
    set: (key, value) => keyv.set(key, value),
    getMany: (keys) => keyv.getMany(keys),
  }
}

function cachifiedPeer(client) {
  const cache = {
    name: 'redis',
    get: async (key) => JSON.parse(await client.get(`c:${key}`)),
    set: (key, entry) => client.set(`c:${key}`, JSON.stringify(entry), { PX: HOUR_MS }),
    delete: (key) => client.del(`c:${key}`),
  }
  const load = (key, getFreshValue, forceFresh) => cachified({ key, cache, ttl: HOUR_MS, getFreshValue, forceFresh })
  return { get: (key) => load(key, missed), set: (key, value) => load(key, () => value, true) }
}

function dedupePeer(client) {
  const storage = {
    get: async (key) => {
      const text = await client.get(`d:${key}`)
      return text === null ? undefined : JSON.parse(text)
    },
    set: (key, value, ttl) => client.set(`d:${key}`, JSON.stringify(value), { EX: ttl }),
    remove: (key) => client.del(`d:${key}`),
    invalidate: () => {},
    clear: () => {},
    refresh: () => {},
    getTTL: () => 3600,
    exists: async (key) => (await client.exists(`d:${key}`)) > 0,
  }
  const cache = createDedupe({ ttl: 3600, storage: { type: 'custom', options: { storage } } })
  cache.define('read', missed)
  // Reads prefix the key by the function's name, `set` does not.
  return { get: (key) => cache.read(key), set: (key, value) => cache.set('read', `read~${key}`, value, HOUR_MS / 1000) }
}

function managerPeer(store) {
  const memory = new LRUCache({ max: IN_MEMORY })
  const first = new Keyv({ store: memory, serialize: undefined, deserialize: undefined })
  const cache = createManager({ stores: [first, new Keyv({ store, namespace: 'm' })], ttl: HOUR_MS })
  return {
    get: (key) => cache.wrap(key, missed),
    set: (key, value) => cache.set(key, value),
    getMany: (keys) => cache.mget(keys),
  }
}

function cacheablePeer(store) {
  const primary = createKeyv({ useClone: false, lruSize: IN_MEMORY })
  const cache = new Cacheable({ primary, secondary: new Keyv({ store, namespace: 'a' }), ttl: HOUR_MS })
  return {
    get: (key) => cache.get(key),
    set: (key, value) => cache.set(key, value),
    getMany: (keys) => cache.getMany(keys),
  }
}

function bentoPeer(client) {
  const driver = {
    options: {},
    factory: (config) => bentoDriver(client, config?.prefix ?? 'b'),
  }
  const memory = memoryDriver({ maxItems: IN_MEMORY })
  const store = bentostore().useL1Layer(memory).useL2Layer(driver)
  const bento = new BentoCache({ default: 'redis', ttl: HOUR_MS, stores: { redis: store } })
  return {
    get: (key) => bento.getOrSet({ key, factory: missed }),
    set: (key, value) => bento.set({ key, value }),
  }
}

export function bentoDriver(client, prefix) {
  return {
    type: 'l2',
    namespace: (name) => bentoDriver(client, `${prefix}:${name}`),
    get: async (key) => (await client.get(`${prefix}:${key}`)) ?? undefined,
    set: async (key, value, ttl) => (await client.set(`${prefix}:${key}`, value, ttl ? { PX: ttl } : {})) === 'OK',
    delete: async (key) => (await client.del(`${prefix}:${key}`)) > 0,
    deleteMany: async (keys) => (await client.del(keys.map((key) => `${prefix}:${key}`))) > 0,
    pull: () => missed(),
    has: async (key) => (await client.exists(`${prefix}:${key}`)) > 0,
    clear: async () => {},
    disconnect: () => client.close(),
  }
}

function missed() {
  throw new Error('this should have been a hit')
}
