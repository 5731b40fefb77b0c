import { optionHidden, optionInvalid } from '../errors/option-error.js'
import { textDigest } from '../keys/text-digest.js'
import { clientIn, isManyServers } from '../redis/node-redis.js'
import { type RedisSource, resolveSource } from '../redis/redis-source.js'
import type { CacheMode, Settings } from '../runtime/settings.js'
import type { KeyvLike } from '../stores/keyv-source.js'
import type { Connect } from './build-stash.js'
import { folderConnector } from './connect-folder.js'
import { isFolder } from './folder.js'
import { createLateCodec, createLateStore } from './late-store.js'
import { storeInMode } from './mode-store.js'
import { resolveMode } from './recording.js'
import { SharedTier, type SharedTierOptions } from './shared-tier.js'
import type { NamespaceDefinitions, StashOptions } from './stash-options.js'
import { type ResolvedStoreOptions, resolveStoreOptions } from './store-options.js'

const REDIS_URL = /^(?:redis|rediss|valkey|valkeys):/i
const EXPECTED =
  "'memory', a URL (redis:, rediss:, valkey:, valkeys:, file:), options or a client of node-redis, a Keyv adapter, or a folder"

/**
 * How a stash reaches the store its options or `CACHE_URL` name; `undefined` for memory alone. Nothing is opened yet.
 *
 * The options are checked here. The code of stores and codec, most of the package, is loaded as soon as a stash with a
 * store is made: whoever keeps to memory never loads it.
 */
export function connectorOf(options: StashOptions<NamespaceDefinitions>, environment: Settings): Connect | undefined {
  const name = options.store === undefined ? 'CACHE_URL' : 'store'
  const given: unknown = options.store ?? environment.cacheUrl
  const store = given instanceof URL ? given.href : given
  if (store === undefined || store === 'memory') return undefined
  const mode = resolveMode(options.mode, environment, 'store')
  if (mode === 'off') return undefined
  const prefix = options.prefix ?? 'hopstash'
  const use = resolveStoreOptions(options)
  if (isFolder(store)) return folderConnector(store, { name, prefix, options, mode, use })
  // With a secret, what peers are told of a key is an HMAC.
  if (isRedis(store)) return redisConnector(store, prefix, name, use, mode, options.secret === undefined)
  if (isKeyv(store)) return keyvConnector(store, prefix, use, mode)
  // The text may hold a password, so it is never shown.
  throw typeof store === 'string'
    ? optionHidden(name, EXPECTED, 'another text')
    : optionInvalid(name, EXPECTED, store, hintFor(store))
}

function hintFor(store: unknown): string | undefined {
  if (typeof store !== 'object' || store === null) return undefined
  if ('sendCommand' in store) return 'Pools, and clients of other packages, are not taken: give the URL.'
  return 'host' in store ? 'Say `{ socket: { host, port } }`, or give a URL.' : undefined
}

function redisConnector(
  redis: RedisSource,
  prefix: string,
  name: string,
  use: ResolvedStoreOptions,
  mode: CacheMode,
  digestIsHash: boolean,
): Connect {
  const { address } = resolveSource(redis, name)
  return ({ clock, coherence }) => {
    const store = createLateStore(async () => {
      const { createRedisStore } = await import('../stores/redis.js')
      const { timeoutMs: timeout, onStoreRestart, isShared } = use
      return createRedisStore({
        redis,
        prefix,
        clock,
        optionName: name,
        timeout,
        onStoreRestart,
        isShared,
        digestIsHash,
      })
    })
    const digestOf = digestIsHash ? textDigest : undefined
    const bodies = createTally()
    return {
      tier: new SharedTier({
        store: storeInMode(store, mode),
        clock,
        coherence,
        digestOf,
        ...tierOptions(use, bodies),
      }),
      ready: (timeoutMs) => store.arrival.then((redisStore) => redisStore.ready(timeoutMs), isNotThere),
      health() {
        const told = store.arrived?.health()
        if (told === undefined) return { address, status: 'connecting', kind: 'redis' }
        return { ...told, unreadable: bodies.with(told.unreadable), kind: 'redis' }
      },
    }
  }
}

function keyvConnector(keyv: KeyvLike, prefix: string, use: ResolvedStoreOptions, mode: CacheMode): Connect {
  return ({ clock, coherence }) => {
    const store = createLateStore(async () => {
      const { createKeyvStore } = await import('../stores/keyv.js')
      return createKeyvStore(keyv, { prefix, clock, recheck: use.recheckMs })
    })
    const bodies = createTally()
    return {
      tier: new SharedTier({ store: storeInMode(store, mode), clock, coherence, ...tierOptions(use, bodies) }),
      ready: async () => true,
      health: () => ({ kind: 'keyv', unreadable: bodies.with({}) }),
    }
  }
}

/** What was no value to the codec, by reason. */
interface Tally {
  count(why: string): void
  /** Together with what the store counted. */
  with(others: Readonly<Record<string, number>>): Readonly<Record<string, number>>
}

function createTally(): Tally {
  const counts: Record<string, number> = {}
  return {
    count(why) {
      counts[why] = (counts[why] ?? 0) + 1
    },
    with(others) {
      const sums = { ...others }
      for (const [why, count] of Object.entries(counts)) sums[why] = (sums[why] ?? 0) + count
      return sums
    },
  }
}

function tierOptions(
  use: ResolvedStoreOptions,
  bodies: Tally,
): Omit<SharedTierOptions, 'store' | 'clock' | 'coherence'> {
  const codec = createLateCodec(async () =>
    (await import('./entry-codec.js')).createEntryCodec(use.codec, bodies.count),
  )
  return { codec, storeTimeoutMs: use.timeoutMs, maxDisconnectedMs: use.maxDisconnectedMs }
}

function isNotThere(): boolean {
  return false
}

function isRedis(store: unknown): store is RedisSource {
  if (typeof store === 'string') return REDIS_URL.test(store)
  if (typeof store !== 'object' || store === null) return false
  return (
    isManyServers(store) || clientIn(store) !== undefined || (!isKeyv(store) && ('url' in store || 'socket' in store))
  )
}

function isKeyv(store: unknown): store is KeyvLike {
  if (typeof store !== 'object' || store === null) return false
  return (['get', 'set', 'delete'] as const).every((method) => typeof (store as KeyvLike)[method] === 'function')
}
