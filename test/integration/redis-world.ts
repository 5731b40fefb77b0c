import { buildStash, connectionOf, type StashMethods } from '../../src/cache/build-stash.js'
import { createEntryCodec } from '../../src/cache/entry-codec.js'
import type { Namespace } from '../../src/cache/namespace.js'
import { namespace } from '../../src/cache/presets.js'
import { SharedTier } from '../../src/cache/shared-tier.js'
import type { BodyCodec } from '../../src/cache/state.js'
import { createSystemClock } from '../../src/runtime/clock.js'
import { readSettings } from '../../src/runtime/settings.js'
import { createRedisStore, type RedisStore, type RedisStoreOptions } from '../../src/stores/redis.js'

/** What the tests keep: which version of what. */
export interface Thing {
  readonly v: number
}

/** One stash over one store in Redis, as a process of its own would have it. */
export interface RedisProcess {
  readonly stash: StashMethods
  readonly things: Namespace<Thing, string>
  readonly store: RedisStore
  readonly tier: SharedTier
}

const entryCodec = createEntryCodec()

/** The stash's own codec. The stamp of a header is the store's to write. */
const codec: BodyCodec = {
  encode: (value, entry, key) => entryCodec.encode(value, { ...entry, inc: '', startSeq: 0 }, key),
  decode: entryCodec.decode,
}

/** Starts one process of the world; several of them in one test share nothing but the server. */
export async function startProcess(redis: string, options: Partial<RedisStoreOptions> = {}): Promise<RedisProcess> {
  const store = createRedisStore({ redis, ...options })
  const tiers: SharedTier[] = []
  const things = namespace<Thing, string>({ ttl: '1h', jitter: 0, max: 20_000, tags: () => ['all-things'] })
  const stash = buildStash({ clock: createSystemClock(), namespaces: { things } }, readSettings({}), (site) => {
    tiers.push(new SharedTier({ ...site, store, codec }))
    return connectionOf(tiers[0] as SharedTier)
  })
  const process = {
    stash,
    store,
    tier: tiers[0] as SharedTier,
    things: stash.namespace('things') as Namespace<Thing, string>,
  }
  return process
}

/** Waits until both can talk and hear. */
export async function untilConnected(...processes: readonly RedisProcess[]): Promise<void> {
  await eventually(() =>
    processes.every(({ store, tier }) => store.health().status === 'ready' && !tier.link.deaf && !tier.link.away),
  )
}

/** Looks every few ms until it holds. Rejects after `limitMs`; resolves to how long it took. */
export async function eventually(holds: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<number> {
  const startedAt = performance.now()
  while (!(await holds())) {
    if (performance.now() - startedAt > limitMs) throw new Error(`still not so after ${limitMs} ms: ${holds}`)
    await pause(5)
  }
  return performance.now() - startedAt
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
