import { optionInvalid } from '../errors/option-error.js'
import { clientIn, type NodeRedisClient } from '../redis/node-redis.js'
import type { RedisSource } from '../redis/redis-source.js'
import type { Settings } from '../runtime/settings.js'
import { createKeyvStore } from '../stores/keyv.js'
import type { KeyvLike } from '../stores/keyv-source.js'
import { createRedisStore } from '../stores/redis.js'
import type { Connect } from './build-stash.js'
import { createEntryCodec } from './entry-codec.js'
import { SharedTier } from './shared-tier.js'
import type { NamespaceDefinitions, StashOptions } from './stash-options.js'

const REDIS_URL = /^(?:redis|rediss|valkey|valkeys):/i
const EXPECTED =
  "'memory', a URL (redis:, rediss:, valkey:, valkeys:), options or a client of node-redis, or a Keyv adapter"

/** How a stash reaches the store its options or `CACHE_URL` name; `undefined` for memory alone. Nothing is opened yet. */
export function connectorOf(options: StashOptions<NamespaceDefinitions>, environment: Settings): Connect | undefined {
  const name = options.store === undefined ? 'CACHE_URL' : 'store'
  const store: unknown = options.store ?? environment.cacheUrl
  if (store === undefined || store === 'memory') return undefined
  const prefix = options.prefix ?? 'hopstash'
  if (isRedis(store)) return redisConnector(store, prefix, name)
  if (isKeyv(store)) return keyvConnector(store, prefix)
  // The text may hold a password, so it is never shown.
  throw optionInvalid(name, EXPECTED, typeof store === 'string' ? Symbol('another text') : store)
}

function redisConnector(redis: RedisSource, prefix: string, name: string): Connect {
  return ({ clock, coherence }) => {
    const store = createRedisStore({ redis, prefix, clock, optionName: name })
    return {
      tier: new SharedTier({ store, codec: createEntryCodec(), clock, coherence }),
      ready: (timeoutMs) => store.ready(timeoutMs),
      health: () => ({ ...store.health(), kind: 'redis' }),
    }
  }
}

function keyvConnector(keyv: KeyvLike, prefix: string): Connect {
  return ({ clock, coherence }) => {
    const store = createKeyvStore(keyv, { prefix, clock })
    return {
      tier: new SharedTier({ store, codec: createEntryCodec(), clock, coherence }),
      ready: async () => true,
      health: () => ({ kind: 'keyv' }),
    }
  }
}

function isRedis(store: unknown): store is RedisSource {
  if (typeof store === 'string') return REDIS_URL.test(store)
  if (typeof store !== 'object' || store === null) return false
  if (clientIn(store as NodeRedisClient) !== undefined) return true
  return !isKeyv(store) && ('url' in store || 'socket' in store)
}

function isKeyv(store: unknown): store is KeyvLike {
  if (typeof store !== 'object' || store === null) return false
  const { get, set } = store as { get?: unknown; set?: unknown }
  return typeof get === 'function' && typeof set === 'function'
}
